"""Regions: sets of cases that a rule could grant, in the boundary's own vocabulary.

Pure. A region is a few conditions, with a ceiling where money moves.

    Region.holds(facts, amount)   whether a case lies in it, read as the gate reads a rule: what is unknown does not
    masks_of(regions, …)          the same over n cases
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from apps.policies.columns import TRUE, Column, Mask, column_of
from apps.policies.conditions import Condition, evaluate, vectorised
from apps.policies.facts import VOCABULARY, Value
from apps.policies.gate import within
from apps.policies.money import Money


@dataclass(frozen=True, slots=True)
class Example:
    """One judged case of a type and an action: its facts as they were known, the amount, and whether the AI was wrong."""

    facts: Mapping[str, Value | None]
    amount: Money | None
    wrong: bool


@dataclass(frozen=True, slots=True)
class Region:
    """What a rule would grant. The conditions are in the order of the vocabulary."""

    conditions: tuple[Condition, ...] = ()
    ceiling: Money | None = None

    def holds(self, facts: Mapping[str, Value | None], amount: Money | None) -> bool:
        if self.ceiling is not None and (amount is None or not within(amount, self.ceiling)):
            return False
        return all(evaluate(condition, facts) is True for condition in self.conditions)

    def also(self, conditions: Iterable[Condition]) -> "Region":
        """The part of it in which these hold too."""
        return replace(self, conditions=_in_order({*self.conditions, *conditions}))

    def in_words(self) -> str:
        parts = [condition.in_words() for condition in self.conditions]
        parts += [f"up to {self.ceiling}"] if self.ceiling else []
        return " and ".join(parts) or "every case"


def masks_of(
    regions: Sequence[Region], facts: Sequence[Mapping[str, Value | None]], amounts: Sequence[Money | None]
) -> list[Mask]:
    """Which of n cases lie in each region, as `Region.holds` says it of one."""
    columns: dict[str, Column] = {}
    found = []
    for region in regions:
        mask = np.ones(len(facts), np.bool_)
        for condition in region.conditions:
            name = condition.fact
            if name not in columns:
                columns[name] = column_of(VOCABULARY[name], [known.get(name) for known in facts])
            mask &= vectorised(condition, columns[name]) == TRUE
        if region.ceiling is not None:
            mask &= np.array([one is not None and within(one, region.ceiling) for one in amounts], np.bool_)
        found.append(mask)
    return found


def _in_order(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    order = list(VOCABULARY)
    return tuple(sorted(conditions, key=lambda one: (order.index(one.fact), one.operator)))
