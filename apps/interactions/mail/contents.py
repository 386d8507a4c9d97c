"""What a mail holds: its words as text, and its files as a list. Nothing of it is opened or run."""

import re
from collections.abc import Iterator
from contextlib import suppress
from email.header import decode_header
from email.message import Message
from typing import Any

from apps.interactions.mail import html

MOST_ATTACHMENTS = 50
LONGEST_STUB = 200  # characters of a plain text that may only say that there is another one
UNREADABLE = "�"
_CHARSETS = re.compile(  # Python knows others, too, some of which take their time
    r"utf-?(7|8|16)|(us-)?ascii|iso-?8859-\d+|latin-?1|(windows-|cp)\d{3,4}|koi8-[rtu]|gb\w+|big5(-hkscs)?|shift_jis|euc-\w+"
    r"|iso-2022-(jp|kr)|tis-620|macintosh"
)
_CALLED_OTHERWISE = {
    "ks_c_5601-1987": "cp949", "iso-8859-8-i": "iso-8859-8", "iso-8859-8-e": "iso-8859-8", "windows-874": "cp874",
    "windows-31j": "cp932", "x-sjis": "cp932", "x-mac-roman": "macintosh",
}  # fmt: skip
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def content(message: "Message[str, str]") -> tuple[str, list[dict[str, Any]], bool]:
    """Text, attachments, and whether something was hidden or unreadable. The plain text is taken where there is one."""
    plain: list[str] = []
    rich: list[str] = []
    attachments: list[dict[str, Any]] = []
    for part in leaves(message):
        kind = part.get_content_type()
        data = part.get_payload(decode=True)
        data = data if isinstance(data, bytes) else b""
        named = _filename(part)
        is_file = part.get_content_disposition() == "attachment" or bool(named)
        if kind == "text/rfc822-headers":
            plain.append(as_text(data, "utf-8"))
        elif is_file or kind not in ("text/plain", "text/html"):
            attachments.append({"name": named or "unnamed", "type": clean(kind)[:100], "size": len(data)})
        else:
            (rich if kind == "text/html" else plain).append(as_text(data, part.get_content_charset()))
    text, is_odd = clean("\n".join(plain)).strip(), False
    if rich and len(text) < LONGEST_STUB:
        read = [html.text_of(one) for one in rich]
        seen = clean("\n\n".join(one for one, _ in read)).strip()
        if len(seen) > 3 * len(text):  # else the plain text says as much
            text, is_odd = seen, any(odd for _, odd in read)
        elif not text:
            is_odd = any(odd for _, odd in read)
    return text, attachments[:MOST_ATTACHMENTS], is_odd or UNREADABLE in text


def leaves(message: "Message[str, str]") -> Iterator["Message[str, str]"]:
    """The parts that hold something; a mail inside of a mail is one, and is not looked into."""
    if message.is_multipart() and message.get_content_type() not in ("message/rfc822", "message/delivery-status"):
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from leaves(part)
    else:
        yield message


def _filename(part: "Message[str, str]") -> str:
    """A label and nothing else: without folders, and without what no eye sees."""
    try:
        name = part.get_filename() or ""
    except Exception:
        name = "unnamed"
    return decoded(re.split(r"[/\\]", name)[-1])[:120]


def decoded(raw: str) -> str:
    try:
        parts = decode_header(raw)
        text = "".join(part if isinstance(part, str) else as_text(part, charset) for part, charset in parts)
    except Exception:
        text = raw
    return clean(" ".join(text.split()))


def as_text(data: bytes, charset: str | None) -> str:
    """What cannot be read stands as “�”. Without a name that is known it is UTF-8, or else what was usual before it."""
    named = (charset or "").strip().lower()
    named = _CALLED_OTHERWISE.get(named, named)
    if _CHARSETS.fullmatch(named):
        with suppress(LookupError):
            return data.decode(named, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def clean(text: str) -> str:
    """Without what no eye sees and no database holds."""
    return _UNSEEN.sub("", text)
