"""Execution: carries out the effects of committed decisions, in order, each once.

    reserve → commit `in_flight` with its key → call outside any transaction → record

The reply is the last effect and leaves only when those before it are done. A worker that dies between call
and record leaves the effect in flight; at its deadline its outcome is unknown, and it is looked up by key,
never repeated blindly.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from apps.interactions import ledger, outbox, settling, shops
from apps.interactions.connectors import connector_of
from apps.interactions.connectors.outcome import Outcome
from apps.interactions.models import DecisionRecord, Effect, Message, OutboxEvent
from apps.policies import audit, pauses, ramps
from apps.policies.compiled import policies_in_force
from apps.policies.errors import Refused
from apps.policies.machines import move
from apps.policies.models import Pause
from apps.policies.words import Action

log = logging.getLogger(__name__)

BATCH = 50
TRY_AGAIN_AFTER = timedelta(minutes=1)
NOBODY_ASKS = timedelta(hours=1)  # after which no process that asks shops can be running
NEVER_CALLED = Outcome(
    "refused", reason="The shop was not called in time, so nothing was done: is `runconnections` running?"
)
_D, _E = DecisionRecord.State, Effect.State
_EXECUTION = audit.system("execution")


def execute(limit: int = BATCH) -> int:
    """Carry out up to `limit` effects that are next in line; returns how many were taken up.

    Effects without money go together. Each one with money has a transaction of its own, so that no worker holds
    the lock of one order or budget while it waits for another's.
    """
    taken = _execute(limit, with_money=False)
    while taken < limit and _execute(1, with_money=True):
        taken += 1
    return taken


def _execute(limit: int, *, with_money: bool) -> int:
    """One batch. When one of its effects breaks it, each is tried alone, and the one that breaks waits a minute."""
    ready = ready_effects().filter(amount__isnull=not with_money).order_by("id")
    try:
        return _carry_out(ready[:limit])
    except Exception:
        log.exception("a batch of effects failed; trying them one by one")
        return sum(_alone(pk) for pk in list(ready.values_list("pk", flat=True)[:limit]))


def _alone(effect_id: int) -> int:
    try:
        return _carry_out(ready_effects().filter(pk=effect_id))
    except Exception as error:
        log.exception("effect %s could not be carried out", effect_id)
        effect = Effect.objects.get(pk=effect_id)
        Effect.objects.filter(pk=effect_id).update(deadline_at=timezone.now() + TRY_AGAIN_AFTER)
        audit.record(_EXECUTION, effect, "execution_failed", reason=f"{type(error).__name__}: {error}")
        return 0


def ready_effects() -> QuerySet[Effect]:
    """The next effect of each decision that has one: pending, due, with nothing unfinished before it."""
    before = Effect.objects.filter(decision=OuterRef("decision"), position__lt=OuterRef("position")).exclude(
        state=_E.DONE
    )
    due = Q(deadline_at__isnull=True) | Q(deadline_at__lte=timezone.now())
    return Effect.objects.filter(
        ~Exists(before), due, state=_E.PENDING, decision__state__in=[_D.COMMITTED, _D.EXECUTING]
    )


def _carry_out(ready: QuerySet[Effect]) -> int:
    with audit.correlated():
        with transaction.atomic():
            effects = _claim(ready)
            leaving = _reserve(effects, timezone.now())
            replies = [effect for effect in leaving if effect.action == Action.REPLY]
            _send_replies(replies)
            settling.after_effects([effect.decision_id for effect in replies], _EXECUTION)
        for effect in leaving:
            if effect.action != Action.REPLY:
                _call(effect)
    return len(effects)


def _claim(ready: QuerySet[Effect]) -> list[Effect]:
    effects = list(
        ready.select_for_update(no_key=True, skip_locked=True, of=("self",)).select_related(
            "partner__shop",
            "decision__partner",
            "decision__ruling",
            "decision__interaction__order",
            "decision__interaction__customer",
        )
    )
    starting = {effect.decision_id: effect.decision for effect in effects if effect.decision.state == _D.COMMITTED}
    move(starting.values(), "start", actor=_EXECUTION)
    return effects


def _reserve(effects: Sequence[Effect], now: datetime) -> list[Effect]:
    """Hold what each effect needs and commit it to flight; an effect that cannot be held is refused."""
    leaving, events = [], []
    pausing = pauses.in_force()
    stopped = ramps.stopped(effect.decision.ruling.ramp for effect in effects)
    # What people decided leaves also where the rules cannot be read any more.
    in_force = policies_in_force([one.partner for one in effects if one.decision.how == DecisionRecord.How.ALONE])
    for effect in effects:
        alone = effect.decision.how == DecisionRecord.How.ALONE
        case = effect.decision.interaction
        try:
            if alone:
                _refuse_paused(effect, pausing, stopped)
            ledger.reserve(effect, case.order, in_force.get(effect.partner_id), alone=alone, now=now)
        except Refused as refusal:
            effect.outcome_reason, effect.settled_at = str(refusal), now
            move(effect, "refuse", actor=audit.system("ledger"), reason=str(refusal),
                 save=("outcome_reason", "settled_at"))  # fmt: skip
            settling.after_effects([effect.decision_id], _EXECUTION)
            continue
        effect.sent_at = now
        effect.deadline_at = now + timedelta(minutes=effect.partner.effect_deadline_minutes)
        leaving.append(effect)
        if effect.action != Action.REPLY and not shops.is_carried_out_by(effect.partner, effect.action):
            events.append(outbox.action_event("action.requested", effect, case))
    move(leaving, "send", actor=_EXECUTION, save=("sent_at", "deadline_at"))
    OutboxEvent.objects.bulk_create(events)
    return leaving


def _refuse_paused(effect: Effect, pausing: Sequence[Pause], stopped: Mapping[int, str]) -> None:
    """What the AI decided alone, and a pause or the end of its grant stopped before anything of it left, goes back to people.
    What has begun is carried on: a customer whose refund is done is told so."""
    decision = effect.decision
    why = stopped.get(decision.ruling.ramp or 0)
    if effect.position == 1 and why is not None:
        raise Refused(f"the grant was stopped before it left: {why}")
    covering = [p for p in pausing if p.covers(effect.partner, decision.ruling.case_type, decision.action)]
    if covering and effect.position == 1:
        raise Refused(f"the AI was paused here before it left: {covering[0].reason}")


def _send_replies(replies: Sequence[Effect]) -> None:
    """The reply leaves by the outbox, in the same transaction: then it is done."""
    now = timezone.now()
    messages, events = [], []
    for effect in replies:
        decision, case = effect.decision, effect.decision.interaction
        author = "ai" if decision.decided_by_id is None else "agent"
        messages.append(
            Message(interaction=case, author=author, text=decision.reply, sent_at=max(now, case.received_at))
        )
        events.append(outbox.reply_event(case, decision.reply, holding=False, by=author))
        effect.settled_at = now
    Message.objects.bulk_create(messages)
    outbox.keep(events)
    move(replies, "confirm", actor=_EXECUTION, save=("settled_at",))


def _call(effect: Effect) -> None:
    """Call the connector outside any transaction and record its answer. No answer leaves the effect in flight."""
    try:
        outcome = connector_of(effect.partner).perform(effect)
        if outcome.verdict != "accepted":
            settling.settle(effect.pk, outcome, actor=audit.system(f"connector {effect.partner.connector}"))
    except Exception:
        # Whether it happened is not known: the deadline makes it `unknown`, and it is looked up by key.
        log.exception("effect %s: the connector failed, or its answer could not be recorded", effect.key)


def look_up_overdue(limit: int = BATCH) -> int:
    """Effects without an answer by their deadline become unknown, and are looked up by key where that is possible.

    Those that became unknown before a worker died are taken up again: their decision is still being carried out. What a
    connected shop is asked about has a process of its own (`shops/acting.py`); here only what that never called is ended.
    """
    now = timezone.now()
    overdue = Q(state=_E.IN_FLIGHT, deadline_at__lt=now)
    left_behind = Q(state=_E.UNKNOWN, decision__state=_D.EXECUTING)
    asked_elsewhere = Q(called_at__isnull=False, deadline_at__gte=now - NOBODY_ASKS)
    with transaction.atomic():
        effects = list(
            Effect.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
            .filter(overdue | left_behind)
            .exclude(asked_elsewhere)
            .select_related("partner__shop")[:limit]
        )
        late = [effect for effect in effects if effect.state == _E.IN_FLIGHT]
        uncalled = [one for one in late if one.called_at is None and shops.is_carried_out_by(one.partner, one.action)]
        Effect.objects.filter(pk__in=[one.pk for one in uncalled]).update(called_at=now)  # and nobody calls any more
        lost = [effect for effect in late if effect not in uncalled]
        move(lost, "lose_track", actor=audit.system("sweeper"), reason="no answer by the deadline")
    for effect in effects:
        if effect in uncalled:
            _record(effect, NEVER_CALLED)
        else:
            _look_up(effect)
    return len(effects)


def _look_up(effect: Effect) -> None:
    """Ask by key; who cannot be asked, or does not answer, leaves it to a person."""
    try:
        outcome = connector_of(effect.partner).look_up(effect)
    except Exception:
        log.exception("effect %s: the look-up failed", effect.key)
        outcome = None
    _record(effect, outcome)


def _record(effect: Effect, outcome: Outcome | None) -> None:
    try:
        if outcome is not None:
            settling.settle(effect.pk, outcome, actor=audit.system("look-up"))
        else:
            with transaction.atomic():
                settling.after_effects([effect.decision_id], audit.system("sweeper"))
    except Exception:
        log.exception("effect %s: its outcome could not be recorded; trying again", effect.key)
