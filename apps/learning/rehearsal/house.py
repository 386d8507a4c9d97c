"""The truth of the invented shop, which nothing that is rehearsed may see: a house rule that nobody wrote down.

For each shape of case the house has a limit or two ("a refund up to 12 days past the window and 130.00, to who had one
refund at most"). Eight people carry them in their heads, with leanings of their own near the limits, a mood for the day, and
slips. Now and then a case holds something that no fact shows, and in some worlds a shape holds much of that: it must never
become autonomous. Limits, people and odds differ from world to world.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

PEOPLE = ("Amira", "Bela", "Chidi", "Dana", "Emil", "Farah", "Goran", "Hana")
SHAPES = {  # of a case, with its share of the messages
    "status": 0.22, "return": 0.17, "refund": 0.12, "lost": 0.05, "not there": 0.07, "charged twice": 0.06, "cancel": 0.08,
    "too late": 0.04, "question": 0.13, "advice": 0.03, "complaint": 0.02, "person": 0.01,
}  # fmt: skip
MURKY = 0.12  # of worlds, for each shape that can be: 2.5 to 6 % of its cases hold what no fact shows
MAY_BE_MURKY = ("question", "cancel", "charged twice", "not there")


class Seen(NamedTuple):
    """What a person weighs: the shape of the case and its numbers. `odd`: it holds what no fact shows."""

    shape: str
    days: int  # past the window, since delivery or, for parcels on their way, hours without a scan
    units: int  # of money, whole
    refunds: int
    returns: int
    final_sale: bool
    verified: bool
    odd: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """The house rule, or what one person takes it for."""

    status_hours: int
    returns: int
    refund_days: int
    refund_units: int
    refunds: int
    replace_units: int
    wait_days: int
    twice_units: int
    cancel_units: int

    def leaning(self, share: float) -> "Limits":
        """Laxer by a share in money, days and returns; stricter when it is negative."""

        def by(number: int) -> int:
            return round(number * (1 + share))

        return Limits(
            self.status_hours, by(self.returns), by(self.refund_days), by(self.refund_units), self.refunds,
            by(self.replace_units), self.wait_days, by(self.twice_units), by(self.cancel_units),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """`leaning`: laxer or stricter than the house, as a share; `moody`: how far a day moves that; `slips`: how often;
    `anchored`: how often a proposal on the screen is approved that would have been found wrong unseen."""

    leaning: float
    moody: float
    slips: float
    anchored: float


@dataclass(frozen=True, slots=True)
class Truth:
    """`odds`: how often a case of a shape holds what no fact shows; `mix`: the shapes' shares of the messages."""

    limits: Limits
    people: Mapping[str, Person]
    odds: Mapping[str, float]
    mix: Mapping[str, float]


def truth_of(seed: int) -> Truth:
    """Everything hidden in a world, drawn from its seed."""
    rng = random.Random(f"truth {seed}")
    limits = Limits(
        status_hours=rng.randint(150, 260), returns=rng.randint(4, 6), refund_days=rng.randint(8, 20),
        refund_units=rng.randint(90, 200), refunds=1, replace_units=rng.randint(120, 260), wait_days=2,
        twice_units=rng.randint(220, 400), cancel_units=rng.randint(250, 400),
    )  # fmt: skip
    people = {
        name: Person(rng.gauss(0, 0.06), rng.uniform(0, 0.03), rng.uniform(0.0005, 0.004), rng.uniform(0.3, 0.9))
        for name in PEOPLE
    }
    odds = {shape: rng.uniform(0.001, 0.005) for shape in SHAPES}
    odds |= {shape: rng.uniform(0.025, 0.06) for shape in MAY_BE_MURKY if rng.random() < MURKY}
    odds |= {"complaint": 0.5, "person": 0.5}
    mix = {shape: share * rng.uniform(0.92, 1.08) for shape, share in SHAPES.items()}
    whole = sum(mix.values())
    return Truth(limits, people, odds, {shape: share / whole for shape, share in mix.items()})


def instead(seen: Seen, limits: Limits) -> str | None:
    """The action that is right instead of what the AI proposes; None: the proposal is right."""
    if seen.odd:
        return "refer"
    weigh = _WEIGHED.get(seen.shape)
    return weigh(seen, limits) if weigh else None


def _refund(seen: Seen, limits: Limits) -> str | None:
    too_late, too_much = seen.days > limits.refund_days, seen.units > limits.refund_units
    return "deny" if seen.final_sale or too_late or too_much or seen.refunds > limits.refunds else None


def _lost(seen: Seen, limits: Limits) -> str | None:
    return "courier_claim" if seen.units > limits.replace_units or seen.refunds > limits.refunds else None


_WEIGHED: dict[str, Callable[[Seen, Limits], str | None]] = {
    "status": lambda seen, limits: "courier_claim" if seen.days >= limits.status_hours else None,
    "return": lambda seen, limits: "deny" if seen.returns >= limits.returns else None,
    "refund": _refund,
    "lost": _lost,
    "not there": lambda seen, limits: "reply" if seen.days < limits.wait_days else None,
    "charged twice": lambda seen, limits: "refer" if seen.units > limits.twice_units else None,
    "cancel": lambda seen, limits: "reply" if seen.units > limits.cancel_units else None,
}
