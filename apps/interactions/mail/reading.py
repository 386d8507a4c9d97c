"""What a mail says, and what kind it is. Whatever a stranger writes into it, it is read in bounded time and raises nothing.

Headers are claims: they can keep a mail from being answered, and grant nothing.
"""

import email
import email.policy
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from apps.interactions.mail import contents, vouching
from apps.interactions.models.mail import MailKind

LARGEST = 10 * 1024 * 1024  # bytes that are parsed
MOST_PARTS, MOST_HOPS, MOST_REFERENCES = 200, 30, 50
MOST_BOUNDARIES = 20  # each is compared with every line
LONGEST_HEADER, LONGEST_TEXT = 8_000, 19_000  # characters
LOOP = "X-Remit-Loop"
_IDS = re.compile(r"<[!-;=?-~]{1,390}>")  # of plain characters
_NOBODY = re.compile(r"(mailer(-daemon)?|postmaster|no-?reply|do-?not-?reply|bounces?)([+=.-].*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Box:
    """Of the mailbox, what reading turns on."""

    address: str
    vouched_by: str = ""


@dataclass(frozen=True, slots=True)
class Incoming:
    """`text` is all of it; `tokens` stand behind a + in our address; `about` are ids of mails that it answers or returns;
    `own_id` stands for it where another mail has its id."""

    message_id: str
    kind: str
    sender: str = ""
    name: str = ""
    subject: str = ""
    text: str = ""
    sent_at: datetime | None = None
    about: Sequence[str] = ()
    tokens: Sequence[str] = ()
    is_vouched: bool = False
    attachments: Sequence[dict[str, Any]] = field(default_factory=list)
    note: str = ""
    digest: str = ""
    own_id: str = ""


def read(raw: bytes, box: Box) -> Incoming:
    own_id = f"<{hashlib.sha256(raw).hexdigest()[:40]}@remit.invalid>"
    lower = raw.lower() if len(raw) <= LARGEST else b""
    parts, boundaries = lower.count(b"content-type:"), lower.count(b"boundary=")
    if not lower or parts > MOST_PARTS or boundaries > MOST_BOUNDARIES or lower.count(b"\n--") > 20 * MOST_PARTS:
        head = raw[:64_000].split(b"\r\n\r\n")[0].split(b"\n\n")[0]
        return _unreadable(
            head, own_id, box, f"it is larger or has more parts than can be read here ({len(raw):,} bytes)"
        )
    try:
        return _read(email.message_from_bytes(raw, policy=email.policy.compat32), own_id, box)
    except Exception as error:  # the standard library stumbles over mail in ways that nobody has listed
        return _unreadable(raw[:16_000], own_id, box, f"it is broken ({type(error).__name__})")


def too_large(head: bytes, size: int, box: Box) -> Incoming:
    """Of a mail that is not fetched whole, its head."""
    own_id = f"<{hashlib.sha256(head).hexdigest()[:40]}@remit.invalid>"
    return _unreadable(
        head.replace(b"\r\n", b"\n"), own_id, box, f"it is larger than can be read here ({size:,} bytes)"
    )


def _unreadable(head: bytes, own_id: str, box: Box, why: str) -> Incoming:
    """With as much of its head as can be read."""
    try:
        message = email.message_from_bytes(head.split(b"\n\n")[0] + b"\n\n", policy=email.policy.compat32)
        known = _read(message, own_id, box)
    except Exception:
        return Incoming(own_id, MailKind.UNREADABLE, note=why, own_id=own_id)
    return replace(known, kind=MailKind.UNREADABLE, text="", attachments=[], note=why)


def _read(message: "Message[str, str]", own_id: str, box: Box) -> Incoming:
    sender, name = _sender(message)
    speaks = _speaks_for_another(message, sender, box)
    if speaks:
        sender, name = _sender(message, "Reply-To")
    kind, notes = _kind(message, sender, box), []
    text, attachments, is_odd = contents.content(message)
    if is_odd:
        notes.append("something in it is hidden, or could not be read")
    if not sender and kind == MailKind.MESSAGE:
        kind, notes = MailKind.UNREADABLE, ["it names no sender, or more than one"]
    if len(text) > LONGEST_TEXT:
        text, notes = text[:LONGEST_TEXT], [*notes, f"only its first {LONGEST_TEXT:,} characters were taken"]
    ids = _ids_in(message, "Message-ID")
    about = [*_ids_in(message, "In-Reply-To"), *reversed(_ids_in(message, "References"))]
    if kind == MailKind.BOUNCE:
        about += [*_returned(message), *_IDS.findall(text)]
    return Incoming(
        digest=_digest(sender, _header(message, "Subject"), text), own_id=own_id, message_id=ids[0] if ids else own_id,
        kind=kind, sender=sender, name=name, subject=_header(message, "Subject")[:300],
        text=text, sent_at=_sent_at(message), about=list(dict.fromkeys(about))[:MOST_REFERENCES], tokens=_tokens(message, box),
        is_vouched=not speaks and vouching.is_vouched(message.get_all("Authentication-Results"), sender, box.vouched_by),
        attachments=attachments, note="; ".join(notes),
    )  # fmt: skip


def _speaks_for_another(message: "Message[str, str]", sender: str, box: Box) -> bool:
    """Lists put themselves in the place of some senders, and so do forms on web pages: whose words it are stands in `Reply-To`.
    Nobody vouches for that."""
    if _header(message, LOOP):
        return False
    if sender.lower() == box.address.lower() and _is_our_own_list(message, box):
        return True
    meant, _ = _sender(message, "Reply-To")
    is_one = bool(meant) and not _is_ours(meant, box) and not message.get_all("List-Unsubscribe")
    return is_one and (_is_ours(sender, box) or bool(_NOBODY.fullmatch(sender.split("@")[0])))


def _is_ours(address: str, box: Box) -> bool:
    """The box itself, with or without what stands behind a +."""
    local, _, domain = address.lower().partition("@")
    return f"{local.partition('+')[0]}@{domain}" == box.address.lower()


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:40]


def _ids_in(message: "Message[str, str]", name: str) -> list[str]:
    """As they stand there, undecoded: they come back in the headers of our own mail."""
    values = message.get_all(name) or []
    found = _IDS.findall(str(values[0])[:LONGEST_HEADER]) if values else []
    return [one for one in found if "=?" not in one]


def _header(message: "Message[str, str]", name: str) -> str:
    """Its first value, decoded, in one line, cut; empty where there is none or it cannot be read."""
    values = message.get_all(name) or []
    return contents.decoded(str(values[0])[:LONGEST_HEADER]) if values else ""


def _sender(message: "Message[str, str]", header: str = "From") -> tuple[str, str]:
    """Address and name of the one sender; empty where there is none, or more than one."""
    values = [str(value)[:2000] for value in message.get_all(header) or []]
    found = [pair for pair in getaddresses(values) if "@" in pair[1]] if len(values) == 1 else []
    if len(found) != 1 or values[0].count("@") > 3:
        return "", ""
    address = contents.clean(found[0][1]).strip()
    try:
        validate_email(address)
    except ValidationError:
        return "", ""
    return address[:254], contents.decoded(found[0][0])[:200]


def _kind(message: "Message[str, str]", sender: str, box: Box) -> str:
    """Sources: RFC 3834 §2 and §5 (Auto-Submitted, Precedence), RFC 3464 and 6522 (reports), RFC 2919 (lists)."""
    report = (
        str(message.get_param("report-type", "") or "").lower()
        if message.get_content_type() == "multipart/report"
        else ""
    )
    automatic = _header(message, "Auto-Submitted").split(";")[0].strip().lower()
    precedence = _header(message, "Precedence").lower()
    if box.address.lower() in (sender.lower(), _header(message, LOOP).lower()):
        return MailKind.OWN
    if len(message.get_all("Received") or []) > MOST_HOPS:
        return MailKind.AUTOMATIC
    from_nobody = bool(_NOBODY.fullmatch(sender.split("@")[0]))
    if report == "delivery-status" and _is_only_late(message):
        return MailKind.AUTOMATIC
    comes_from_none = _header(message, "Return-Path") == "<>"
    if report == "delivery-status" or (comes_from_none and from_nobody):
        return MailKind.BOUNCE
    if (message.get_all("List-Id") or precedence == "list") and not _is_our_own_list(message, box):
        return MailKind.LIST
    says_so = (
        comes_from_none
        or automatic not in ("", "no")
        or precedence in ("bulk", "junk", "auto_reply")
        or report == "disposition-notification"
    )
    own_ways = any(message.get_all(name) for name in ("X-Autoreply", "X-Autorespond", "X-Mail-Autoreply"))
    return MailKind.AUTOMATIC if says_so or own_ways or from_nobody else MailKind.MESSAGE


def _is_our_own_list(message: "Message[str, str]", box: Box) -> bool:
    """A mailbox may stand behind a list, as groups do that a team reads together: then customers write to the list."""
    address = box.address.lower()
    posted_to, named = _header(message, "List-Post").lower(), _header(message, "List-Id").lower()
    return f"<mailto:{address}>" in posted_to or f"<{address.replace('@', '.')}>" in named


def _returned(message: "Message[str, str]") -> list[str]:
    """The ids of the mails that a report returns, whole or by their headers."""
    found = []
    for part in contents.leaves(message):
        inner = part.get_payload() if part.get_content_type() == "message/rfc822" else None
        if isinstance(inner, list) and inner and isinstance(inner[0], Message):
            found += _ids_in(inner[0], "Message-ID")
    return found


def _is_only_late(message: "Message[str, str]") -> bool:
    """A report (RFC 3464) of a mail that is delayed, and of none that failed."""
    said = []
    for part in contents.leaves(message):
        blocks = part.get_payload() if part.get_content_type() == "message/delivery-status" else None
        said += [str(block.get("Action", "")).strip().lower() for block in blocks or [] if isinstance(block, Message)]
    return "delayed" in said and "failed" not in said


def _sent_at(message: "Message[str, str]") -> datetime | None:
    try:
        at = parsedate_to_datetime(_header(message, "Date"))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except Exception:
        return None


def _tokens(message: "Message[str, str]", box: Box) -> list[str]:
    local, _, domain = box.address.lower().partition("@")
    pattern = re.compile(rf"{re.escape(local)}\+([0-9a-f]{{32}})@{re.escape(domain)}")
    names = ("To", "Cc", "Delivered-To", "X-Original-To")
    said = " ".join(str(value)[:2000] for name in names for value in message.get_all(name) or [])
    return list(dict.fromkeys(pattern.findall(said.lower())))[:5]
