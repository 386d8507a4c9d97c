"""Drift: what a grant is asked to decide now, and was never certified on.

Pure. A certificate speaks of cases like those that it rests on. Where values come up now that its evidence had hardly any of,
more often than chance brings them, such cases are people's until another grant takes its place: as long as this one stands
before them, nothing can be proven of them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from scipy.stats import binom

from apps.learning.certification import bound
from apps.policies.conditions import Condition
from apps.policies.facts import VOCABULARY, FactSpec, Kind, Value
from apps.policies.money import Money
from apps.policies.operators import NUMERIC

ALPHA = 0.01  # over all facts of one look
FEWEST = 10  # cases of a kind, before they count as drift
HARDLY = 3  # cases in the evidence: so few as good as none

Known = Mapping[str, Value | None]
_FACTS = [spec for spec in VOCABULARY.values() if spec.kind is not Kind.SET]


@dataclass(frozen=True, slots=True)
class Usual:
    """What a certificate rests on, of one fact: how many cases knew it, the values that hardly ever came up beyond these, and
    for facts without order those that did come up."""

    known: int
    low: Value | None = None
    high: Value | None = None
    values: frozenset[Value] = frozenset()


def usual(evidence: Sequence[Known]) -> dict[str, Usual]:
    """By fact."""
    found = {}
    for spec in _FACTS:
        values = [value for known in evidence if (value := known.get(spec.name)) is not None]
        if spec.kind in NUMERIC and len(values) > 2 * HARDLY:
            ordered = sorted(values, key=_number)
            found[spec.name] = Usual(len(values), ordered[HARDLY], ordered[-1 - HARDLY])
        elif spec.kind not in NUMERIC and values:
            often = (value for value, count in Counter(values).items() if count > HARDLY)
            found[spec.name] = Usual(len(values), values=frozenset(often))
    return found


def never_certified(before: Mapping[str, Usual], now: Sequence[Known], alpha: float = ALPHA) -> list[Condition]:
    """The conditions under which a case is unlike all that a certificate rests on, as far as `now` brings them up."""
    found = []
    part = alpha / max(1, len(before)) / 4  # of each fact: two sides, and for each the share before and the count now
    for name, was in before.items():
        seen = Counter(value for known in now if (value := known.get(name)) is not None)
        all_seen = seen.total()
        for condition, count in _new(VOCABULARY[name], was, seen):
            if count >= FEWEST and _rarity(count, all_seen, was.known, part) < part:
                found.append(condition)
    return found


def _rarity(count: int, seen: int, before: int, alpha: float) -> float:
    """How rare so many are, at the largest share that so few of the evidence leave possible (Clopper and Pearson, 1934)."""
    return float(binom.sf(count - 1, seen, bound(HARDLY, before, alpha)))


def _new(spec: FactSpec, was: Usual, seen: Counter[Value]) -> Iterator[tuple[Condition, int]]:
    """Conditions that hardly anything of the evidence meets, with how often they are met now."""
    if was.low is None or was.high is None:
        for value in sorted(set(seen) - was.values, key=str):
            yield Condition(spec.name, "is", value), seen[value]
        return
    low, high = _number(was.low), _number(was.high)
    yield Condition(spec.name, ">", was.high), sum(count for value, count in seen.items() if _number(value) > high)
    yield Condition(spec.name, "<", was.low), sum(count for value, count in seen.items() if _number(value) < low)


def _number(value: Value) -> Decimal | int:
    """Money of another currency than the rest is compared as if it were of the same: such a case is unknown to the rule."""
    return value.amount if isinstance(value, Money) else value  # type: ignore[return-value]
