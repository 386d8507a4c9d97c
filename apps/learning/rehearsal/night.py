"""The sale night through the real pipeline: 847 messages from 19:47 to 23:47, 312 of them judgement calls, nobody lost.

The brand is some way on: beside the world's own rules the AI has the simple cases. What is a judgement call is said by the
gate: a case that it does not leave to the AI. Supervisors take the most urgent case as they come free, and take their time.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import count
from statistics import median
from typing import Any

import numpy as np

from apps.interactions import claiming
from apps.interactions.models import DecisionRecord, Escalation, Interaction, Message
from apps.learning.rehearsal import deciding
from apps.learning.rehearsal.staging import Stage, rule_of
from apps.learning.rehearsal.world import FIRST_MONDAY, Arrival, World
from apps.policies import draws, editing, releases
from apps.policies.conditions import Condition
from apps.policies.gate import CompiledPolicy
from apps.policies.specs import RuleSpec
from apps.policies.words import Handler

MESSAGES, JUDGEMENT_CALLS, HOURS = 847, 312, 4
BEGINS = FIRST_MONDAY + timedelta(days=4, hours=19, minutes=47)  # a Friday
TICK = timedelta(seconds=15)
OVERTIME = timedelta(hours=4)  # people stay until the queue is empty, and so long at most
USUAL_SECONDS = 60  # median of a decision
QUICK = 90  # seconds: the time that a decision may take
_KNOWN = (Condition("sender.verified", "is", True), Condition("order.belongs_to_sender", "is", True))
SIMPLE = (
    RuleSpec("", "standard_return", (*_KNOWN, Condition("customer.returns_12m", "<", 4)), "autonomous", "return_label"),
    RuleSpec("", "order_change", (*_KNOWN, Condition("order.status", "is", "placed")), "autonomous", "cancel_order"),
    RuleSpec("", "question", (), "autonomous", "reply"),
    RuleSpec("", "product_recommendation", (), "autonomous", "recommend"),
)


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a night. Seconds are of the simulated clock; `waiting_at_end` is at 23:47, `lost` counts customers' messages
    whose case is neither answered nor in anybody's hands when everybody has gone home."""

    messages: int
    judgement_calls: int
    cases: int
    by_ai: int
    by_people: int
    waiting_at_end: int
    lost: int
    longest_wait_seconds: int
    median_wait_seconds: int
    median_decision_seconds: int
    decided_within_90_seconds: float
    went_home_at: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def night(
    world: World, clock: Callable[[datetime], object], *, people: int, messages: int = MESSAGES,
    calls: int = JUDGEMENT_CALLS, said: Callable[[datetime], object] = lambda at: None,
) -> Told:  # fmt: skip
    """Call it inside `staging.own_database` and with its clock. `people` of the world are on shift; so many `messages` come in,
    `calls` of them judgement calls."""
    clock(BEGINS - timedelta(hours=1))
    stage = Stage(world, blind=5, target=0.02)
    policy = _let_the_simple_go(stage)
    arrivals = _arrivals(world, policy, messages, calls)
    shift = _Shift(stage, list(stage.people)[:people])
    ends, brought, waiting = BEGINS + timedelta(hours=HOURS), 0, 0
    for tick in count():
        at = BEGINS + tick * TICK
        clock(at)
        due = [arrival for moment, arrival in arrivals[brought:] if moment <= at]
        brought += len(due)
        stage.bring(due, at)
        stage.work()
        shift.go_on(at)
        said(at)
        if at <= ends:
            waiting = Escalation.objects.waiting().count()
        if (at > ends and shift.is_over()) or at > ends + OVERTIME:
            break
    clock(at + timedelta(minutes=1))  # the last undo windows pass
    stage.work()
    return _told(policy, arrivals, waiting, at)


def _let_the_simple_go(stage: Stage) -> CompiledPolicy:
    draft = releases.draft_from(stage.authors[0], stage.boundary)
    for rule in SIMPLE:
        editing.save(stage.authors[0], rule_of(draft, rule))
    return stage.release(draft).compile()


def _arrivals(world: World, policy: CompiledPolicy, messages: int, calls: int) -> list[tuple[datetime, Arrival]]:
    """As many as the night has, of both sorts, in the order in which they come: most of them around half past nine."""
    left = {True: messages - calls, False: calls}
    chosen: list[Arrival] = []
    for arrival in _stream(world):
        alone = policy.rule(arrival.case_type, arrival.proposal, arrival.facts).handler == Handler.AUTONOMOUS
        if left[alone]:
            left[alone] -= 1
            chosen.append(arrival)
        if not any(left.values()):
            break
    rng = np.random.default_rng([world.seed, 1947])
    moments = np.sort(rng.triangular(0, 105, HOURS * 60, len(chosen))) * 60
    order = rng.permutation(len(chosen)).tolist()
    return [
        (BEGINS + timedelta(seconds=float(moment)), chosen[place])
        for moment, place in zip(moments.tolist(), order, strict=True)
    ]


def _stream(world: World) -> Iterator[Arrival]:
    for week in count():
        yield from world.week(week, 2 * MESSAGES)


class _Shift:
    """Supervisors on shift: who is free takes the most urgent case, and decides it when their time for it is over."""

    def __init__(self, stage: Stage, names: Sequence[str]) -> None:
        self.stage = stage
        self.held: dict[str, tuple[Escalation, datetime] | None] = dict.fromkeys(names)

    def go_on(self, at: datetime) -> None:
        for name, holding in self.held.items():
            if holding is not None and holding[1] <= at:
                deciding.handle(self.stage, name, holding[0])
                self.held[name] = holding = None
            if holding is None and (taken := claiming.take_next(self.stage.people[name])) is not None:
                self.held[name] = (taken, at + timedelta(seconds=_takes(taken.interaction)))

    def is_over(self) -> bool:
        return not any(self.held.values()) and not Escalation.objects.waiting().exists()


def _takes(case: Interaction) -> float:
    """Seconds of a decision: half of them under the usual, a few of them three times that."""
    place = draws.place("pace", case.external_id)
    return USUAL_SECONDS * float(np.exp(1.1 * (place - 0.5) * 2))


def _told(policy: CompiledPolicy, arrivals: Sequence[tuple[datetime, Arrival]], waiting: int, at: datetime) -> Told:
    calls = [policy.rule(one.case_type, one.proposal, one.facts).handler != Handler.AUTONOMOUS for _, one in arrivals]
    cases = Interaction.objects.exclude(state="merged")
    decided = DecisionRecord.objects.filter(decided_by__isnull=False)
    seconds = [took or 0 for took in decided.values_list("seconds", flat=True)]
    claims = Escalation.objects.filter(claimed_at__isnull=False).values_list("opened_at", "claimed_at")
    waits = [(claimed - opened).total_seconds() for opened, claimed in claims if claimed is not None]
    open_states = ("received", "classified", "resolving", "stalled")
    return Told(
        messages=Message.objects.filter(author="customer").count(), judgement_calls=sum(calls), cases=cases.count(),
        by_ai=DecisionRecord.objects.filter(how=DecisionRecord.How.ALONE).count(), by_people=decided.count(),
        waiting_at_end=waiting, lost=cases.filter(state__in=open_states).count(),
        longest_wait_seconds=round(max(waits, default=0)), median_wait_seconds=round(median(waits or [0])),
        median_decision_seconds=round(median(seconds or [0])),
        decided_within_90_seconds=round(sum(took <= QUICK for took in seconds) / max(1, len(seconds)), 3),
        went_home_at=f"{at:%H:%M}",
    )  # fmt: skip
