"""Replies from templates in the partner's voice, filled with facts from the packet and nothing else.

A filled reply keeps which of its words are facts, so that a person sees what is grounded.
"""

import string
from dataclasses import dataclass
from datetime import date, datetime

from apps.policies.models import Partner
from apps.policies.money import Money

VERSION = "templates-1"
_FORMAT = string.Formatter()


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply in pieces; a grounded piece is a value from the packet."""

    parts: tuple[tuple[str, bool], ...]

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self.parts)

    def as_json(self) -> list[list[object]]:
        return [[text, grounded] for text, grounded in self.parts]


def write(partner: Partner, first_name: str, body: str, **values: object) -> Reply:
    """Greeting, `body` with its `{values}` filled in, and sign-off. Raises KeyError for a value that is missing:
    a reply never leaves with a hole in it."""
    template = f"{partner.voice_greeting}\n\n{body}\n\n{partner.voice_sign_off}"
    known = {"name": first_name, "brand": partner.name}
    parts: list[tuple[str, bool]] = []
    for literal, name, _, _ in _FORMAT.parse(template):
        if literal:
            parts.append((literal, False))
        if name in known:
            parts.append((known[name], False))
        elif name:
            parts.append((_shown(values[name], partner), True))
    return Reply(tuple(parts))


def _shown(value: object, partner: Partner) -> str:
    match value:
        case Money():
            return str(value)
        case datetime():
            return _day(value.astimezone(partner.zone).date())
        case date():
            return _day(value)
        case int():
            return f"{value:,}"
    text = str(value).strip()
    if not text:
        raise KeyError("empty value")
    return text


def _day(day: date) -> str:
    return f"{day.day} {day:%B}"
