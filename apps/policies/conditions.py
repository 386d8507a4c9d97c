"""Conditions on facts: one table of operators, checked when written, compiled to closures, read in words.

Conditions are three-valued. A test is `True`, `False`, or `None` when the fact is unknown; money in another
currency than the limit's is unknown too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from apps.policies.facts import VOCABULARY, FactSpec, Kind, Value, choice_in_words, value_as_json, value_in_words
from apps.policies.money import BadAmount, Money, exact_amount

Operand = Value | tuple[Value, Value]
Test = Callable[[Value], bool | None]

NUMERIC = frozenset({Kind.INTEGER, Kind.DECIMAL, Kind.DAYS, Kind.MONEY})
ALL = frozenset(Kind)


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


@dataclass(frozen=True, slots=True)
class Operator:
    """One row of the operator table: its sign, the kinds it fits, how it is tested and read."""

    sign: str
    kinds: frozenset[Kind]
    build: Callable[[Operand | None], Test]
    operand: str  # "one", "many", "two" or "none" values follow the sign

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


def _comparable(left: Value, right: Value) -> tuple[Decimal, Decimal] | None:
    """Both sides as numbers, or None when they are money of two currencies."""
    if isinstance(left, Money) and isinstance(right, Money):
        return (left.amount, right.amount) if left.currency == right.currency else None
    return left, right  # type: ignore[return-value]


def _ordered(compare: Callable[[Decimal, Decimal], bool]) -> Callable[[Operand | None], Test]:
    def build(limit: Operand | None) -> Test:
        assert limit is not None
        assert not isinstance(limit, tuple)
        if not isinstance(limit, Money):
            return lambda value: compare(value, limit)  # type: ignore[arg-type]

        def test_money(value: Value) -> bool | None:
            pair = _comparable(value, limit)
            return None if pair is None else compare(*pair)

        return test_money

    return build


def _between(bounds: Operand | None) -> Test:
    assert isinstance(bounds, tuple)
    low, high = bounds

    def test(value: Value) -> bool | None:
        lower, upper = _comparable(value, low), _comparable(value, high)
        if lower is None or upper is None:
            return None
        return lower[0] >= lower[1] and upper[0] <= upper[1]

    return test


def _one_of(wanted: Operand | None) -> Test:
    assert isinstance(wanted, frozenset)
    return lambda value: bool(value & wanted) if isinstance(value, frozenset) else value in wanted


def _none_of(unwanted: Operand | None) -> Test:
    inside = _one_of(unwanted)
    return lambda value: not inside(value)


_CHOOSABLE = frozenset({Kind.BOOL, Kind.CHOICE, Kind.INTEGER, Kind.DAYS, Kind.DECIMAL})

OPERATORS: dict[str, Operator] = {
    operator.sign: operator
    for operator in (
        Operator("is", _CHOOSABLE, lambda wanted: lambda value: value == wanted, "one"),
        Operator("is not", _CHOOSABLE, lambda wanted: lambda value: value != wanted, "one"),
        Operator("in", frozenset({Kind.CHOICE, Kind.SET}), _one_of, "many"),
        Operator("not in", frozenset({Kind.CHOICE, Kind.SET}), _none_of, "many"),
        Operator("<", NUMERIC, _ordered(lambda value, limit: value < limit), "one"),
        Operator("≤", NUMERIC, _ordered(lambda value, limit: value <= limit), "one"),
        Operator(">", NUMERIC, _ordered(lambda value, limit: value > limit), "one"),
        Operator("≥", NUMERIC, _ordered(lambda value, limit: value >= limit), "one"),
        Operator("between", NUMERIC, _between, "two"),
        # An unknown fact leaves "is known" unknown, not false: a rule may not grant by somebody's silence.
        Operator("is known", ALL, lambda _: lambda value: True, "none"),
    )
}


def compiled(condition: Condition) -> Test:
    """The closure that tests a known value."""
    return OPERATORS[condition.operator].build(condition.value)


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
        pair = _comparable(low, high)
        if pair is None or pair[0] > pair[1]:
            raise BadCondition(f"The lower value of {spec.label} must come first, in the same currency.")
        return Condition(name, sign, (low, high))
    return Condition(name, sign, _single(spec, value))


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
