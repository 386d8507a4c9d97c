"""What a world has to be for a rehearsal: an invented operation whose truth the system cannot see.

Write a subclass of `World`, and name it by its dotted path: `manage.py rehearse journey --world my_worlds.Harbour`.

    World(seed)                 everything in it follows from the seed
    rules(), guardrails()       what the AI may do alone on the first day
    people                      who judges, by name
    week(number, count)         what customers bring in a week, with what the AI proposes and the facts as they will be gathered
    judge(arrival, person, …)   what that person would do, with slips and moods
    right(arrival)              what ought to be done: for the score alone; nothing that is rehearsed may ask for it

A night, or a journey through the real pipeline, needs more, and checks that facts and proposals come out as the world foretold:

    shop()                      {"terms": …, "articles": {slug: …}, "products": {sku: …}}: the Terms of the brand, and the
                                others in the shapes of the API
    mirrored(arrival, at)       customers and orders in the shapes of the API, as the shop knows them at that time
    message(arrival, at)        the interaction in the shape of the API; its `external_id` is `arrival.key`

The brand sells in US dollars.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from apps.policies.facts import Value
from apps.policies.money import Money
from apps.policies.specs import GuardrailSpec, Proposal, RuleSpec

FIRST_MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


class Answer(NamedTuple):
    """What is done about a case. `amount` is None where no money moves."""

    action: str
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """One case. `minute` counts from Monday, 0:00 UTC; `hidden` is the world's own, for `judge` and `right`."""

    key: str
    week: int
    minute: int
    customer: str
    case_type: str
    proposal: Proposal
    facts: Mapping[str, Value | None]
    hidden: Any = None

    @property
    def day(self) -> int:
        """Days since the first Monday."""
        return self.week * 7 + self.minute // 1440


class World(ABC):
    """An invented operation. Weeks count from 0."""

    name = "world"
    people: Sequence[str] = ()

    def __init__(self, seed: int) -> None:
        self.seed = seed

    @abstractmethod
    def rules(self) -> tuple[RuleSpec, ...]: ...

    def guardrails(self) -> tuple[GuardrailSpec, ...]:
        return ()

    @abstractmethod
    def week(self, number: int, count: int) -> list[Arrival]:
        """In the order of their minutes."""

    def who(self, arrival: Arrival, place: float) -> str:
        """Who gets the case; `place` is a draw from 0 to 1."""
        return self.people[int(place * len(self.people))]

    @abstractmethod
    def judge(self, arrival: Arrival, person: str, *, shown: bool) -> Answer:
        """The same whenever it is asked. `shown`: the proposal is on the screen."""

    @abstractmethod
    def right(self, arrival: Arrival) -> Answer: ...

    def shop(self) -> dict[str, Any]:
        raise NotImplementedError(f"{self.name} has no shop: it runs in memory only.")

    def mirrored(self, arrival: Arrival, at: datetime) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        raise NotImplementedError(f"{self.name} has no shop: it runs in memory only.")

    def message(self, arrival: Arrival, at: datetime) -> dict[str, Any]:
        raise NotImplementedError(f"{self.name} has no shop: it runs in memory only.")
