"""Reading mailboxes by IMAP. Nothing in a mailbox is changed: how far it was read is ours to know.

A new mailbox begins with what comes from now on. When its numbers begin anew, as after a restore, the last week is read once
more, and what is known changes nothing.
"""

import imaplib
import logging
import re
import ssl
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from imapclient import IMAPClient

from apps.interactions import vault
from apps.interactions.connections import NOBODY, OUTAGE, Busy, Desk, Task
from apps.interactions.mail import reading, receiving
from apps.interactions.mail.reading import Box, Incoming
from apps.interactions.models import Mail, MailBox

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
SECONDS = 20  # of one exchange with the server
LOOKS_FOR = 120.0  # seconds, less than the lease; what is left is the next look's
AT_ONCE = 25  # mails of one look; the others are next
READ_AGAIN = timedelta(days=7)
_WHOLE, _HEAD = "BODY.PEEK[]", "BODY.PEEK[HEADER]<0.65536>"


@dataclass(frozen=True, slots=True)
class Look:
    """One look into a mailbox, as values."""

    box_id: int
    token: uuid.UUID
    box: Box
    host: str
    port: int
    security: str
    user: str
    password: str
    folder: str
    validity: int | None
    read_to: int
    today: date


@dataclass(slots=True)
class Found:
    """What lay there: each mail with its number, in their order. `is_whole`: nothing is left for the next look."""

    look: Look
    mails: list[tuple[int, Incoming]] = field(default_factory=list)
    validity: int = 0
    read_to: int = 0
    is_whole: bool = True
    fault: str = ""


def take(limit: int, busy: Busy = NOBODY) -> list[Task]:
    """None that is still being looked into here: its lease may end first, when its server answers a byte at a time."""
    now, token = timezone.now(), uuid.uuid4()
    with transaction.atomic():
        due = MailBox.objects.filter(next_at__lte=now, paused=False, partner__sandbox_of__isnull=True)
        due = due.exclude(pk__in=[box for box, count in busy.items() if count])
        rows = list(due.select_for_update(no_key=True, skip_locked=True).order_by("next_at")[:limit])
        MailBox.objects.filter(pk__in=[row.pk for row in rows]).update(token=token, next_at=now + LEASE)
    tasks = []
    for row in rows:
        try:
            password = vault.open_sealed(row.imap_password)
        except vault.Unreadable as error:
            row.back_off(str(error))
            continue
        look = Look(
            row.pk, token, Box(row.address, row.vouched_by), row.imap_host, row.imap_port, row.imap_security, row.imap_user,
            password, row.imap_folder, row.validity, row.read_to, now.date(),
        )  # fmt: skip
        tasks.append(Task(partial(fetch, look), partial(keep, look), row.pk))
    return tasks


def fetch(look: Look) -> Found:
    """In a thread. Raises what the server, or the way to it, makes a client raise."""
    with _connected(look) as client:
        client.login(look.user, look.password)
        about = client.select_folder(look.folder, readonly=True)
        found = Found(look, validity=int(about[b"UIDVALIDITY"]), read_to=look.read_to)
        if look.validity is None:
            found.read_to = int(about[b"UIDNEXT"]) - 1
            return found
        numbers, ends = _new_ones(client, look, found), time.monotonic() + LOOKS_FOR
        for number in numbers[:AT_ONCE]:
            if time.monotonic() > ends:
                break
            try:
                mail = _one(client, number, look.box)
            except (OSError, imaplib.IMAP4.error, ValueError, UnicodeError) as error:
                found.fault = f"mail {number}: {type(error).__name__}: {error}"  # what came before it counts
                break
            if mail is not None:
                found.mails.append((number, mail))
            found.read_to = max(found.read_to, number)
        found.is_whole = not numbers or found.read_to >= numbers[-1]
    return found


def _one(client: IMAPClient, number: int, box: Box) -> Incoming | None:
    """None for one that was taken away meanwhile."""
    size = client.fetch([number], ["RFC822.SIZE"]).get(number, {}).get(b"RFC822.SIZE")
    part = _WHOLE if (size or 0) <= reading.LARGEST else _HEAD
    raw = client.fetch([number], [part]).get(number, {}).get(_answered_as(part))
    if size is None or raw is None:
        return None
    return reading.read(raw, box) if part == _WHOLE else reading.too_large(raw, size, box)


def _answered_as(part: str) -> bytes:
    return re.sub(r"<(\d+)\.\d+>", r"<\1>", part.replace(".PEEK", "")).encode()


def _new_ones(client: IMAPClient, look: Look, found: Found) -> Sequence[int]:
    if found.validity != look.validity:
        found.read_to = 0
        return sorted(client.search(["SINCE", look.today - READ_AGAIN]))
    beyond = client.search(["UID", f"{look.read_to + 1}:*"])  # of nothing new the last one is told all the same
    return sorted(number for number in beyond if number > look.read_to)


def _connected(look: Look) -> IMAPClient:
    context = ssl.create_default_context()
    if look.security == MailBox.Security.TLS:
        return IMAPClient(look.host, look.port, ssl=True, ssl_context=context, timeout=SECONDS)
    refuse_in_the_clear(look.host, look.security)
    client = IMAPClient(look.host, look.port, ssl=False, timeout=SECONDS)
    if look.security == MailBox.Security.STARTTLS:
        client.starttls(context)
    return client


def refuse_in_the_clear(host: str, security: str) -> None:
    """Passwords and mail go in the clear to this machine alone, and only while developing."""
    local = host in ("localhost", "127.0.0.1", "::1") and settings.WEBHOOKS_MAY_BE_LOCAL
    if security == MailBox.Security.NONE and not local:
        raise ConnectionError("it would be spoken with in the clear; choose TLS or STARTTLS")


def keep(look: Look, found: Found | Exception) -> None:
    """Each mail by itself: one that cannot be kept is a person's, and holds up none that follow."""
    if isinstance(found, Exception):
        said = found.args[0] if isinstance(found, imaplib.IMAP4.error) and found.args else found
        failed(look, f"{type(found).__name__}: {said.decode(errors='replace') if isinstance(said, bytes) else said}")
        return
    held = MailBox.objects.filter(pk=look.box_id, token=look.token)
    box = held.select_related("partner").first()
    if box is None:
        return  # it was changed meanwhile, or its lease ended: it is looked into anew
    for number, mail in found.mails:
        with transaction.atomic():
            _keep_one(box, mail)
            held.update(read_to=number, validity=found.validity)
    if found.fault:
        held.update(validity=found.validity, read_to=found.read_to)
        failed(look, found.fault)
        return
    now = timezone.now()
    held.update(
        token=None, validity=found.validity, read_to=found.read_to, read_at=now, failures=0, error="",
        next_at=now + box.EVERY if found.is_whole else now,
    )  # fmt: skip


def _keep_one(box: MailBox, mail: Incoming) -> None:
    try:
        with transaction.atomic():
            receiving.receive(box, mail)
    except OUTAGE:
        raise  # of the moment: it is looked into once more
    except Exception as error:
        log.exception("a mail of %s could not be kept", box)
        why = f"it could not be kept ({type(error).__name__})"
        bare = replace(mail, kind=Mail.Kind.UNREADABLE, text="", attachments=[], about=[], tokens=[], note=why)
        receiving.receive(box, bare)


def failed(look: Look, why: str) -> None:
    with transaction.atomic():
        row = MailBox.objects.select_for_update(no_key=True).filter(pk=look.box_id, token=look.token).first()
        if row is not None:
            row.back_off(why)


DESK = Desk("mailboxes", take, threads=32)
