"""What somebody wrote in a mail, without what they quote of us and without their signature.

To lose a customer's words is far worse than to leave a quote: a line goes only where it stands in what we wrote before, where
it is marked as quoted and nothing of the writer's follows it, or where it leads in what goes.
"""

import re
from collections.abc import Iterable

_MARK = re.compile(r"^\s*(?:>\s?)+")
_WORDS = re.compile(r"\w+")
_DEVICE = re.compile(
    r"^(sent|envoyé|gesendet|verzonden|enviado|inviato) (from|depuis|von|vanaf|desde|da) (my|mon|meinem|mijn|mi|mio) \w+",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"^\s*\*?(from|sent|to|subject|date|cc|von|gesendet|an|betreff|datum|de|envoyé|à|objet|van|verzonden|aan|onderwerp)\*?\s*:",
    re.IGNORECASE,
)
_RULE = re.compile(r"^\s*[-_=]{5,}.*$")
SHORTEST = 3  # words of a line that may go because it stands in what we wrote


def own_words(text: str, ours: Iterable[str] = ()) -> str:
    """The writer's own words; all of the text where nothing would be left of it."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    known = {_plain(line) for one in ours for line in one.split("\n")}
    goes = _not_alone(lines, [_is_ours(line, known) for line in lines])
    _below_a_header(lines, goes, known)
    _quoted_to_the_end(lines, goes)
    _what_leads_in(lines, goes)
    kept = [line for line, gone in zip(lines, goes, strict=True) if not gone]
    words = "\n".join(_without_signature(kept)).strip()
    return re.sub(r"\n{3,}", "\n\n", words) or text.strip()


def _plain(line: str) -> str:
    return " ".join(_WORDS.findall(_MARK.sub("", line).lower()))


def _is_ours(line: str, known: set[str]) -> bool:
    """Stands in what we wrote, word for word; a short line only where it is marked as quoted, too."""
    plain = _plain(line)
    return plain in known and (len(plain.split()) >= SHORTEST or (bool(plain) and bool(_MARK.match(line))))


def _not_alone(lines: list[str], goes: list[bool]) -> list[bool]:
    """An unmarked line that stands alone in what goes may be a choice that the writer copied: it stays."""
    told = [place for place, line in enumerate(lines) if line.strip()]
    beside = {place: {before, after} for before, place, after in zip([-1, *told], told, [*told[1:], -1], strict=False)}
    return [
        gone and (bool(_MARK.match(lines[place])) or any(near >= 0 and goes[near] for near in beside[place]))
        for place, gone in enumerate(goes)
    ]


def _below_a_header(lines: list[str], goes: list[bool], known: set[str]) -> None:
    """Our whole mail, unmarked, as some programs put it below its From, Sent, To and Subject: when all of it is ours."""
    told = [place for place, line in enumerate(lines) if line.strip()]
    for first, second, third, below in zip(told, told[1:], told[2:], told[3:], strict=False):
        if all(_HEADER.match(lines[place]) for place in (first, second, third)):
            rest = [place for place in told if place >= below and not _HEADER.match(lines[place])]
            if rest and all(_plain(lines[place]) in known for place in rest):
                for place in rest:
                    goes[place] = True
                return


def _quoted_to_the_end(lines: list[str], goes: list[bool]) -> None:
    """The last marked lines of a mail go, when nothing of the writer's comes after them."""
    for place in range(len(lines) - 1, -1, -1):
        if not (goes[place] or not lines[place].strip() or _MARK.match(lines[place])):
            return
        goes[place] = goes[place] or bool(_MARK.match(lines[place]))


def _what_leads_in(lines: list[str], goes: list[bool]) -> None:
    """“On Monday … wrote:”, the lines of a header, and a rule above them, directly before what goes."""
    for place in range(len(lines) - 1, 0, -1):
        above = place - 1
        if not goes[place] or goes[above]:
            continue
        line = lines[above].strip()
        leads = (
            (line.endswith(":") and (any(c.isdigit() for c in line) or "@" in line))
            or _HEADER.match(line)
            or _RULE.match(line)
        )
        if leads or not line:
            goes[above] = True


def _without_signature(lines: list[str]) -> list[str]:
    """“-- ” and what follows it, and a device's own line at the end."""
    for place, line in enumerate(lines):
        if line == "-- ":
            lines = lines[:place]
            break
    end = len(lines)
    while end and (not lines[end - 1].strip() or _DEVICE.match(lines[end - 1].strip())):
        end -= 1
    return lines[:end]
