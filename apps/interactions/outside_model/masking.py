"""Masking: names and contact data become placeholders before anything leaves, and some come back afterwards.

    mask = mask_for(customer, order, keep=(order.number, brand))
    mask.hide("Mira Solano, 12 Elm Road")   →  "[CUSTOMER] [NAME_1], [ADDRESS_1]"
    mask.show("Dear [CUSTOMER]", allowed)   →  "Dear Mira"

What the shop knows of the customer is hidden wherever it stands. What only the customer wrote is found by its form:
addresses of mail, numbers of phones and cards, streets. Names of others have no form; they are found by the words
around them and by capitals, which hides too much (a product) rather than too little, and cannot find all.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

from apps.interactions.models import Customer, Order
from apps.interactions.outside_model.name_forms import hide_names

PLACEHOLDER = re.compile(r"\[[A-Z]+(?:_\d+)?\]")
CUSTOMER = "[CUSTOMER]"
_PRIVATE_START = 0xE000  # private characters stand for what is kept while the rest is searched
_PRIVATE = re.compile(r"[\ue000-\uf8ff]")
_LOOKALIKE = re.compile(r"\[([A-Z]+(?:_\d+)?)\]", re.I)

_STREET_WORDS = r"street|road|avenue|lane|boulevard|terrace|crescent|highway|parkway|rd|ave|ln|blvd|hwy"
_MAYBE_STREETS = (
    r"St|Str|Drive|Dr|Way|Court|Ct|Place|Pl|Square|Sq|Close|Gardens|Grove|Hill|Mews|Row|Parade|Circle|Park|Green|Walk"
)
# In this order: what contains another comes first. All are linear in the text's length.
_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("LINK", re.compile(r"(?:https?://|www\.)\S+", re.I)),
    ("EMAIL", re.compile(r"[^\s@<>()\[\],;:]{1,64}@[^\s@<>()\[\],;:]{1,100}")),
    ("EMAIL", re.compile(r"\b[\w.+-]{1,40} ?(?:\(at\)| at ) ?[\w-]{1,40} ?(?:\(dot\)| dot ) ?[a-z]{2,10}\b", re.I)),
    ("ACCOUNT", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")),
    ("CARD", re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?!\w)")),
    ("PHONE", re.compile(r"(?<![\w.,$€£-])(?!\d{4}-\d{2}-\d{2})\+?\(?\d(?:[ ()./-]{0,2}\d){6,14}(?![\w-])")),
    ("ADDRESS", re.compile(rf"\b\d{{1,5}}[a-z]?,? (?:[\w'.-]{{1,30}} ){{1,4}}?(?:{_STREET_WORDS})\b\.?", re.I)),
    ("ADDRESS", re.compile(rf"\b\d{{1,5}}[a-zA-Z]?,? (?:[A-Z][\w'.-]{{0,30}} ){{1,4}}?(?:{_MAYBE_STREETS})\b\.?")),
    ("ADDRESS", re.compile(r"\b[^\W\d_]{2,30}(?:straat|strasse|straße|weg|laan|plein|gracht|kade|gasse|allee|platz|dreef)"
                           r" \d{1,5}[a-z]?\b", re.I)),
    ("ADDRESS", re.compile(r"\b\d{1,5},? (?:bis )?(?:rue|avenue|boulevard|place|chemin|allée|impasse|via|calle)"
                           r"(?: [\w'’-]{1,30}){1,4}", re.I)),
    ("ADDRESS", re.compile(r"\bp\.? ?o\.? ?box \d{1,8}\b", re.I)),
    ("ADDRESS", re.compile(r"\b(?:[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|\d{4} ?[A-Z]{2}|\d{5}-\d{4}|[A-Z]{2} \d{5})\b")),
    ("ADDRESS", re.compile(r"(?<![#\w])\d{5} [A-Z][^\W\d_]{2,30}")),
    ("HANDLE", re.compile(r"(?<!\w)@\w{2,40}")),
)  # fmt: skip


class UnknownPlaceholder(ValueError):
    """A text holds a placeholder that must not come back in it."""


@dataclass(slots=True)
class Mask:
    """The placeholders of one case: the same value always has the same one. `known` are values with their kind."""

    known: tuple[tuple[str, str], ...] = ()
    first_name: str = ""
    keep: tuple[str, ...] = ()
    _by_value: dict[str, str] = field(default_factory=dict)
    _values: dict[str, str] = field(default_factory=dict)

    def hide(self, text: str) -> str:
        """The text with placeholders. Brackets that only look like one are opened, so that nobody can write one."""
        text = _LOOKALIKE.sub(r"(\1)", unicodedata.normalize("NFC", _PRIVATE.sub("", text)))
        kept = {chr(_PRIVATE_START + number): value for number, value in enumerate(self.keep)}
        for sign, value in kept.items():
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", sign, text)
        if self.first_name:
            text = _spelled(self.first_name).sub(CUSTOMER, text)
            self._values[CUSTOMER] = self.first_name
        for value, kind in self.known:
            text = _spelled(value).sub(lambda found, kind=kind: self._place(kind, found[0]), text)  # type: ignore[misc]
        for kind, form in _FORMS:
            text = form.sub(lambda found, kind=kind: self._place(kind, found[0]), text)  # type: ignore[misc]
        text = hide_names(text, lambda name: self._place("NAME", name))
        return _PRIVATE.sub(lambda found: kept[found[0]], text)

    def show(self, text: str, allowed: Iterable[str] = ()) -> str:
        """The text with the values of `allowed` placeholders. Raises UnknownPlaceholder for any other."""
        may = frozenset(allowed)

        def value(found: re.Match[str]) -> str:
            if found[0] not in may or found[0] not in self._values:
                raise UnknownPlaceholder(found[0])
            return self._values[found[0]]

        return PLACEHOLDER.sub(value, text)

    def _place(self, kind: str, value: str) -> str:
        plain = value.strip()
        same = "".join(plain.lower().split())
        if same not in self._by_value:
            number = sum(1 for taken in self._by_value.values() if taken.startswith(f"[{kind}_")) + 1
            self._by_value[same] = f"[{kind}_{number}]"
            self._values[self._by_value[same]] = plain
        return value.replace(plain, self._by_value[same])


def mask_for(customer: Customer | None, order: Order | None, *, keep: Iterable[str] = ()) -> Mask:
    """A mask that knows what the shop has on record. `keep` are texts that are nobody's: a brand, an order number."""
    names = customer.name.split() if customer else []
    known = [(name, "NAME") for name in names[1:] if len(name.strip(".")) >= 2]
    if customer:
        known += [(customer.email, "EMAIL"), (customer.postcode, "ADDRESS"), (customer.external_id, "NUMBER")]
    if order:
        known += [(part, "ADDRESS") for part in _texts_in(order.destination)] + [(order.tracking_number, "NUMBER")]
    worth = {(value.strip(), kind) for value, kind in known if len(value.strip()) >= 2}
    longest_first = sorted(worth, key=lambda pair: (-len(pair[0]), pair))
    first = names[0] if names and len(names[0]) >= 2 else ""
    return Mask(tuple(longest_first), first, tuple(text for text in keep if text))


def looks_like_contact(text: str) -> bool:
    """Whether a text holds a link, an address, or the number of a phone, card or account."""
    return any(form.search(text) for _, form in _FORMS)


def _texts_in(destination: object) -> list[str]:
    """Every text of an address as the shop sent it, with the words of a recipient's name each on their own too."""
    if isinstance(destination, dict):
        found = []
        for part, value in destination.items():
            found += _texts_in(value)
            if isinstance(value, str) and "name" in str(part).lower():
                found += [word for word in value.split() if len(word) >= 3]
        return found
    return [str(destination)] if isinstance(destination, str | int) and len(str(destination)) >= 3 else []


def _spelled(value: str) -> re.Pattern[str]:
    """The value as whole words, in either case, with or without its accents, with any white space between."""
    normal = unicodedata.normalize("NFC", value)
    words = [rf"(?:{re.escape(word)}|{re.escape(_plain(word))})" for word in normal.split()]
    spelled = r"\s+".join(words)
    return re.compile(rf"(?<!\w){spelled}(?!\w)", re.I)


def _plain(word: str) -> str:
    apart = unicodedata.normalize("NFD", word)
    return "".join(letter for letter in apart if not unicodedata.combining(letter))
