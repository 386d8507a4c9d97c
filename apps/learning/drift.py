"""Drift: what a grant is asked to decide now, and was never certified on.

Pure. A certificate speaks of cases like those that it rests on. Where values come up now that its evidence had hardly any of,
more often than chance brings them, or facts that it knew nothing of, such cases are people's until another grant takes its
place: as long as this one stands before them, nothing can be proven of them.
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
    """What a certificate rests on, of one fact: how many cases there were and how many knew it, the values that hardly ever
    came up beyond these, and for facts without order those that did come up."""

    cases: int
    known: int
    low: Value | None = None
    high: Value | None = None
    values: frozenset[Value] = frozenset()


def usual(evidence: Sequence[Known]) -> dict[str, Usual]:
    """By fact: every one of today's vocabulary, so that one that is added later is none that the evidence lacked."""
    return {spec.name: _usual(spec, evidence) for spec in _FACTS} if evidence else {}


def _usual(spec: FactSpec, evidence: Sequence[Known]) -> Usual:
    values = [value for known in evidence if (value := known.get(spec.name)) is not None]
    counts = len(evidence), len(values)
    if spec.kind in NUMERIC and len(values) > 2 * HARDLY:
        ordered = sorted(values, key=_number)
        return Usual(*counts, ordered[HARDLY], ordered[-1 - HARDLY])
    often = (value for value, count in Counter(values).items() if count > HARDLY)
    return Usual(*counts, values=frozenset(often) if spec.kind not in NUMERIC else frozenset())


def never_certified(before: Mapping[str, Usual], now: Sequence[Known], alpha: float = ALPHA) -> list[Condition]:
    """The conditions under which a case is unlike all that a certificate rests on, as far as `now` brings them up."""
    found = []
    part = alpha / max(1, len(before)) / 4  # of each fact: two sides, and for each the share before and the count now
    for name, was in before.items():
        seen = Counter(value for known in now if (value := known.get(name)) is not None)
        for condition, few, count in _new(VOCABULARY[name], was, seen):
            if count >= FEWEST and _rarity(count, len(now), few, was.cases, part) < part:
                found.append(condition)
    return found


def _rarity(count: int, seen: int, few: int, before: int, alpha: float) -> float:
    """How rare so many are, at the largest share that so few of the evidence leave possible (Clopper and Pearson, 1934)."""
    return float(binom.sf(count - 1, seen, bound(few, before, alpha)))


def _new(spec: FactSpec, was: Usual, seen: Counter[Value]) -> Iterator[tuple[Condition, int, int]]:
    """Conditions that hardly anything of the evidence meets, with how often it met them at most, and how often they are met
    now."""
    if was.low is not None and was.high is not None:
        low, high = _number(was.low), _number(was.high)
        above = sum(count for value, count in seen.items() if _number(value) > high)
        yield Condition(spec.name, ">", was.high), HARDLY, above
        yield Condition(spec.name, "<", was.low), HARDLY, sum(n for value, n in seen.items() if _number(value) < low)
    elif spec.kind in NUMERIC or not was.values:
        yield Condition(spec.name, "is known"), was.known, seen.total()
    else:
        for value in sorted(set(seen) - was.values, key=str):
            yield Condition(spec.name, "is", value), HARDLY, seen[value]


def _number(value: Value) -> Decimal | int:
    """Money of another currency than the rest is compared as if it were of the same: such a case is unknown to the rule."""
    return value.amount if isinstance(value, Money) else value  # type: ignore[return-value]
