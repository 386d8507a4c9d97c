"""A mail becomes a case, goes on with one, or is noted and answered to nobody; the same mail once more changes nothing.

Bounces, automatic answers, mailing lists and our own mail open no case. What cannot be read opens one for a person, so that
nobody is lost. A mail that its brand's server does not vouch for makes its case one whose sender is not certain.
"""

import hashlib
from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from apps.interactions import intake, notifying
from apps.interactions.mail import quotes, threads
from apps.interactions.mail.reading import Incoming
from apps.interactions.models import Customer, Interaction, Mail, MailBox, Message, Notice, OutgoingMail
from apps.policies import audit

_MAIL = audit.system("mail")
_OURS = ("ai", "agent", "bot")
_ASIDE = frozenset({Mail.Kind.AUTOMATIC, Mail.Kind.LIST, Mail.Kind.OWN})


def receive(box: MailBox, mail: Incoming) -> Interaction | None:
    """The case that it went to, if it went to one."""
    now = timezone.now()
    with transaction.atomic():
        noted, is_new = _noted(box, mail.message_id, mail, now)
        if not is_new and noted.digest != mail.digest:  # some senders give all of their mails one id
            mail = replace(mail, message_id=mail.own_id)
            noted, is_new = _noted(box, mail.own_id, mail, now)
        if not is_new:
            return noted.interaction
        if mail.kind in _ASIDE:
            noted.interaction = threads.by_ids(box.partner, mail.about)
        elif mail.kind == Mail.Kind.BOUNCE:
            noted.interaction = _came_back(box, mail, now)
        else:
            named, why_not = threads.case_of(box.partner, mail)
            noted.note = " ".join(filter(None, [noted.note, why_not]))
            noted.interaction = _goes_on(named, mail, now) if named is not None else _opens(box, mail, now)
        noted.save(update_fields=["interaction", "note"])
    return noted.interaction


def _noted(box: MailBox, message_id: str, mail: Incoming, now: datetime) -> tuple[Mail, bool]:
    said = {
        "kind": mail.kind,
        "party": mail.sender,
        "subject": mail.subject,
        "note": mail.note,
        "digest": mail.digest,
        "at": now,
    }
    return Mail.objects.get_or_create(partner=box.partner, message_id=message_id, defaults=said)


def _goes_on(case: Interaction, mail: Incoming, now: datetime) -> Interaction:
    return intake.add_message(case, _words(mail, now, _said_by_us(case)), actor=_MAIL, vouched=mail.is_vouched)


def _opens(box: MailBox, mail: Incoming, now: datetime) -> Interaction:
    customer = _customer(box, mail)
    arrival = intake.Arrival(
        external_id=f"mail-{hashlib.sha256(mail.message_id.encode()).hexdigest()[:40]}", channel="email",
        messages=[_words(mail, now, [])], customer=customer.external_id if customer else None, subject=mail.subject,
        sender_verified=mail.is_vouched,
    )  # fmt: skip
    return intake.accept(box.partner, arrival, actor=_MAIL, now=now).interaction


def _customer(box: MailBox, mail: Incoming) -> Customer | None:
    """Whose address it is, where it is one customer's alone."""
    if not mail.sender:
        return None
    found = list(Customer.objects.filter(partner=box.partner, email__iexact=mail.sender)[:2])
    return found[0] if len(found) == 1 else None


def _said_by_us(case: Interaction) -> list[str]:
    return list(Message.objects.filter(interaction=case, author__in=_OURS).values_list("text", flat=True))


def _words(mail: Incoming, now: datetime, ours: list[str]) -> intake.Words:
    text = quotes.own_words(mail.text, ours)
    if mail.kind == Mail.Kind.UNREADABLE:
        text = f"A mail came in that cannot be read here: {mail.note}. It lies in the mailbox. {text}".strip()
    elif not text:
        text = "(A mail without words of its own.)"
    sent_at = min(mail.sent_at or now, now)
    return intake.Words("customer", text, sent_at, now, attachments=mail.attachments)


def _came_back(box: MailBox, mail: Incoming, now: datetime) -> Interaction | None:
    """A reply of ours did not arrive: whoever is on duty finds another way to the customer."""
    case = threads.by_ids(box.partner, mail.about)
    if case is None:
        return None
    ours = Mail.objects.filter(partner=box.partner, message_id__in=list(mail.about), kind=Mail.Kind.REPLY).first()
    if ours is None:
        return case
    name = ours.message_id.strip("<>").partition("@")[0]
    OutgoingMail.objects.filter(interaction=case, name=name).update(error="It came back: it could not be delivered.")
    undelivered(case, f"a reply to {ours.party} came back", now)
    return case


def undelivered(case: Interaction, why: str, now: datetime) -> None:
    audit.record(_MAIL, case, "reply_undelivered", reason=why, at=now)
    text = f"{case.partner.name}: {why}: the customer does not know our answer"
    notifying.raise_notice(
        Notice.Kind.MAIL, f"mail:{case.pk}:{now:%Y-%m-%d}", text, f"/admin/interactions/interaction/{case.pk}/change/", now,
        partner=case.partner, case_type=case.case_type,
    )  # fmt: skip
