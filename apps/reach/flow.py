"""Flow: the loop with today's numbers, for all cases or one scenario, and the real path of a single case with its times."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Q

from apps.interactions import blind, claiming
from apps.interactions.models import DecisionRecord, Effect, Escalation, Interaction
from apps.learning.models import CaseAudit, Signal
from apps.learning.models.audit import found_wrong
from apps.policies.models import partners_of
from apps.policies.words import Action, CaseType, Handler
from apps.reach.tables import Percentile

RECENT = 12
AT_REST = ("resolved", "closed", "awaiting_decision", "awaiting_customer", "stalled", "merged", "dismissed", "referred")
_AUDITS_OVER = timedelta(days=30)
SCENARIOS: dict[str, tuple[str, tuple[str, ...]]] = {
    "all": ("All", ()),
    "return": ("Return request", (CaseType.STANDARD_RETURN,)),
    "dispute": ("Delivery dispute", (CaseType.DELIVERY_DISPUTE,)),
    "refund": ("Refund query", (CaseType.REFUND_EXCEPTION,)),
    "vip": ("VIP complaint", (CaseType.VIP_COMPLAINT,)),
    "public": ("Public complaint", (CaseType.PUBLIC_COMPLAINT,)),
}


@dataclass(frozen=True, slots=True)
class Flow:
    """Today's numbers of one scenario. Seconds are from intake to ruling; shares are whole percent."""

    scenario: str
    inbound: int
    last_minute: int
    seconds_median: float | None
    seconds_p95: float | None
    asked: int
    alone: int
    collaborative: int
    human: int
    decided: int
    waiting: int
    decide_seconds: int | None
    audited: int
    found_wrong: int
    signals: int
    recent: list[Interaction]

    @property
    def alone_share(self) -> int:
        return round(100 * self.alone / self.inbound) if self.inbound else 0

    @property
    def to_people(self) -> int:
        return self.collaborative + self.human

    def width(self, count: int) -> float:
        """The width of a stream in the picture: from a hair to 16 units, by its share of all that came in."""
        return round(1.5 + 14.5 * count / self.inbound, 1) if self.inbound else 1.5

    @property
    def widths(self) -> dict[str, float]:
        return {name: self.width(getattr(self, name)) for name in ("inbound", "alone", "collaborative", "human")}


def flow_of(user: User, scenario: str, now: datetime) -> Flow:
    """The numbers since midnight (of `now`'s zone) for the person's brands. An unknown scenario shows all."""
    scenario = scenario if scenario in SCENARIOS else "all"
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    types = SCENARIOS[scenario][1]
    brands = partners_of(user).real()
    only = Q(case_type__in=types) if types else Q()
    came = Interaction.objects.filter(only, partner__in=brands, created_at__gte=midnight).exclude(state="merged")
    took = ExpressionWrapper(F("ruling__at") - F("created_at"), output_field=DurationField())
    counts = came.aggregate(
        inbound=Count("pk"),
        last_minute=Count("pk", filter=Q(created_at__gte=now - timedelta(minutes=1))),
        asked=Count("pk", filter=Q(state="awaiting_customer")),
        **{handler: Count("pk", filter=Q(handler=handler)) for handler in Handler.values},
        median=Percentile(took, 0.5, DurationField()),
        p95=Percentile(took, 0.95, DurationField()),
    )
    decided, seconds = _decided(user, types, midnight)
    return Flow(
        scenario=scenario,
        inbound=counts["inbound"],
        last_minute=counts["last_minute"],
        seconds_median=_seconds(counts["median"]),
        seconds_p95=_seconds(counts["p95"]),
        asked=counts["asked"],
        alone=counts[Handler.AUTONOMOUS],
        collaborative=counts[Handler.COLLABORATIVE],
        human=counts[Handler.HUMAN],
        decided=decided,
        decide_seconds=seconds,
        waiting=claiming.covered_by_remit(user).waiting().filter(only).count(),
        **_audited(user, types, now),
        signals=Signal.objects.filter(only, partner__in=brands, at__gte=midnight).count(),
        recent=list(came.select_related("partner", "customer", "order").order_by("-pk")[:RECENT]),
    )


def _decided(user: User, types: tuple[str, ...], midnight: datetime) -> tuple[int, int | None]:
    """How many cases people decided, and in how many seconds on average."""
    rows = DecisionRecord.objects.filter(
        partner__in=partners_of(user).real(), decided_by__isnull=False, decided_at__gte=midnight
    ).exclude(state__in=["withdrawn", "voided", "rejected"])
    if types:
        rows = rows.filter(ruling__case_type__in=types)
    found = rows.aggregate(decided=Count("pk"), seconds=Avg("seconds"))
    return found["decided"], None if found["seconds"] is None else round(found["seconds"])


def _audited(user: User, types: tuple[str, ...], now: datetime) -> dict[str, int]:
    rows = CaseAudit.objects.filter(
        partner__in=partners_of(user).real(),
        kind=CaseAudit.Kind.ALONE,
        state=CaseAudit.State.DONE,
        done_at__gte=now - _AUDITS_OVER,
    )
    if types:
        rows = rows.filter(case_type__in=types)
    return rows.aggregate(audited=Count("pk"), found_wrong=Count("pk", filter=found_wrong()))


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else max(0.0, round(span.total_seconds(), 1))


@dataclass(frozen=True, slots=True)
class Step:
    """One station of a case: when, what, and the handler whose colour it has, if any."""

    at: datetime | None
    text: str
    handler: str = ""


def path_of(case: Interaction) -> list[Step]:
    """Where a case has been, in order. What the AI proposes for a case that is to be judged blind stays out."""
    steps = [Step(case.created_at, f"received by {case.channel}")]
    waiting = case.escalations.order_by("-pk").first()
    if case.state == Interaction.State.MERGED and case.merged_into:
        return [*steps, Step(None, f"put to the open case {case.merged_into.external_id}")]
    if case.ruling is not None:
        steps += _ruled(case, hidden=waiting is not None and blind.is_blind(waiting))
    if waiting is not None:
        steps += _with_people(waiting)
    for decision in case.decisions.select_related("decided_by").prefetch_related("effects").order_by("pk"):
        steps += _of_decision(decision)
    if case.state == Interaction.State.STALLED:
        steps.append(Step(None, f"stalled: {case.stalled_because}", Handler.HUMAN))
    return steps


def _ruled(case: Interaction, *, hidden: bool) -> list[Step]:
    ruling = case.ruling
    assert ruling is not None
    read = " and ".join(intent.replace("_", " ") for intent, _ in case.intents[:2]) or "not understood"
    sure = "" if hidden else f", {case.confidence:.2f}"
    steps = [Step(ruling.at, f"understood: {read}{sure}"), Step(ruling.at, f"{len(ruling.facts)} facts gathered")]
    if hidden:
        return [*steps, Step(ruling.at, "gate: drawn to be judged without the proposal", Handler.HUMAN)]
    by = ruling.rule or ruling.refused_by or "no boundary"
    words = {Handler.AUTONOMOUS: "the AI may", Handler.COLLABORATIVE: "the AI drafts, a person sends"}
    steps.append(Step(ruling.at, f"gate: {by}, {words.get(Handler(ruling.handler), 'a person')}", ruling.handler))
    steps += [Step(None, f"not {no['question']}: {no['reason']}") for no in ruling.downgrades[:2]]
    return steps


def _with_people(waiting: Escalation) -> list[Step]:
    steps = [Step(waiting.opened_at, "brief ready", waiting.handler)]
    if waiting.claimed_by is not None:
        name = waiting.claimed_by.first_name or waiting.claimed_by.get_username()
        steps.append(Step(waiting.claimed_at, f"opened by {name}"))
    return steps


def _of_decision(decision: DecisionRecord) -> list[Step]:
    who = (
        "the AI"
        if decision.decided_by is None
        else decision.decided_by.first_name or decision.decided_by.get_username()
    )
    took = f" in {decision.seconds // 60}:{decision.seconds % 60:02d}" if decision.seconds is not None else ""
    amount = f" {decision.amount:,.2f} {decision.currency}" if decision.amount is not None else ""
    action = Action(decision.action).label.lower()
    steps = [
        Step(
            decision.decided_at,
            f"{who} decided{took}: {action}{amount}",
            "" if decision.decided_by else Handler.AUTONOMOUS,
        )
    ]
    steps += [Step(effect.settled_at, _effect(effect)) for effect in decision.effects.all()]
    signal = Signal.objects.filter(decision=decision).first()
    if signal is not None:
        steps.append(Step(decision.committed_at, f"signal: {'agreed' if signal.agreed else 'otherwise than proposed'}"))
    return steps


def _effect(effect: Effect) -> str:
    amount = f" {effect.amount:,.2f} {effect.currency}" if effect.amount is not None else ""
    return f"{Action(effect.action).label.lower()}{amount}: {effect.get_state_display().lower()}"


def as_numbers(flow: Flow) -> Mapping[str, object]:
    """The picture's numbers as a table, for who cannot see it."""
    return {
        "Came in today": flow.inbound,
        "Handled by the AI alone": flow.alone,
        "Drafted by the AI, sent by a person": flow.collaborative,
        "For a person": flow.human,
        "The customer was asked": flow.asked,
        "Decided by people": flow.decided,
        "Waiting": flow.waiting,
        "Signals": flow.signals,
    }
