"""The journey: weeks of an invented world in memory, through the same pure functions that work on real cases.

    Journey(world).run(weeks)     → Result

Each week customers write, the gate rules, grants let their share through, people judge what is left and audit a part of what
the AI did, and breakers count. Then the week's report is made, what it proposes is accepted, and the ramps go on. Only the
score asks the world what was right.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from apps.learning import betting, drift, tightening
from apps.learning.certification import Judged
from apps.learning.disagreement import differs
from apps.learning.evidence import Piece
from apps.learning.guides import MOST, Guide
from apps.learning.refining import SOUGHT, Finding, Kind, grantable, refine, sought
from apps.learning.region import Region
from apps.learning.rehearsal.operation import AUDITED, Grant, Result, Week, new_grant
from apps.learning.rehearsal.world import FIRST_MONDAY, Answer, Arrival, World
from apps.policies.draws import place_of
from apps.policies.gate import CompiledPolicy, compile_policy
from apps.policies.lots import SHARES, Lot
from apps.policies.simulating import Asked
from apps.policies.specs import PolicySpec, Proposal
from apps.policies.targets import Targets
from apps.policies.words import Handler

A_WEEK = 5_000  # interactions
BLIND = 0.05  # of what people decide, as a brand begins


class Journey:
    """One world from its first week on."""

    def __init__(self, world: World, *, a_week: int = A_WEEK, target: float = 0.02, blind: float = BLIND) -> None:
        self.world, self.a_week, self.target, self.blind = world, a_week, target, blind
        self.grants: list[Grant] = []
        for rule in world.rules():
            grant = new_grant(0, (rule.case_type, rule.action), Region(rule.conditions, rule.ceiling), 0, target)
            grant.share, grant.audited = SHARES[-1], AUDITED
            self.grants.append(grant)
        self.everything = new_grant(0, ("", ""), Region(), 0, target).detector
        self.left: list[Piece] = []  # judged blind, and people's
        self.granted: list[Piece] = []  # judged of what is the AI's
        self.guides: deque[Guide] = deque(maxlen=MOST)  # decided with the proposal in view, the newest first
        self.raised: set[Kind] = set()
        self.stale_until: dict[Kind, date] = {}
        self.last_tested: dict[Kind, date] = {}
        self.reports = 0
        self._key = f"rehearsal {world.name} {world.seed}".encode()

    def run(self, weeks: int, said: Callable[[int, Week], object] = lambda number, week: None) -> Result:
        found = []
        for number in range(weeks):
            found.append(self.week(number))
            said(number, found[-1])
        return Result(self.world.seed, tuple(found), tuple(self.grants))

    def week(self, number: int) -> Week:
        week = Week()
        policy, grants = self.in_force()
        for arrival in self.world.week(number, self.a_week):
            week.cases += 1
            verdict = policy.rule(arrival.case_type, arrival.proposal, arrival.facts)
            grant = grants[verdict.rule] if verdict.handler == Handler.AUTONOMOUS and verdict.rule else None
            lot = self._lot(arrival, grant)
            if grant is not None and lot is Lot.ALONE:
                self._act(arrival, grant, week)
            else:
                self._ask_people(arrival, lot, week)
        self._learn(number, week)
        return week

    def policy(self) -> PolicySpec:
        """What is in force, what was granted first in front."""
        rules = [rule for grant in self._open() for rule in grant.rules()]
        named = [replace(rule, key=f"rule {place}") for place, rule in enumerate(rules, start=1)]
        return PolicySpec(tuple(named), self.world.guardrails())

    def in_force(self) -> tuple[CompiledPolicy, dict[str, Grant]]:
        spec = self.policy()
        of_rules = [grant for grant in self._open() for _ in grant.rules()]
        by_key = {rule.key: grant for rule, grant in zip(spec.rules, of_rules, strict=True)}
        return compile_policy(spec.rules, spec.guardrails), by_key

    def _open(self) -> list[Grant]:
        return [grant for grant in self.grants if not grant.stopped]

    def _place(self, purpose: str, arrival: Arrival) -> float:
        return place_of(self._key, purpose, arrival.key)

    def _lot(self, arrival: Arrival, grant: Grant | None) -> Lot:
        if grant is None:
            return Lot.NOT_YET
        grant.lately.append(arrival.facts)
        return grant.lot(self._place(f"ramp {grant.number}", arrival), arrival.facts)

    def _act(self, arrival: Arrival, grant: Grant, week: Week) -> None:
        week.alone += 1
        grant.alone += 1
        wrong = is_wrong(arrival, self.world.right(arrival))
        week.wrong, grant.wrong, grant.decided = week.wrong + wrong, grant.wrong + wrong, grant.decided + 1
        if self._place("audit", arrival) < grant.audited:
            week.audits += 1
            self._count(arrival, grant, self._judge(arrival, "audit", granted=True), week)

    def _count(self, arrival: Arrival, grant: Grant, judged: Judged, week: Week) -> None:
        """An audit counts for its grant and for everything; what trips stops at once."""
        grant.audits.append(replace(judged, probability=grant.audited))
        grant.detector.keep_pace(arrival.day - 7 * grant.since)
        if grant.detector.add(betting.Audit(judged.wrong)):
            self._stop([grant], arrival, week)
        self.everything.keep_pace(arrival.day)
        if self.everything.add(betting.Audit(judged.wrong, grant.audited), AUDITED):
            self._stop(self._open(), arrival, week)

    def _stop(self, grants: Iterable[Grant], arrival: Arrival, week: Week) -> None:
        for grant in grants:
            grant.stopped = True
            self.stale_until[grant.kind] = day_of(arrival)
            week.stopped.append(grant.in_words())

    def _ask_people(self, arrival: Arrival, lot: Lot, week: Week) -> None:
        probability = 1.0 if lot is Lot.HELD_OUT else self._blind_share(arrival)
        if self._place("blind", arrival) < probability:
            week.blind += 1
            self._judge(arrival, "blind", granted=lot is Lot.HELD_OUT, probability=probability)
        else:
            self._decide(arrival)

    def _decide(self, arrival: Arrival) -> None:
        """Somebody decides it, who is shown what the AI proposes; it may suggest regions, and proves nothing."""
        answer = self.world.judge(arrival, self.world.who(arrival, self._place("who", arrival)), shown=True)
        decided = Asked(arrival.case_type, Proposal(answer.action, answer.amount), dict(arrival.facts))
        self.guides.appendleft(Guide(decided, arrival.proposal, ("", arrival.customer), ""))

    def _blind_share(self, arrival: Arrival) -> float:
        wanted = (arrival.case_type, arrival.proposal.action) in self.raised
        return max(SOUGHT, self.blind) if wanted else self.blind

    def _judge(
        self, arrival: Arrival, how: str, *, granted: bool, probability: float = 1.0, shown: bool = False
    ) -> Judged:
        """Somebody judges it; it becomes evidence."""
        person = self.world.who(arrival, self._place("who", arrival))
        proposed = arrival.proposal
        judged = Judged(
            arrival.key, arrival.customer, person, day_of(arrival),
            is_wrong(arrival, self.world.judge(arrival, person, shown=shown)),
            proposed.amount.amount if proposed.amount else Decimal(0), probability=probability,
            least=probability, place=self._place("even", arrival),
        )  # fmt: skip
        piece = Piece(arrival.case_type, proposed.action, proposed.amount, arrival.facts, how, "chat", granted, judged,
                      proposed.discloses_order)  # fmt: skip
        (self.granted if granted else self.left).append(piece)
        return judged

    def _learn(self, number: int, week: Week) -> None:
        """The end of a week: what drifts and what is wrong goes back to people, ramps go on, and a report is made whose
        proposals are accepted."""
        self._tighten(number, week)
        for grant in self._open():
            grant.go_on(number, self.target)
        evidence = grantable([one for one in self.left if self._is_fresh(one)], self.policy())
        self.left = list(evidence)  # what is granted meanwhile, or no rule can grant, is so next week too
        findings = refine(
            evidence, targets=Targets(self.target), report=self.reports + 1, last_tested=self.last_tested,
            guides=lambda: self.guides,
        )  # fmt: skip
        tested = [finding for finding in findings if finding.certificates]
        self.reports += bool(tested)
        for finding in tested:
            self.last_tested[finding.case_type, finding.action] = FIRST_MONDAY.date() + timedelta(days=7 * number + 6)
            if finding.proposed is not None:
                self._grant(finding, finding.proposed, evidence, number, week)
        self.raised = set(sought(evidence, findings))

    def _grant(self, finding: Finding, region: Region, evidence: Sequence[Piece], number: int, week: Week) -> None:
        kind = (finding.case_type, finding.action)
        grant = new_grant(len(self.grants), kind, region, number + 1, self.target)
        grant.usual = drift.usual(
            [
                one.facts
                for one in evidence
                if (one.case_type, one.action) == kind and region.holds(one.facts, one.amount)
            ]
        )
        self.grants.append(grant)
        week.granted.append(grant.in_words())

    def _tighten(self, number: int, week: Week) -> None:
        since = FIRST_MONDAY.date() + timedelta(weeks=number + 1) - tightening.LOOKING_BACK
        self.granted = [one for one in self.granted if one.judged.on >= since]
        judged = [one for one in self.granted if self._is_fresh(one)]
        for found in tightening.tighten(judged, targets=Targets(self.target)):
            for grant in [one for one in self._open() if one.kind == found.kind and found.region not in one.except_for]:
                grant.except_for.append(found.region)
                week.tightened.append(f"{grant.in_words()}; not when {found.region.in_words()}")

    def _is_fresh(self, piece: Piece) -> bool:
        until = self.stale_until.get((piece.case_type, piece.action))
        return until is None or piece.judged.on > until


def is_wrong(arrival: Arrival, answer: Answer) -> bool:
    """Whether the AI's proposal is another one than this."""
    proposed = arrival.proposal
    amounts = [one.amount if one else None for one in (answer.amount, proposed.amount)]
    return bool(differs(answer.action, amounts[0], proposed.action, amounts[1]))


def day_of(arrival: Arrival) -> date:
    return FIRST_MONDAY.date() + timedelta(days=arrival.day)
