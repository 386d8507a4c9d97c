"""Worlds in which something is the matter, to see what learning makes of it."""

import random
from dataclasses import replace

from apps.learning.rehearsal.house import Seen
from apps.learning.rehearsal.shop import Shop
from apps.learning.rehearsal.world import Answer, Arrival

FLOOD = 500
FLOODED_IN = 6  # the seventh week
FAR_PAST = 45  # days past the window, which no house refunds


class RandomPeople(Shop):
    """People decide by the toss of a die: the proposal, or one of two others."""

    name = "random people"

    def judge(self, arrival: Arrival, person: str, *, shown: bool) -> Answer:
        chance = random.Random(f"{self.seed} {arrival.key} {person} toss")
        proposed = Answer(arrival.proposal.action, arrival.proposal.amount)
        return chance.choice([proposed, Answer("deny"), Answer("refer")])


class AnchoredPeople(Shop):
    """People approve whatever they are shown. Unseen they judge for themselves."""

    name = "anchored people"

    def judge(self, arrival: Arrival, person: str, *, shown: bool) -> Answer:
        if shown:
            return Answer(arrival.proposal.action, arrival.proposal.amount)
        return super().judge(arrival, person, shown=shown)


class ChangedMinds(Shop):
    """In the thirteenth week the house becomes stricter by half, and so does everybody."""

    name = "changed minds"
    changes_in = 12


class FloodingCustomer(Shop):
    """One customer brings 500 refunds far past the window in one week, and for some reason each of them is right."""

    name = "flooding customer"

    def week(self, number: int, count: int) -> list[Arrival]:
        found = super().week(number, count)
        if number != FLOODED_IN:
            return found
        one = next(arrival for arrival in found if arrival.hidden.shape == "refund" and not arrival.hidden.final_sale)
        flood = [far_past(one, f"flood-{place}", minute=place * 20 % 10_080) for place in range(FLOOD)]
        return sorted([*found, *flood], key=lambda arrival: (arrival.minute, arrival.key))

    def right(self, arrival: Arrival) -> Answer:
        if arrival.key.startswith("flood"):
            return Answer(arrival.proposal.action, arrival.proposal.amount)
        return super().right(arrival)

    def judge(self, arrival: Arrival, person: str, *, shown: bool) -> Answer:
        return self.right(arrival) if arrival.key.startswith("flood") else super().judge(arrival, person, shown=shown)


class FloodingSupervisor(Shop):
    """In one week one person takes 500 refunds and approves each."""

    name = "flooding supervisor"

    def _is_flooded(self, arrival: Arrival) -> bool:
        seen: Seen = arrival.hidden
        return seen.shape == "refund" and arrival.week == FLOODED_IN

    def who(self, arrival: Arrival, place: float) -> str:
        return self.people[0] if self._is_flooded(arrival) else super().who(arrival, place)

    def judge(self, arrival: Arrival, person: str, *, shown: bool) -> Answer:
        if self._is_flooded(arrival):
            return Answer(arrival.proposal.action, arrival.proposal.amount)
        return super().judge(arrival, person, shown=shown)


def far_past(one: Arrival, key: str, *, minute: int) -> Arrival:
    """The same refund, so far past the window that no house gives it."""
    seen: Seen = one.hidden
    facts = {**one.facts, "order.days_past_window": FAR_PAST, "order.days_since_delivery": FAR_PAST + 30}
    return replace(
        one, key=key, minute=minute, facts=facts, hidden=seen._replace(days=FAR_PAST, verified=True, odd=False)
    )
