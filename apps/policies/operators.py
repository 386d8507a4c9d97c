"""The operator table: what each operator means, in three readings that a property test holds equal.

evaluate    one value, now               a closure: value → True, False or None
vectorise   many values, for a replay    (column, operand) → 1, 0 or -1 for each case
solve       all values, for a proof      (cell, operand) → True, False or None for the whole cell
"""

import operator as python
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from apps.policies.cells import Cell, Members, One, OtherCurrency, Span
from apps.policies.columns import Column, Mask, Outcomes, cents_of, mask_of, three_valued
from apps.policies.facts import FactSpec, Kind, Value, choice_in_words, value_in_words
from apps.policies.money import Money

Operand = Value | tuple[Value, Value]
Test = Callable[[Value], bool | None]

NUMERIC = frozenset({Kind.INTEGER, Kind.DECIMAL, Kind.DAYS, Kind.MONEY})
ALL = frozenset(Kind)


@dataclass(frozen=True, slots=True)
class Operator:
    """One row of the table: its sign, the kinds it fits, how many values follow it, and its three readings."""

    sign: str
    kinds: frozenset[Kind]
    operand: str  # "one", "many", "two" or "none" values follow the sign
    evaluate: Callable[[Operand | None], Test]
    vectorise: Callable[[Column, Operand | None], Outcomes]
    solve: Callable[[Cell, Operand | None], bool | None]

    def sentence(self, spec: FactSpec, value: Operand | None) -> str:
        if self.operand == "none":
            return f"{spec.label} is known"
        if self.operand == "two" and isinstance(value, tuple):
            low, high = (value_in_words(spec, item) for item in value)
            return f"{spec.label} is {low} to {high}"
        if self.operand == "many" and isinstance(value, frozenset):
            listed = ", ".join(choice_in_words(item) for item in sorted(value))
            return f"{spec.label} is {'not ' if self.sign == 'not in' else ''}{listed}"
        assert not isinstance(value, tuple)
        return f"{spec.label} {self.sign} {value_in_words(spec, value)}"


# One value, now.


def comparable(left: Value, right: Value) -> tuple[Decimal, Decimal] | None:
    """Both sides as numbers, or None when they are money of two currencies."""
    if isinstance(left, Money) and isinstance(right, Money):
        return (left.amount, right.amount) if left.currency == right.currency else None
    return left, right  # type: ignore[return-value]


def _evaluate_ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Operand | None], Test]:
    def build(limit: Operand | None) -> Test:
        assert limit is not None
        assert not isinstance(limit, tuple)
        if not isinstance(limit, Money):
            return lambda value: compare(value, limit)

        def test_money(value: Value) -> bool | None:
            pair = comparable(value, limit)
            return None if pair is None else compare(*pair)

        return test_money

    return build


def _evaluate_between(bounds: Operand | None) -> Test:
    assert isinstance(bounds, tuple)
    low, high = bounds
    if not isinstance(low, Money):
        return lambda value: low <= value <= high  # type: ignore[operator]

    def test(value: Value) -> bool | None:
        lower, upper = comparable(value, low), comparable(value, high)
        if lower is None or upper is None:
            return None
        return lower[0] >= lower[1] and upper[0] <= upper[1]

    return test


def _evaluate_one_of(wanted: Operand | None) -> Test:
    assert isinstance(wanted, frozenset)
    return lambda value: bool(value & wanted) if isinstance(value, frozenset) else value in wanted


def _evaluate_none_of(unwanted: Operand | None) -> Test:
    inside = _evaluate_one_of(unwanted)
    return lambda value: not inside(value)


# Many values, in columns.


def _number_in(column: Column, limit: Value) -> tuple[float, Mask | None]:
    """The limit as the column's numbers are written, and for money which cases are in its currency."""
    if isinstance(limit, Money):
        assert column.currencies is not None
        return cents_of(limit.amount), np.equal(column.currencies, column.code_of(limit.currency))
    return (float(limit) if isinstance(limit, Decimal) else int(limit)), None  # type: ignore[arg-type]


def _vectorise_ordered(compare: Callable[[Any, Any], Any]) -> Callable[[Column, Operand | None], Outcomes]:
    def test(column: Column, limit: Operand | None) -> Outcomes:
        assert limit is not None
        assert not isinstance(limit, tuple)
        number, same_currency = _number_in(column, limit)
        return three_valued(column, compare(column.values, number), same_currency)

    return test


def _vectorise_between(column: Column, bounds: Operand | None) -> Outcomes:
    assert isinstance(bounds, tuple)
    low, same_currency = _number_in(column, bounds[0])
    high, _ = _number_in(column, bounds[1])
    return three_valued(column, (column.values >= low) & (column.values <= high), same_currency)


def _vectorise_is(column: Column, wanted: Operand | None) -> Outcomes:
    if isinstance(wanted, str):
        return three_valued(column, column.values == column.code_of(wanted))
    assert not isinstance(wanted, tuple)
    assert wanted is not None
    return three_valued(column, column.values == _number_in(column, wanted)[0])


def _vectorise_one_of(column: Column, wanted: Operand | None) -> Outcomes:
    assert isinstance(wanted, frozenset)
    if column.kind is Kind.SET:
        return three_valued(column, (column.values & mask_of(wanted, column.words)) != 0)
    codes = [column.code_of(word) for word in wanted if word in column.words]
    return three_valued(column, np.isin(column.values, codes))


def _opposite(
    test: Callable[[Column, Operand | None], Outcomes],
) -> Callable[[Column, Operand | None], Outcomes]:
    def opposite(column: Column, operand: Operand | None) -> Outcomes:
        outcomes = test(column, operand)
        return np.where(outcomes < 0, outcomes, 1 - outcomes).astype(np.int8)

    return opposite


# All values of a cell. Cells are cut at the very limits that conditions name, so a cell lies wholly on one side.


def _solve_compared(cell: Cell, limit: Value) -> tuple[Decimal | None, Decimal | None, Decimal] | None:
    """The ends of a span and the limit, or None when the cell cannot be compared with it."""
    if isinstance(cell, Span):
        if isinstance(limit, Money):
            return (cell.low, cell.high, limit.amount) if cell.currency == limit.currency else None
        return cell.low, cell.high, Decimal(str(limit))
    assert isinstance(cell, OtherCurrency)
    return None


Ends = Callable[[Decimal | None, Decimal | None, Decimal], bool]


def _solve_ordered(lies: Ends) -> Callable[[Cell, Operand | None], bool | None]:
    """An ordering of a whole span against the limit: `lies(low, high, limit)`; an end that is None is without end."""

    def test(cell: Cell, limit: Operand | None) -> bool | None:
        assert limit is not None
        assert not isinstance(limit, tuple)
        ends = _solve_compared(cell, limit)
        return None if ends is None else lies(*ends)

    return test


_solve_less = _solve_ordered(lambda low, high, limit: high is not None and high < limit)
_solve_at_most = _solve_ordered(lambda low, high, limit: high is not None and high <= limit)
_solve_more = _solve_ordered(lambda low, high, limit: low is not None and low > limit)
_solve_at_least = _solve_ordered(lambda low, high, limit: low is not None and low >= limit)


def _solve_between(cell: Cell, bounds: Operand | None) -> bool | None:
    assert isinstance(bounds, tuple)
    above, below = _solve_at_least(cell, bounds[0]), _solve_at_most(cell, bounds[1])
    return None if above is None or below is None else above and below


def _solve_is(cell: Cell, wanted: Operand | None) -> bool | None:
    if isinstance(cell, One):
        return cell.value == wanted
    assert isinstance(cell, Span)
    return cell.low == cell.high == Decimal(str(wanted))


def _solve_one_of(cell: Cell, wanted: Operand | None) -> bool | None:
    assert isinstance(wanted, frozenset)
    return wanted in cell.meets if isinstance(cell, Members) else isinstance(cell, One) and cell.value in wanted


def _not(test: Callable[[Cell, Operand | None], bool | None]) -> Callable[[Cell, Operand | None], bool | None]:
    def opposite(cell: Cell, operand: Operand | None) -> bool | None:
        outcome = test(cell, operand)
        return None if outcome is None else not outcome

    return opposite


_CHOOSABLE = frozenset({Kind.BOOL, Kind.CHOICE, Kind.INTEGER, Kind.DAYS, Kind.DECIMAL})
_LISTED = frozenset({Kind.CHOICE, Kind.SET})

OPERATORS: dict[str, Operator] = {
    operator.sign: operator
    for operator in (
        Operator("is", _CHOOSABLE, "one", lambda wanted: lambda value: value == wanted, _vectorise_is, _solve_is),
        Operator("is not", _CHOOSABLE, "one", lambda wanted: lambda value: value != wanted,
                 _opposite(_vectorise_is), _not(_solve_is)),
        Operator("in", _LISTED, "many", _evaluate_one_of, _vectorise_one_of, _solve_one_of),
        Operator("not in", _LISTED, "many", _evaluate_none_of, _opposite(_vectorise_one_of), _not(_solve_one_of)),
        Operator("<", NUMERIC, "one", _evaluate_ordered(lambda value, limit: value < limit),
                 _vectorise_ordered(python.lt), _solve_less),
        Operator("≤", NUMERIC, "one", _evaluate_ordered(lambda value, limit: value <= limit),
                 _vectorise_ordered(python.le), _solve_at_most),
        Operator(">", NUMERIC, "one", _evaluate_ordered(lambda value, limit: value > limit),
                 _vectorise_ordered(python.gt), _solve_more),
        Operator("≥", NUMERIC, "one", _evaluate_ordered(lambda value, limit: value >= limit),
                 _vectorise_ordered(python.ge), _solve_at_least),
        Operator("between", NUMERIC, "two", _evaluate_between, _vectorise_between, _solve_between),
        # An unknown fact leaves "is known" unknown, not false: a rule may not grant by somebody's silence.
        Operator("is known", ALL, "none", lambda _: lambda value: True,
                 lambda column, _: three_valued(column, np.ones(len(column), np.bool_)), lambda cell, _: True),
    )
}  # fmt: skip
