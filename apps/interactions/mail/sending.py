"""Sending by SMTP: each reply until a server takes it or refuses it for good.

As mail servers do, one whose answer got lost is sent again, under the same Message-ID: a reply that comes twice is seen to be
one, and a reply that never comes is not. No more than `MOST_AN_HOUR` go to one address, so that two machines cannot answer each
other for ever.
"""

import logging
import smtplib
import ssl
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import pgbulk
from django.db import transaction
from django.utils import timezone

from apps.interactions import vault
from apps.interactions.connections import NOBODY, OUTAGE, Busy, Desk, Task, fairly
from apps.interactions.mail import fetching, outgoing, receiving
from apps.interactions.models import Mail, MailBox, OutgoingMail

log = logging.getLogger(__name__)

SECONDS = 20  # of one step with the server
LEASE = timedelta(minutes=10)  # longer than all the steps of one mail may take
AT_ONCE = 3  # of one mailbox, so that a dead server holds up nobody else's
WAITS = [timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360, 720, 1440)]
MOST_AN_HOUR = 20
_S = OutgoingMail.Status


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail on its way, as values."""

    row_id: int
    token: uuid.UUID
    host: str
    port: int
    security: str
    user: str
    password: str
    sender: str
    written: outgoing.Written


class Refused(Exception):
    """The server will not take it, today or tomorrow."""


def take(limit: int, busy: Busy = NOBODY) -> list[Task]:
    now, token = timezone.now(), uuid.uuid4()
    with transaction.atomic():
        due = OutgoingMail.objects.filter(status=_S.WAITING, next_at__lte=now, partner__mailbox__paused=False)
        under_way = OutgoingMail.objects.filter(status=_S.WAITING, token__isnull=False, next_at__gt=now)
        sent = Counter(under_way.values_list("partner", flat=True)) | Counter(busy)
        fair = fairly(due, sent, AT_ONCE, ("next_at", "pk"), limit)
        waiting = (
            due.filter(pk__in=fair).select_for_update(no_key=True, skip_locked=True, of=("self",))
            .select_related("partner__mailbox", "interaction__partner", "event").order_by("next_at", "pk")
        )  # fmt: skip
        rows = []
        for row in waiting:
            if sent[row.partner_id] < AT_ONCE:
                sent[row.partner_id] += 1
                rows.append(row)
        for row in rows:
            row.attempts, row.token, row.next_at = row.attempts + 1, token, now + LEASE
        pgbulk.update(OutgoingMail, rows, ["attempts", "token", "next_at"])
    tasks = []
    for row in rows:
        try:
            letter = _letter(row, row.partner.mailbox)
        except OUTAGE:
            raise  # of the moment: its lease ends, and it is taken up again
        except Exception as error:  # what a stranger wrote may be nothing that a mail can be made of
            log.exception("reply %s cannot be written as a mail", row.pk)
            finish(row.pk, token, None, error if isinstance(error, vault.Unreadable) else Refused(str(error)))
            continue
        tasks.append(Task(partial(send, letter), partial(finish, row.pk, token, letter.written), row.partner_id))
    return tasks


def _letter(row: OutgoingMail, box: MailBox) -> Letter:
    written = outgoing.write(row, box)
    if written is None:
        raise Refused("nobody is there to send it to")
    lately = Mail.objects.filter(
        partner=row.partner, kind=Mail.Kind.REPLY, party=written.to, at__gte=timezone.now() - timedelta(hours=1)
    )
    if lately.count() >= MOST_AN_HOUR:
        raise Refused(
            f"{MOST_AN_HOUR} mails went to this address within the hour: two machines may be answering each other"
        )
    password = vault.open_sealed(box.smtp_password) if box.smtp_password else ""
    assert row.token is not None
    return Letter(
        row.pk,
        row.token,
        box.smtp_host,
        box.smtp_port,
        box.smtp_security,
        box.smtp_user,
        password,
        box.address,
        written,
    )


def send(letter: Letter) -> None:
    """In a thread. Raises Refused, or what makes it worth another try."""
    fetching.refuse_in_the_clear(letter.host, letter.security)
    context = ssl.create_default_context()
    server: smtplib.SMTP
    if letter.security == MailBox.Security.TLS:
        server = smtplib.SMTP_SSL(letter.host, letter.port, timeout=SECONDS, context=context)
    else:
        server = smtplib.SMTP(letter.host, letter.port, timeout=SECONDS)
    try:
        if letter.security == MailBox.Security.STARTTLS:
            server.starttls(context=context)
        if letter.user:
            server.login(letter.user, letter.password)
        server.sendmail(letter.sender, [letter.written.to], letter.written.raw)
    except smtplib.SMTPRecipientsRefused as error:
        ((code, said),) = error.recipients.values()
        raise (Refused if code >= 500 else ConnectionError)(f"{code} {_words(said)}") from error
    except smtplib.SMTPResponseException as error:
        is_final = error.smtp_code >= 500 and isinstance(error, smtplib.SMTPDataError)  # else it is a mistake of ours
        raise (Refused if is_final else ConnectionError)(f"{error.smtp_code} {_words(error.smtp_error)}") from error
    finally:
        server.close()


def _words(said: bytes | str) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)


def finish(row_id: int, token: uuid.UUID, written: outgoing.Written | None, came: Exception | None) -> None:
    now = timezone.now()
    with transaction.atomic():
        row = (
            OutgoingMail.objects.select_for_update(no_key=True, of=("self",)).select_related("interaction__partner")
            .filter(pk=row_id, status=_S.WAITING).first()
        )  # fmt: skip
        if row is None or (came is not None and row.token != token):
            return  # its lease ended, and somebody else has it; but what was taken is taken, whoever sent it
        row.token, row.error = None, "" if came is None else f"{came}"[:500].replace("\x00", "")
        if came is None and written is not None:
            row.status, row.ended_at, row.next_at = _S.SENT, now, None
            Mail.objects.get_or_create(
                partner=row.partner, message_id=written.message_id,
                defaults={"kind": Mail.Kind.REPLY, "party": written.to, "interaction": row.interaction, "at": now},
            )  # fmt: skip
        elif isinstance(came, Refused) or row.attempts > len(WAITS):
            row.status, row.ended_at, row.next_at = _S.GAVE_UP, now, None
            receiving.undelivered(row.interaction, f"a reply could not be sent ({row.error})", now)
        else:
            row.next_at = now + WAITS[row.attempts - 1]
        row.save(update_fields=["token", "error", "status", "ended_at", "next_at"])


DESK = Desk("mail", take, threads=16)
