"""The journey through the real pipeline and database: the same worlds and weeks as in memory, hour by hour on a set clock.

Every ruling is compared with what the pure gate says of the same case under the version and ramps of that moment; what differs
is counted, and there should be none.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from apps.interactions import claiming
from apps.interactions.models import Escalation, Interaction
from apps.learning import practice, refinements, reporting, tasks
from apps.learning.models import Refinement, ReportRun
from apps.learning.rehearsal import deciding
from apps.learning.rehearsal.journey import is_wrong
from apps.learning.rehearsal.operation import Result, Week
from apps.learning.rehearsal.staging import Stage
from apps.learning.rehearsal.world import FIRST_MONDAY, Arrival, World
from apps.policies import draws, ramps
from apps.policies.conditions import evaluate
from apps.policies.lots import Lot, lot_at
from apps.policies.models import Pause, Ramp, Ruling
from apps.policies.words import Handler

HOURS_A_DAY = 24
OF_A_RAMP = ("gate", "ramp", "held out", "drift")  # downgrades that memory has too


@dataclass(slots=True)
class Differences:
    """Rulings that came out otherwise than in memory, in words; `compared` is how many were looked at, and `kept_back` how many
    of these other checks than the gate and its ramps left to people, which memory does not have."""

    compared: int = 0
    kept_back: int = 0
    found: list[str] = field(default_factory=list)


class LiveJourney:
    """One world, from its first week on; call it inside `staging.own_database` and with its clock."""

    def __init__(
        self,
        world: World,
        clock: Callable[[datetime], object],
        *,
        a_week: int,
        target: float = 0.02,
        blind: float = 0.05,
    ) -> None:
        self.world, self.clock, self.a_week = world, clock, a_week
        clock(FIRST_MONDAY)
        self.stage = Stage(world, blind=100 * blind, target=target)
        self.differences = Differences()
        self._seen = 0  # the last ruling that was compared
        self._stopped: set[str] = set()

    def run(self, weeks: int, said: Callable[[int, Week], object] = lambda number, week: None) -> Result:
        found = []
        for number in range(weeks):
            found.append(self.week(number))
            said(number, found[-1])
        return Result(self.world.seed, tuple(found))

    def week(self, number: int) -> Week:
        week, by_hour = Week(), defaultdict[int, list[Arrival]](list)
        for arrival in self.world.week(number, self.a_week):
            by_hour[arrival.minute // 60].append(arrival)
        monday = FIRST_MONDAY + timedelta(weeks=number)
        for hour in range(7 * HOURS_A_DAY):
            if hour % HOURS_A_DAY == 0:
                self.clock(monday + timedelta(hours=hour))
                tasks.sweep()  # ramps go on and reports are asked for, as they would between the cases
                for run in ReportRun.objects.filter(status=ReportRun.Status.WAITING):
                    reporting.run(run.pk)
                self._release(week)
            if by_hour[hour]:
                self._hour(by_hour[hour], monday + timedelta(hours=hour, minutes=30), week)
        return week

    def _hour(self, arrivals: list[Arrival], at: datetime, week: Week) -> None:
        self.clock(at)
        self.stage.bring(arrivals, at)
        self.stage.work()
        week.cases += len(arrivals)
        self._compare(week)
        for row in Escalation.objects.waiting().filter(claimed_by__isnull=True).select_related("interaction"):
            arrival = self.stage.arrival_of(row.interaction)
            name = self.world.who(arrival, draws.place("who", arrival.key))
            held = claiming.claim(self.stage.people[name], row.pk)
            week.blind += held.blind
            deciding.handle(self.stage, name, held)
        self.clock(at + timedelta(seconds=self.stage.partner.undo_seconds + 1))
        self.stage.work()
        week.audits += deciding.audit_all(self.stage)
        self._note_stops(week)

    def _note_stops(self, week: Week) -> None:
        """What breakers stopped since it was last looked at: grants, and what else they paused."""
        grants = Ramp.objects.filter(stopped_at__isnull=False)
        pauses = Pause.objects.filter(paused_as=practice.BREAKER)
        for told in [*map(str, grants), *map(str, pauses)]:
            if told not in self._stopped:
                self._stopped.add(told)
                week.stopped.append(told)

    def _compare(self, week: Week) -> None:
        """Each new ruling beside the pure gate and the ramp's lot, and what the AI did alone beside the truth."""
        fresh = Ruling.objects.filter(pk__gt=self._seen).select_related("version").order_by("pk")
        cases = {str(case.reference): case for case in Interaction.objects.filter(ruling__in=fresh)}
        for ruling in fresh:
            self._seen = ruling.pk
            arrival = self.stage.arrival_of(cases[ruling.subject])
            self.differences.compared += 1
            expected, lot = self._expected(ruling, arrival)
            alone = expected == Handler.AUTONOMOUS and lot is Lot.ALONE
            said = ruling.handler == Handler.AUTONOMOUS
            kept_back = any(no["code"] not in OF_A_RAMP for no in ruling.downgrades)
            self.differences.kept_back += kept_back
            if ruling.gate_handler != expected or (said != alone and not kept_back):
                self.differences.found.append(
                    f"{arrival.key}: {ruling.gate_handler}, {ruling.handler}, not {expected}, {lot}"
                )
            if said:
                week.alone += 1
                week.wrong += is_wrong(arrival, self.world.right(arrival))

    def _expected(self, ruling: Ruling, arrival: Arrival) -> tuple[str, Lot]:
        """What memory says of the case: the gate's handler, and whose it is then."""
        assert ruling.version is not None
        verdict = ruling.version.compile().rule(arrival.case_type, arrival.proposal, arrival.facts)
        rules = {rule.key: rule.ramp for rule in ruling.version.policy().rules}
        ramp = ramps.of([rules.get(verdict.rule or "")]).get(rules.get(verdict.rule or "") or 0)
        if ramp is None or verdict.handler != Handler.AUTONOMOUS:
            return verdict.handler, Lot.ALONE
        if ramp.stopped_at is not None or any(evaluate(one, arrival.facts) is True for one in ramp.never_certified()):
            return verdict.handler, Lot.NOT_YET
        place = draws.place(f"ramp {ramp.pk}", f"{self.stage.partner.slug}/{arrival.key}")
        return verdict.handler, lot_at(place, ramp.share)

    def _release(self, week: Week) -> None:
        """What reports propose is accepted and released at once."""
        proposed = list(Refinement.objects.filter(state=Refinement.State.OPEN).order_by("pk"))
        for row in proposed:
            draft = refinements.accept(self.stage.authors[0], row.pk)
            self.stage.release(draft)
            told = week.granted if row.kind == Refinement.Kind.WIDEN else week.tightened
            told.append(row.in_words())
        if proposed:
            tasks.sweep()  # their ramps begin
