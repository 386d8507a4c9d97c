"""Grounding: is every claim of a reply a fact of the packet? Pure: no rows, no clock.

    unfounded(text, source)   the claims that nothing in the packet supports; an empty list may leave
    marked(text, source)      the text in pieces, each plain, grounded or unfounded, for a person to read

What a reply offers counts as the action it promises: only the decided action's own words are supported.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation

from apps.interactions.drafting.claims import COUNT_WORDS, CURRENCIES, DAYS, MONTHS, Claim, capitalised, claims_in
from apps.policies.money import Money
from apps.policies.words import Action

_SYMBOLS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "dollar": "USD", "euro": "EUR", "pound": "GBP"}
# Words that begin sentences of letters to customers and mean nothing of their own.
_OPENERS = """
a an the this that these those it its he she they we you your our my as at by for from in of on or and but so to with if when
while once after before until since because although though unless whether please sorry apologies unfortunately thank thanks
regarding concerning however additionally also meanwhile therefore otherwise instead finally first second next then here there
no not yes okay ok just only once again both each every all any some let could can may might should would will shall do does did
have has had is are was were be being been i i'm i'd i'll i've we're we'll we've you're it's that's there's what which who whose
where why how hi hello dear good morning afternoon evening kind best warm regards sincerely yours faithfully cheers take care
looking checking having according based given rest feel should
meantime further anything everything nothing great
"""
_ALWAYS_FINE = frozenset(_OPENERS.split())


@dataclass(frozen=True, slots=True)
class Source:
    """What a reply may state. `numbers` are order and tracking numbers and SKUs, `counts` how many of something,
    `lengths` like "30 day"; `passages` are texts of the brand's that may be quoted word for word."""

    today: date
    amounts: frozenset[Money] = frozenset()
    shares: frozenset[str] = frozenset()
    days: frozenset[date] = frozenset()
    times: frozenset[str] = frozenset()
    lengths: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    counts: frozenset[int] = frozenset()
    names: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()
    actions: frozenset[Action] = frozenset()
    passages: tuple[str, ...] = ()
    english: frozenset[str] = field(default=frozenset(), repr=False)


def unfounded(text: str, source: Source) -> list[Claim]:
    return [claim for claim, holds in _checked(text, source) if not holds]


def marked(text: str, source: Source) -> list[tuple[str, str]]:
    """The text in pieces with "plain", "grounded" or "unfounded"."""
    pieces: list[tuple[str, str]] = []
    at = 0
    for claim, holds in _checked(text, source):
        if claim.start < at:
            continue
        if claim.start > at:
            pieces.append((text[at : claim.start], "plain"))
        pieces.append((text[claim.start : claim.end], "grounded" if holds else "unfounded"))
        at = claim.end
    return [*pieces, (text[at:], "plain")] if at < len(text) else pieces


def promised(text: str) -> frozenset[Action]:
    """The actions that a text offers or reports as done."""
    return frozenset(
        Action(claim.value)
        for claim in claims_in(text)
        if claim.kind == "promise" and claim.value in Action.values and claim.value != Action.DENY
    )


def _checked(text: str, source: Source) -> list[tuple[Claim, bool]]:
    """Claims with whether they hold; an unfounded claim comes before a grounded one on the same words."""
    quoted = _quoted(text, source.passages)
    read = claims_in(text)
    true_states = [claim for claim in read if claim.kind == "state" and _holds(claim, source)]
    found = [(claim, _holds(claim, source) or _reports(claim, true_states)) for claim in read]
    found += [(claim, False) for claim in _foreign_names(text, source) if not _is_read(claim, read)]
    outside = [
        (claim, holds) for claim, holds in found if not any(a <= claim.start and claim.end <= b for a, b in quoted)
    ]
    inside = [(Claim("quote", a, b, text[a:b]), True) for a, b in quoted]
    return sorted([*outside, *inside], key=lambda pair: (pair[0].start, pair[1], -pair[0].end))


def _is_read(name: Claim, read: Sequence[Claim]) -> bool:
    """Whether a word with a capital is a part of a number or a day, which is checked as that: "SH-20417", "Monday's"."""
    return any(c.kind in ("number", "weekday") and c.start < name.end and name.start < c.end for c in read)


def _quoted(text: str, passages: Sequence[str]) -> list[tuple[int, int]]:
    """Where the text says a passage's sentences word for word."""
    spans = []
    for passage in passages:
        for sentence in re.split(r"(?<=[.!?])\s+|\n+", passage):
            words = sentence.strip()
            start = text.find(words) if len(words) > 15 else -1
            if start >= 0:
                spans.append((start, start + len(words)))
    return spans


def _holds(claim: Claim, source: Source) -> bool:
    words = claim.words.strip().lower()
    match claim.kind:
        case "amount":
            return _amount(claim.words) in source.amounts
        case "share":
            return re.sub(r"\s|per ?cent|%", "", words) in source.shares
        case "date":
            return any(day in source.days for day in _dates(words, source.today))
        case "weekday":
            near = (source.today + timedelta(days=offset) for offset in range(-8, 9))
            return any(DAYS[day.weekday()] == words and day in source.days for day in near)
        case "near day":
            offset = {"today": 0, "tonight": 0, "tomorrow": 1, "yesterday": -1}.get(words)
            return offset is not None and source.today + timedelta(days=offset) in source.days
        case "time":
            return _clock(words) in source.times
        case "length":
            return _length(words) in source.lengths
        case "number":
            plain = re.sub(r"^#\s?", "", claim.words)
            count = COUNT_WORDS.get(words, int(plain) if plain.isdecimal() and len(plain) < 6 else -1)
            twice = words == "twice" and "charged twice" in source.states
            return twice or plain in source.numbers or count in source.counts
        case "link" | "phone":
            return claim.words.rstrip(".,;!?") in source.numbers
        case "state":
            said, negated = claim.value.removeprefix("not "), claim.value.startswith("not ")
            return (said not in source.states) if negated else said in source.states
        case "promise":
            return claim.value in source.actions
    return False


def _reports(claim: Claim, true_states: Sequence[Claim]) -> bool:
    """Whether a promise only tells what is so already: "was refunded", where a refund is on record."""
    return claim.kind == "promise" and any(
        state.start <= claim.start and claim.end <= state.end and not state.value.startswith(("not ", "no "))
        for state in true_states
    )


def _amount(words: str) -> Money | None:
    digits = re.search(r"\d[\d.,]*", words)
    currency = next((code for sign, code in _SYMBOLS.items() if sign in words.lower()), None) or re.sub(
        r"[^A-Z]", "", words
    )
    if digits is None or not currency:
        return None
    number = digits[0].rstrip(".,")
    if re.search(r",\d{1,2}$", number):  # a comma for cents
        number = number.replace(".", "").replace(",", ".")
    try:
        return Money(Decimal(number.replace(",", "")).quantize(Decimal("0.01")), currency)
    except InvalidOperation:
        return None


def _dates(words: str, today: date) -> list[date]:
    """What a written date can mean; without a year the nearest one is meant."""
    numbers = [int(number) for number in re.findall(r"\d+", words)]
    month = next((place for place, name in enumerate(MONTHS, 1) if re.search(rf"\b{name[:3]}", words)), None)
    if re.match(r"\d{4}-", words):
        parts = [(numbers[0], numbers[1], numbers[2])]
    elif month is not None:
        years = [numbers[1]] if len(numbers) > 1 else [today.year - 1, today.year, today.year + 1]
        parts = [(year, month, numbers[0]) for year in years]
    else:
        years = [numbers[2] + 2000 if numbers[2] < 100 else numbers[2]] if len(numbers) > 2 else [today.year]
        parts = [(year, *order) for year in years for order in ((numbers[1], numbers[0]), (numbers[0], numbers[1]))]
    found = []
    for year, number, day in parts:
        try:
            found.append(date(year, number, day))
        except ValueError:
            continue
    nearest = sorted(found, key=lambda day: abs((day - today).days))
    return nearest[:1] if month is not None and len(numbers) == 1 else found


def _clock(words: str) -> str:
    hours, minutes = [*re.findall(r"\d+", words), "0"][:2]
    hour = int(hours) % 12 + (12 if re.search(r"p\.?m", words) else 0) if re.search(r"[ap]\.?m", words) else int(hours)
    return f"{hour:02}:{int(minutes):02}"


def _length(words: str) -> str:
    """ "3 to 5 working days" → "3 5 working day"; a word for a number counts as the number."""
    known = {"a": "1", "an": "1", "one": "1"} | {word: str(number) for word, number in COUNT_WORDS.items()}
    parts = [known.get(part, part) for part in re.findall(r"\d+|[a-z]+", words) if part not in ("to", "or")]
    return " ".join(part.rstrip("s") if part.endswith("s") and not part.isdigit() else part for part in parts)


def _foreign_names(text: str, source: Source) -> list[Claim]:
    """Words with a capital that are neither of the case nor plain English at the start of a sentence."""
    found = []
    for word, starts in capitalised(text):
        plain = word[0].lower().replace("’", "'")
        if plain in _ALWAYS_FINE or plain.removesuffix("'s") in source.names or plain in source.names:
            continue
        if plain in DAYS or plain in MONTHS or plain in _SHORT_MONTHS:
            continue  # read as dates
        if plain.upper() in CURRENCIES:
            continue
        if starts and plain in source.english:
            continue
        found.append(Claim("name", *word.span(), word[0]))
    return found


_SHORT_MONTHS = frozenset(month[:3] for month in MONTHS) | {"sept"}
