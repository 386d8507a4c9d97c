"""Replies from templates in the partner's voice, filled with facts from the packet and nothing else.

A filled reply keeps which of its words are facts, so that a person sees what is grounded.
"""

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from apps.interactions.models import Customer
from apps.policies.models import Partner, better_words
from apps.policies.money import Money

VERSION = "templates-2"
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
    better = better_words(partner.voice_avoid)
    known = {"name": first_name, "brand": partner.name}
    parts: list[tuple[str, bool]] = []
    for literal, name, _, _ in _FORMAT.parse(template):
        if literal:
            parts.append((_in_voice(literal, partner, better), False))
        if name in known:
            parts.append((known[name], False))
        elif name:
            parts.append((_shown(values[name], partner), True))
    return Reply(tuple(parts))


def name_for(partner: Partner, customer: Customer | None, *, public: bool) -> str:
    """How the brand speaks to a customer; nobody is named in public."""
    if customer is None or public:
        return "there"
    return (customer.name if partner.voice_formality == Partner.Formality.FORMAL else customer.first_name) or "there"


def avoided(partner: Partner, text: str) -> list[str]:
    """The brand's words to avoid that a text has all the same, in its spelling; the brand's own name is none."""
    words = text.replace(partner.name, "")
    return [found[0] for word in better_words(partner.voice_avoid) for found in _written(word).finditer(words)]


def _in_voice(text: str, partner: Partner, better: Mapping[str, str]) -> str:
    if partner.voice_formality == Partner.Formality.INFORMAL:
        for long, short in _SHORT_FORMS.items():
            text = _replaced(text, long, short)
    for word, instead in better.items():
        if instead:
            text = _replaced(text, word, instead)
    return text


_SHORT_FORMS = {
    "we are": "we're", "we will": "we'll", "we have": "we've", "i am": "I'm", "it is": "it's", "that is": "that's",
    "you are": "you're", "do not": "don't", "does not": "doesn't", "did not": "didn't", "is not": "isn't",
    "was not": "wasn't", "has not": "hasn't", "have not": "haven't", "cannot": "can't", "could not": "couldn't",
}  # fmt: skip


@lru_cache(maxsize=1024)
def _written(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)


def _replaced(text: str, word: str, instead: str) -> str:
    """With a capital where the word had one."""
    capital = instead[0].upper() + instead[1:]
    return _written(word).sub(lambda found: capital if found[0][0].isupper() else instead, text)


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
