"""Regions and example cases in words: "days past the window is 1 to 15 days and customer tier is gold, VIP"."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from apps.policies.cells import Cell, Members, One, OtherCurrency, Span, Unknown, example_of
from apps.policies.facts import VOCABULARY, FactSpec, Kind, Value, choice_in_words, value_in_words
from apps.policies.money import CENT, Money
from apps.policies.solving import DISCLOSES, Region, Space

_SAID_LAST = (DISCLOSES, "sender.verified", "order.belongs_to_sender")  # asked of nearly every case


def region_in_words(space: Space, region: Region) -> str:
    """The region as conditions joined by "and"; "always" when no fact matters."""
    names = sorted(region.cells, key=lambda name: name in _SAID_LAST)
    parts = [fact_in_words(name, space.cells[name], region.cells[name]) for name in names]
    return " and ".join(parts) or "always"


def fact_in_words(name: str, cells: Sequence[Cell], allowed: frozenset[int]) -> str:
    if name == DISCLOSES:
        return f"the reply tells {'about' if 0 in allowed else 'nothing about'} the order"
    spec = VOCABULARY[name]
    known = sorted(index for index in allowed if not isinstance(cells[index], Unknown))
    or_unknown = " or unknown" if len(known) < len(allowed) else ""
    if not known:
        return f"{spec.label} is unknown"
    if len(known) == len(cells) - 1:
        return f"{spec.label} is known"
    return f"{spec.label} {_known_in_words(spec, cells, known)}{or_unknown}"


def _known_in_words(spec: FactSpec, cells: Sequence[Cell], known: list[int]) -> str:
    if spec.kind is Kind.SET:
        return "is " + " or ".join(_members(cells[index]) for index in known)
    if spec.kind in (Kind.BOOL, Kind.CHOICE):
        values = [cell.value for index in known if isinstance(cell := cells[index], One)]
        missing = [c.value for i, c in enumerate(cells) if i not in known and isinstance(c, One)]
        if len(missing) == 1 < len(values):
            return f"is not {value_in_words(spec, missing[0])}"
        return "is " + ", ".join(value_in_words(spec, value) for value in values)
    runs: list[list[Span]] = []
    for index in known:
        cell = cells[index]
        if not isinstance(cell, Span):
            continue
        touching = runs and index - 1 in known and runs[-1][-1].currency == cell.currency
        if touching:
            runs[-1].append(cell)
        else:
            runs.append([cell])
    said = [_run(spec, run[0], run[-1]) for run in runs]
    if any(isinstance(cells[index], OtherCurrency) for index in known):
        said.append("is in another currency")
    return " or ".join(said)


def _run(spec: FactSpec, first: Span, last: Span) -> str:
    low, high = first.low, last.high
    at_bottom = low is None or (spec.minimum is not None and low == spec.minimum)
    at_top = high is None or (spec.maximum is not None and high == spec.maximum)
    if low is not None and low == high:
        return f"is {_number(spec, low, first.currency)}"
    if high is None or (at_top and low is not None):
        return f"≥ {_number(spec, low, first.currency)}" if low is not None else "is known"
    if at_bottom:
        return f"≤ {_number(spec, high, first.currency)}"
    assert low is not None
    return f"is {_number(spec, low, first.currency)} to {_number(spec, high, first.currency)}"


def _number(spec: FactSpec, number: Decimal, currency: str) -> str:
    if spec.kind is Kind.MONEY:
        return str(Money(number.quantize(CENT), currency))
    return value_in_words(spec, number if spec.kind is Kind.DECIMAL else int(number))


def _members(cell: Cell) -> str:
    assert isinstance(cell, Members)
    if not cell.meets:
        return "none of those"
    return " and ".join(choice_in_words(member) for member in sorted(cell.example))


def case_in_words(facts: Mapping[str, Value | None], names: Sequence[str]) -> str:
    """The named facts of a case: "days past the window 8 days, customer tier gold"."""
    said = [
        f"{VOCABULARY[name].label} {value_in_words(VOCABULARY[name], facts.get(name))}"
        for name in names
        if name != DISCLOSES
    ]
    return ", ".join(said)


def facts_of(space: Space, case: Mapping[str, int]) -> dict[str, Value | None]:
    """An example value for each fact of a case that the solver found."""
    return {
        name: example_of(space.cells[name][index], VOCABULARY[name].kind)
        for name, index in case.items()
        if name != DISCLOSES
    }
