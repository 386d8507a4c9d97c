"""Cells: the values of one fact, cut into the classes that a set of conditions can tell apart.

A proof need not look at every value: between two limits that conditions name, all numbers are alike. So a fact
becomes a variable with finitely many cells, one of them "unknown", and each condition is true, false or unknown
on a whole cell. That makes a proof over all cases a finite one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from apps.policies.facts import FactSpec, Kind, Value
from apps.policies.money import CENT, Money

MOST_CELLS = 2000  # of one fact; a boundary that needs more is "not proved", never guessed


class TooComplex(Exception):
    """A question that is too large to be decided here; the message says which part."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The fact was not found out."""


@dataclass(frozen=True, slots=True)
class Span:
    """All numbers from `low` to `high`, both inside; None is without end. Money names its currency."""

    low: Decimal | None
    high: Decimal | None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class OtherCurrency:
    """Money in a currency that no condition names."""


@dataclass(frozen=True, slots=True)
class One:
    """Exactly this choice, or yes or no."""

    value: str | bool


@dataclass(frozen=True, slots=True)
class Members:
    """Sets that meet exactly these of the lists that conditions ask for; `example` is one of them."""

    meets: frozenset[frozenset[str]]
    example: frozenset[str]


Cell = Unknown | Span | OtherCurrency | One | Members


def cells_of(spec: FactSpec, operands: Iterable[object]) -> tuple[Cell, ...]:
    """The cells of a fact for conditions with these operands; "unknown" is the first.

    Raises TooComplex when they are too many.
    """
    mentioned = [item for operand in operands for item in _single_values(operand)]
    match spec.kind:
        case Kind.BOOL:
            found: list[Cell] = [One(True), One(False)]
        case Kind.CHOICE:
            found = [One(choice) for choice in spec.choices]
        case Kind.SET:
            found = _member_cells([item for item in operands if isinstance(item, frozenset)])
        case Kind.MONEY:
            found = _money_cells([item for item in mentioned if isinstance(item, Money)])
        case _:
            step = Decimal("0.000001") if spec.kind is Kind.DECIMAL else Decimal(1)
            limits = {Decimal(str(item)) for item in mentioned}
            found = list(_spans(limits, _bound(spec.minimum), _bound(spec.maximum), step))
    if len(found) > MOST_CELLS:
        raise TooComplex(f"the conditions on {spec.label} tell {len(found)} classes of values apart")
    return (Unknown(), *found)


def _bound(number: int | None) -> Decimal | None:
    return None if number is None else Decimal(number)


def _single_values(operand: object) -> Sequence[object]:
    if operand is None or isinstance(operand, frozenset):
        return ()
    return operand if isinstance(operand, tuple) else (operand,)


def _money_cells(limits: Sequence[Money]) -> list[Cell]:
    cells: list[Cell] = []
    for currency in sorted({limit.currency for limit in limits}):
        amounts = {limit.amount for limit in limits if limit.currency == currency}
        cells += _spans(amounts, Decimal(0), None, CENT, currency)
    return [*cells, OtherCurrency()]


def _spans(
    limits: set[Decimal], minimum: Decimal | None, maximum: Decimal | None, step: Decimal, currency: str = ""
) -> list[Span]:
    """Each limit alone, and what lies between them. `step` is the distance of two neighbouring numbers."""
    spans, low = [], minimum
    for limit in sorted(limits):
        if low is None or low <= limit - step:
            spans.append(Span(low, limit - step, currency))
        spans.append(Span(limit, limit, currency))
        low = limit + step
    if maximum is None or low is None or low <= maximum:
        spans.append(Span(low, maximum, currency))
    return spans


def _member_cells(wanted: Sequence[frozenset[str]]) -> list[Cell]:
    """One cell for each way in which a set can meet some of the lists and miss the others."""
    lists = set(wanted)
    found = {frozenset[frozenset[str]](): frozenset[str]()}
    for member in sorted({member for some in lists for member in some}):
        hits = frozenset(some for some in lists if member in some)
        for meets, example in list(found.items()):
            found.setdefault(meets | hits, example | {member})
        if len(found) > MOST_CELLS:
            raise TooComplex(f"the conditions on a set tell over {MOST_CELLS} classes of sets apart")
    return [Members(meets, example) for meets, example in found.items()]


def example_of(cell: Cell, kind: Kind) -> Value | None:
    """A value of the cell, as plain as can be; None for unknown."""
    match cell:
        case One():
            return cell.value
        case Members():
            return cell.example
        case OtherCurrency():
            return Money(Decimal("10.00"), "XTS")  # ISO 4217's code for tests
        case Span():
            ends = [end for end in (cell.low, cell.high) if end is not None]
            number = min(ends, key=abs, default=Decimal(0))  # the plainer one
            if kind is Kind.MONEY:
                return Money(number.quantize(CENT), cell.currency)
            return number if kind is Kind.DECIMAL else int(number)
    return None


def cell_of(value: Value | None, cells: Sequence[Cell]) -> Cell:
    """The cell that holds the value. Raises StopIteration when the value lies outside its fact's range."""
    if value is None:
        return cells[0]
    if isinstance(value, frozenset):
        lists = {some for cell in cells if isinstance(cell, Members) for some in cell.meets}
        met = frozenset(some for some in lists if some & value)
        return next(cell for cell in cells if isinstance(cell, Members) and cell.meets == met)
    return next(cell for cell in cells if _holds(cell, value))


def _holds(cell: Cell, value: Value) -> bool:
    match cell, value:
        case One(value=one), bool() | str():
            return one == value
        case Span(), Money():
            return cell.currency == value.currency and _between(cell, value.amount)
        case Span(), int() | Decimal():
            return _between(cell, Decimal(value))
        case OtherCurrency(), Money():
            return True  # the last cell: no span of a named currency held it
    return False


def _between(span: Span, number: Decimal) -> bool:
    return (span.low is None or span.low <= number) and (span.high is None or number <= span.high)
