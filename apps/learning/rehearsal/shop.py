"""The shop: the world that rehearsals run in by default."""

import random
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from apps.learning.rehearsal import mirroring
from apps.learning.rehearsal.arriving import arrivals
from apps.learning.rehearsal.house import PEOPLE, Limits, Seen, instead, truth_of
from apps.learning.rehearsal.world import Answer, Arrival, World
from apps.policies.conditions import Condition
from apps.policies.specs import GuardrailSpec, RuleSpec

_SLIPS = ("deny", "refer", "ask_customer")


class Shop(World):
    """`changes_in`: from this week on the house, and everybody in it, is stricter by half; None: it stays as it is."""

    name = "shop"
    people: Sequence[str] = PEOPLE
    changes_in: int | None = None
    changes_by = -0.5

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.truth = truth_of(seed)
        self._views: dict[tuple[str, int, bool], Limits] = {}

    def rules(self) -> tuple[RuleSpec, ...]:
        known = (Condition("sender.verified", "is", True), Condition("order.belongs_to_sender", "is", True))
        return (RuleSpec("rule 1", "order_status", known, "autonomous", "reply"),)

    def guardrails(self) -> tuple[GuardrailSpec, ...]:
        return tuple(
            GuardrailSpec(f"guardrail {place}", (Condition(fact, "is", True),))
            for place, fact in enumerate(("message.public", "message.injection_suspected"), start=1)
        )

    def week(self, number: int, count: int) -> list[Arrival]:
        return arrivals(self.truth, self.seed, number, count)

    def right(self, arrival: Arrival) -> Answer:
        return _answer(arrival, self._limits("", arrival))

    def judge(self, arrival: Arrival, person: str, *, shown: bool) -> Answer:
        who, chance = self.truth.people[person], random.Random(f"{self.seed} {arrival.key} {person}")
        proposed = Answer(arrival.proposal.action, arrival.proposal.amount)
        if chance.random() < who.slips:
            return Answer(chance.choice(_SLIPS)) if self.right(arrival) == proposed else proposed
        if shown and chance.random() < who.anchored:
            return proposed
        return _answer(arrival, self._limits(person, arrival))

    def shop(self) -> dict[str, Any]:
        return mirroring.shop()

    def mirrored(self, arrival: Arrival, at: datetime) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        return mirroring.mirrored(arrival, at)

    def message(self, arrival: Arrival, at: datetime) -> dict[str, Any]:
        return mirroring.message(arrival, at)

    def _limits(self, person: str, arrival: Arrival) -> Limits:
        """The limits as a person sees them that day; the house's own without a person."""
        changed = self.changes_in is not None and arrival.week >= self.changes_in
        named = (person, arrival.day if person else 0, changed)
        if named not in self._views:
            leaning = self.changes_by if changed else 0.0
            if person:
                who = self.truth.people[person]
                leaning += who.leaning + random.Random(f"{self.seed} {named}").gauss(0, who.moody)
            self._views[named] = self.truth.limits.leaning(leaning)
        return self._views[named]


def _answer(arrival: Arrival, limits: Limits) -> Answer:
    seen: Seen = arrival.hidden
    if not seen.verified and arrival.proposal.discloses_order:
        return Answer("ask_customer")
    other = instead(seen, limits)
    return Answer(other) if other else Answer(arrival.proposal.action, arrival.proposal.amount)
