"""Conditions on facts: checked when written, read against facts in three ways, and in words.

Conditions are three-valued: true, false, or unknown when the fact is unknown; money in another currency than the
limit's is unknown too. What an operator means is in `operators.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from apps.policies.cells import Cell, Unknown
from apps.policies.columns import Column, Outcomes
from apps.policies.facts import VOCABULARY, FactSpec, Kind, Value, value_as_json
from apps.policies.money import BadAmount, Money, exact_amount
from apps.policies.operators import OPERATORS, Operand, Test, comparable


class BadCondition(ValueError):
    """The condition cannot be used; the message names the fact and says why."""


@dataclass(frozen=True, slots=True)
class Condition:
    """`fact operator value`, for example `order.days_past_window ≤ 15`."""

    fact: str
    operator: str
    value: Operand | None = None

    def as_json(self) -> dict[str, object]:
        if isinstance(self.value, tuple):
            value: object = [value_as_json(item) for item in self.value]
        else:
            value = value_as_json(self.value)
        return {"fact": self.fact, "operator": self.operator, "value": value}

    def in_words(self) -> str:
        spec = VOCABULARY[self.fact]
        return OPERATORS[self.operator].sentence(spec, self.value)


def compiled(condition: Condition) -> Test:
    """The closure that tests a known value."""
    return OPERATORS[condition.operator].evaluate(condition.value)


def vectorised(condition: Condition, column: Column) -> Outcomes:
    """The condition on a column: for each case 1 (true), 0 (false) or -1 (unknown)."""
    return OPERATORS[condition.operator].vectorise(column, condition.value)


def solved(condition: Condition, cell: Cell) -> bool | None:
    """The condition on every value of a cell at once."""
    return None if isinstance(cell, Unknown) else OPERATORS[condition.operator].solve(cell, condition.value)


def evaluate(condition: Condition, facts: Mapping[str, Value | None]) -> bool | None:
    """Read one condition against the facts; None when it cannot be said."""
    value = facts.get(condition.fact)
    return None if value is None else compiled(condition)(value)


def operators_for(spec: FactSpec) -> list[str]:
    return [sign for sign, operator in OPERATORS.items() if spec.kind in operator.kinds]


def parse(raw: Mapping[str, object]) -> Condition:
    """Check a written condition. Raises BadCondition with a sentence for the one who wrote it."""
    name, sign = str(raw.get("fact", "")), str(raw.get("operator", ""))
    spec = VOCABULARY.get(name)
    if spec is None:
        raise BadCondition(f"There is no fact “{name}”. Choose one from the list.")
    operator = OPERATORS.get(sign)
    if operator is None or spec.kind not in operator.kinds:
        raise BadCondition(f"“{sign}” does not fit {spec.label}; use {', '.join(operators_for(spec))}.")
    value = raw.get("value")
    if operator.operand == "none":
        return Condition(name, sign)
    if operator.operand == "many":
        items = value if isinstance(value, list | tuple | set | frozenset) else str(value or "").split(",")
        chosen = frozenset(_choice(spec, str(item).strip()) for item in items if str(item).strip())
        if not chosen:
            raise BadCondition(f"Say which values of {spec.label} are meant.")
        return Condition(name, sign, chosen)
    if operator.operand == "two":
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise BadCondition(f"“between” needs two values of {spec.label}.")
        low, high = _single(spec, value[0]), _single(spec, value[1])
        pair = comparable(low, high)
        if pair is None or pair[0] > pair[1]:
            raise BadCondition(f"The lower value of {spec.label} must come first, in the same currency.")
        return Condition(name, sign, (low, high))
    return Condition(name, sign, _single(spec, value))


def read_value(spec: FactSpec, raw: object) -> Value:
    """A value of a fact as somebody wrote it. Raises BadCondition with the reason."""
    if spec.kind is Kind.SET:
        items = raw if isinstance(raw, list | tuple | set | frozenset) else str(raw).split(",")
        return frozenset(_choice(spec, str(item).strip()) for item in items if str(item).strip())
    return _single(spec, raw)


def _choice(spec: FactSpec, text: str) -> str:
    if spec.choices and text not in spec.choices:
        raise BadCondition(f"{spec.label} is never “{text}”; it is one of {', '.join(spec.choices)}.")
    return text


def _single(spec: FactSpec, raw: object) -> Value:
    if spec.kind is Kind.BOOL:
        if raw in (True, "true", "yes"):
            return True
        if raw in (False, "false", "no"):
            return False
        raise BadCondition(f"{spec.label} is yes or no, not “{raw}”.")
    if spec.kind in (Kind.CHOICE, Kind.SET):
        return _choice(spec, str(raw))
    if spec.kind is Kind.MONEY:
        return _money(spec, raw)
    return _number(spec, raw)


def _money(spec: FactSpec, raw: object) -> Money:
    if isinstance(raw, Money):
        return raw
    if not isinstance(raw, Mapping) or not str(raw.get("currency", "")).strip():
        raise BadCondition(f"{spec.label} is money: give an amount and its currency.")
    try:
        return Money(exact_amount(raw.get("amount")), str(raw["currency"]))
    except BadAmount as error:
        raise BadCondition(f"{spec.label}: {error}") from None


def _number(spec: FactSpec, raw: object) -> int | Decimal:
    try:
        number = Decimal(str(raw).strip())
    except InvalidOperation:
        raise BadCondition(f"{spec.label} is a number, not “{raw}”.") from None
    if not number.is_finite():
        raise BadCondition(f"{spec.label} is a number, not “{raw}”.")
    if spec.kind is not Kind.DECIMAL and number != number.to_integral_value():
        raise BadCondition(f"{spec.label} is a whole number, not “{raw}”.")
    if spec.minimum is not None and number < spec.minimum:
        raise BadCondition(f"{spec.label} is never below {spec.minimum}; “{raw}” cannot happen.")
    if spec.maximum is not None and number > spec.maximum:
        raise BadCondition(f"{spec.label} is never above {spec.maximum}; “{raw}” cannot happen.")
    return number if spec.kind is Kind.DECIMAL else int(number)
