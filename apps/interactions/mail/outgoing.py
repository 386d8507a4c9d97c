"""Replies that leave by mail: what waits, and the mail that each of them is."""

from collections.abc import Sequence
from dataclasses import dataclass
from email.header import Header
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime, formataddr

from django.db.models import Q
from django.utils import timezone

from apps.interactions.mail.contents import clean
from apps.interactions.mail.reading import LOOP
from apps.interactions.models import Interaction, Mail, MailBox, OutboxEvent, OutgoingMail
from apps.interactions.models.mail import HEARD

MOST_REFERENCES = 20


def put(events: Sequence[OutboxEvent]) -> None:
    """Of replies that were just written, those on cases whose customer wrote to a mailbox, there or on a case that was merged
    into it, whatever its channel. In the caller's transaction."""
    boxes = MailBox.objects.filter(partner__in={event.partner_id for event in events}, partner__sandbox_of__isnull=True)
    partners = set(boxes.values_list("partner", flat=True))
    asked = [event for event in events if event.partner_id in partners]
    if not asked:
        return
    by_mail = Q(mails__kind__in=HEARD) | Q(merged__mails__kind__in=HEARD)
    names = [event.subject for event in asked]
    cases = {str(case.reference): case for case in Interaction.objects.filter(by_mail, reference__in=names).distinct()}
    now = timezone.now()
    OutgoingMail.objects.bulk_create(
        OutgoingMail(
            event=event, partner_id=event.partner_id, interaction=cases[event.subject], text=event.payload["text"],
            made_at=now, next_at=now,
        )
        for event in asked if event.subject in cases
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Written:
    message_id: str
    to: str
    raw: bytes


def write(row: OutgoingMail, box: MailBox) -> Written | None:
    """The mail of a reply, in the thread of the customer's last mail; None where nobody is there to send it to.

    Headers are written as they are to stand there: the library's newer classes decode once more what a stranger encoded twice.
    """
    case = row.interaction
    of_case = Q(interaction=case) | Q(interaction__merged_into=case)
    thread = list(Mail.objects.filter(of_case, kind__in=[*HEARD, Mail.Kind.REPLY]).order_by("id"))
    theirs = [mail for mail in thread if mail.kind in HEARD and mail.party.isascii() and mail.party]
    if not theirs:
        return None
    last, (local, _, domain) = theirs[-1], box.address.partition("@")
    message_id = f"<{row.name}@{domain}>"
    mail = MIMEText(row.text, "plain", "utf-8")
    mail["From"] = formataddr((_line(case.partner.name), box.address), "utf-8")
    mail["To"] = last.party
    mail["Reply-To"] = f"{local}+{case.reference.hex}@{domain}"
    mail["Subject"] = Header(_subject(_line(last.subject)), "utf-8").encode()
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
    return Written(message_id, last.party, mail.as_bytes(policy=compat32.clone(linesep="\r\n")))


def _line(text: str) -> str:
    """In one line, and without what no database and no header holds."""
    return " ".join(clean(text).split())


def _subject(subject: str) -> str:
    return (subject if subject.lower().startswith(("re:", "aw:", "sv:")) else f"Re: {subject}".strip())[:200]
