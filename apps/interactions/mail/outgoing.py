"""Replies that leave by mail: what waits, and the mail that each of them is."""

from collections.abc import Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from django.utils import timezone

from apps.interactions.mail.reading import LOOP
from apps.interactions.models import Interaction, Mail, MailBox, OutboxEvent, OutgoingMail

MOST_REFERENCES = 20


def put(events: Sequence[OutboxEvent]) -> None:
    """Of replies that were just written, those on cases whose customer wrote to a mailbox. In the caller's transaction."""
    names = [event.subject for event in events]
    cases = {
        str(case.reference): case
        for case in Interaction.objects.filter(
            reference__in=names, mails__kind=Mail.Kind.MESSAGE, partner__mailbox__isnull=False, partner__sandbox_of__isnull=True
        ).distinct()
    }  # fmt: skip
    now = timezone.now()
    OutgoingMail.objects.bulk_create(
        OutgoingMail(
            event=event, partner_id=event.partner_id, interaction=cases[event.subject], text=event.payload["text"],
            made_at=now, next_at=now,
        )
        for event in events if event.subject in cases
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Written:
    message_id: str
    to: str
    raw: bytes


def write(row: OutgoingMail, box: MailBox) -> Written | None:
    """The mail of a reply, in the thread of the customer's last mail; None where nobody is there to send it to."""
    case = row.interaction
    thread = list(Mail.objects.filter(interaction=case, kind__in=[Mail.Kind.MESSAGE, Mail.Kind.REPLY]).order_by("id"))
    theirs = [mail for mail in thread if mail.kind == Mail.Kind.MESSAGE and mail.party]
    if not theirs:
        return None
    last, (local, _, domain) = theirs[-1], box.address.partition("@")
    message_id = f"<{row.name}@{domain}>"
    mail = EmailMessage(policy=SMTP.clone(max_line_length=78))
    mail["From"] = Address(_line(case.partner.name), local, domain)
    mail["To"] = last.party
    mail["Reply-To"] = f"{local}+{case.reference.hex}@{domain}"
    mail["Subject"] = _subject(_line(last.subject))
    mail["Date"] = format_datetime(row.made_at)
    mail["Message-ID"] = message_id
    before = [
        one.message_id
        for one in thread
        if one.message_id != message_id and not one.message_id.endswith("@remit.invalid>")
    ]
    if before:
        mail["In-Reply-To"] = last.message_id if last.message_id in before else before[-1]
        mail["References"] = " ".join(before[-MOST_REFERENCES:])
    if row.event is None or row.event.payload.get("by") != "agent":  # RFC 3834: what no person wrote says so
        mail["Auto-Submitted"] = "auto-replied"
        mail["X-Auto-Response-Suppress"] = "All"
    mail[LOOP] = box.address
    mail.set_content(row.text)
    return Written(message_id, last.party, mail.as_bytes())


def _line(text: str) -> str:
    """In one line: what a stranger wrote puts no header of its own into ours."""
    return " ".join(text.split())


def _subject(subject: str) -> str:
    return (subject if subject.lower().startswith(("re:", "aw:", "sv:")) else f"Re: {subject}".strip())[:200]
