"""What a rehearsed operation consists of: grants with their ramps and breakers, and what is counted of its weeks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from apps.learning import betting, drift, steps
from apps.learning.breaker import AUDITS_A_YEAR
from apps.learning.certification import Judged
from apps.learning.refining import Kind
from apps.learning.region import Region
from apps.policies.conditions import Condition, evaluate
from apps.policies.facts import Value
from apps.policies.lots import SHARES, Lot, lot_at
from apps.policies.specs import RuleSpec
from apps.policies.words import Handler

AUDITED = 0.05  # of what the AI does alone, at least


@dataclass(slots=True)
class Grant:
    """What the AI may do alone. `number` 0: from the first day, without a ramp. `except_for` are regions that were taken out
    again, `unlike` what it was never certified on; `usual` is what its certificate rests on."""

    number: int
    kind: Kind
    region: Region
    detector: betting.Detector
    since: int
    share: int = SHARES[0]
    stepped: int = 0
    audited: float = 1.0
    alone: int = 0  # this week
    decided: int = 0
    wrong: int = 0  # of these, as the world says: for the score alone
    audits: list[Judged] = field(default_factory=list)
    usual: Mapping[str, drift.Usual] = field(default_factory=dict)
    lately: list[Mapping[str, Value | None]] = field(default_factory=list)
    except_for: list[Region] = field(default_factory=list)
    unlike: list[Condition] = field(default_factory=list)
    stopped: bool = False

    def rules(self) -> list[RuleSpec]:
        """Without keys: those that take out, and the one that grants."""
        case_type, action = self.kind
        out = [RuleSpec("", case_type, self.region.also(one.conditions).conditions) for one in self.except_for]
        return [*out, RuleSpec("", case_type, self.region.conditions, Handler.AUTONOMOUS, action, self.region.ceiling,
                               ramp=self.number or None)]  # fmt: skip

    def lot(self, place: float, facts: Mapping[str, Value | None]) -> Lot:
        if self.stopped or any(evaluate(condition, facts) is True for condition in self.unlike):
            return Lot.NOT_YET
        return lot_at(place, self.share) if self.number else Lot.ALONE

    def go_on(self, week: int, target: float) -> None:
        """The end of a week: what drifts goes back to people, the ramp goes on, and it is settled with which probability the
        next week's decisions are audited."""
        self.unlike += [one for one in drift.never_certified(self.usual, self.lately) if one not in self.unlike]
        if self.number:
            step = steps.Step(self.share, 7 * (week + 1 - self.stepped), self.audits)
            share = steps.next_share(step, target)
            expected = self.alone * share / self.share
            if share != self.share:
                self.share, self.stepped, self.audits = share, week + 1, []
            self.audited = steps.audit_probability(expected, AUDITED)
        self.alone, self.lately = 0, []

    def in_words(self) -> str:
        return f"{self.kind[0].replace('_', ' ')}, {self.kind[1].replace('_', ' ')}: {self.region.in_words()}"


def new_grant(number: int, kind: Kind, region: Region, week: int, target: float) -> Grant:
    return Grant(
        number, kind, region, betting.Detector(target, betting.threshold_for(AUDITS_A_YEAR)), week, stepped=week
    )


@dataclass(slots=True)
class Week:
    """What happened in one week. `wrong` is what the world says of what the AI did alone."""

    cases: int = 0
    alone: int = 0
    wrong: int = 0
    audits: int = 0
    blind: int = 0
    granted: list[str] = field(default_factory=list)
    tightened: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.alone / self.cases if self.cases else 0.0

    @property
    def error(self) -> float:
        return self.wrong / self.alone if self.alone else 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """How one world went."""

    seed: int
    weeks: tuple[Week, ...]
    grants: tuple[Grant, ...] = ()

    def bad_grants(self, target: float, fewest: int = 200) -> list[str]:
        """The grants that were wrong more often than the target, of those that decided so many cases."""
        granted = [one for one in self.grants if one.number and one.decided >= fewest]
        return [one.in_words() for one in granted if one.wrong > target * one.decided]

    @property
    def start_rate(self) -> float:
        return self.weeks[0].rate

    @property
    def end_rate(self) -> float:
        return self.weeks[-1].rate

    @property
    def true_error(self) -> float:
        """Of everything that the AI did alone, over all weeks."""
        alone = sum(week.alone for week in self.weeks)
        return sum(week.wrong for week in self.weeks) / alone if alone else 0.0

    @property
    def proposals(self) -> int:
        return sum(len(week.granted) for week in self.weeks)

    @property
    def breaker_weeks(self) -> list[int]:
        """Numbers of the weeks, from 1, in which a breaker tripped."""
        return [number for number, week in enumerate(self.weeks, start=1) if week.stopped]

    @property
    def tightening_weeks(self) -> list[int]:
        return [number for number, week in enumerate(self.weeks, start=1) if week.tightened]
