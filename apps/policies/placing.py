"""Which class of values a value belongs to, as a small number, for what one set of conditions can tell apart.

Cases that agree in these numbers get the same verdict, since no condition tells them apart: that lets the gate
remember a verdict. `cells.py` cuts the same classes for a proof; a property test holds that equal places never
give different outcomes of a condition.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from apps.policies.conditions import Condition
from apps.policies.facts import VOCABULARY, Kind, Value
from apps.policies.money import Money
from apps.policies.specs import Proposal

UNKNOWN = -1
Place = tuple[object, ...]
Placer = Callable[[Any], int]


class Classes:
    """The classes of cases that these conditions and ceilings can tell apart."""

    def __init__(self, conditions: Iterable[Condition], ceilings: Iterable[Money]) -> None:
        by_fact: dict[str, list[Condition]] = {}
        for condition in conditions:
            by_fact.setdefault(condition.fact, []).append(condition)
        self._facts = tuple((fact, placer(fact, asked)) for fact, asked in by_fact.items())
        self._amount = _place_of_money(ceilings)

    def place_of(self, proposal: Proposal, facts: Mapping[str, Value | None]) -> Place:
        """Equal for two cases that no condition and no ceiling tells apart."""
        known = facts.get
        return (
            proposal.action,
            proposal.discloses_order,
            self._amount(proposal.amount),
            *[place(known(name)) for name, place in self._facts],
        )


def placer(fact: str, conditions: Iterable[Condition]) -> Placer:
    """For conditions on one fact: value → the number of its class; None is `UNKNOWN`."""
    operands = [condition.value for condition in conditions if condition.value is not None]
    singles = [item for operand in operands for item in (operand if isinstance(operand, tuple) else (operand,))]
    match VOCABULARY[fact].kind:
        case Kind.MONEY:
            return _place_of_money(item for item in singles if isinstance(item, Money))
        case Kind.SET:
            return _place_of_set(list({item for item in operands if isinstance(item, frozenset)}))
        case Kind.BOOL | Kind.CHOICE:
            named = {member for item in singles for member in (item if isinstance(item, frozenset) else (item,))}
            return _place_of_choice({member: number for number, member in enumerate(sorted(named, key=str), 1)})
        case _:
            return _place_of_number(sorted(set(singles)))


def _place_of_money(limits: Iterable[Money]) -> Placer:
    """Amounts in a currency that no limit names are one class."""
    bounds: dict[str, list[Any]] = {}
    for limit in sorted(set(limits), key=lambda limit: (limit.currency, limit.amount)):
        bounds.setdefault(limit.currency, []).append(limit.amount)
    places: dict[str, tuple[int, Placer]] = {}
    start = 1
    for currency, amounts in bounds.items():
        places[currency] = (start, _place_of_number(amounts))
        start += 2 * len(amounts) + 1

    def place(value: Money | None) -> int:
        if value is None:
            return UNKNOWN
        found = places.get(value.currency)
        return 0 if found is None else found[0] + found[1](value.amount)

    return place


def _place_of_number(bounds: Sequence[Any]) -> Placer:
    """Even places lie between two bounds, odd ones are a bound itself."""

    def place(value: Any) -> int:
        return UNKNOWN if value is None else bisect_left(bounds, value) + bisect_right(bounds, value)

    return place


def _place_of_choice(numbers: Mapping[Any, int]) -> Placer:
    def place(value: Value | None) -> int:
        return UNKNOWN if value is None else numbers.get(value, 0)

    return place


def _place_of_set(lists: Sequence[frozenset[str]]) -> Placer:
    def place(value: frozenset[str] | None) -> int:
        if value is None:
            return UNKNOWN
        return sum(1 << number for number, some in enumerate(lists) if some & value)

    return place
