"""Settling: what an effect's outcome means for its decision and its case.

All done: the decision is executed and the case resolved. One refused or unknown: the decision has failed,
what has not left is refused, and the case goes to a person, who is told what happened.
"""

import uuid
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from apps.interactions import case_clocks, hearing, ledger, outbox, pipeline, tenancy
from apps.interactions.connectors.outcome import Outcome
from apps.interactions.models import DecisionRecord, Effect, Interaction, Message, OutboxEvent
from apps.interactions.waking import wake_workers
from apps.policies import audit
from apps.policies.errors import Invalid, Refused
from apps.policies.machines import move
from apps.policies.models import Partner
from apps.policies.words import Action

_D, _E, _S = DecisionRecord.State, Effect.State, Interaction.State


def _told_again(effect: Effect, outcome: Outcome) -> Effect:
    if outcome.reference and not effect.connector_reference:
        effect.connector_reference = outcome.reference
        effect.save(update_fields=["connector_reference"])
    elif outcome.reference not in ("", effect.connector_reference):
        raise Refused(f"This action is settled already, as “{effect.connector_reference}”; its outcome stands.")
    return effect


def settle(effect_id: int, outcome: Outcome, *, actor: audit.Actor) -> Effect:
    """Record what became of an effect. The same answer again changes nothing, but for a reference that was not told before;
    another answer is Refused."""
    outcome = outcome.storable()
    with transaction.atomic():
        effect = (
            Effect.objects.select_for_update(no_key=True, of=("self",))
            .select_related("decision__interaction")
            .get(pk=effect_id)
        )
        event, target = ("confirm", _E.DONE) if outcome.verdict == "done" else ("refuse", _E.REFUSED)
        if effect.state == target:
            return _told_again(effect, outcome)
        if effect.state not in (_E.IN_FLIGHT, _E.UNKNOWN):
            raise Refused(f"This action is {effect.get_state_display().lower()} already; its outcome stands.")
        was_unknown = effect.state == _E.UNKNOWN
        now = timezone.now()
        effect.settled_at = now
        effect.connector_reference, effect.outcome_reason = outcome.reference, outcome.reason
        move(effect, event, actor=actor, reason=outcome.reason,
             save=("settled_at", "connector_reference", "outcome_reason"))  # fmt: skip
        if target == _E.REFUSED:
            ledger.release([effect], now)
        else:
            case, reference = effect.decision.interaction, effect.connector_reference
            OutboxEvent.objects.bulk_create([outbox.action_event("action.executed", effect, case, reference=reference)])
        after_effects([effect.decision_id], actor)
        if was_unknown:
            _tell_whoever_decides(effect, actor, now)
        wake_workers()
    return effect


def _tell_whoever_decides(effect: Effect, actor: audit.Actor, now: datetime) -> None:
    """The case waits with a packet that says the outcome is unknown: now it is known, so it is briefed anew."""
    case = Interaction.objects.select_for_update(no_key=True).get(pk=effect.decision.interaction_id)
    if case.state == _S.AWAITING_DECISION:
        hearing.hear(case, actor=actor, now=now, reason="the outcome of an action became known")


def settle_by_key(
    partner: Partner, key: uuid.UUID, outcome: Outcome, *, amount: Decimal | None, actor: audit.Actor
) -> Effect | None:
    """The partner's report for a key; None when this partner has no such action.

    Raises Invalid when another amount was moved than was asked for: that is a person's to sort out.
    """
    effect = Effect.objects.filter(partner=partner, key=key).first()
    if effect is None:
        return None
    if outcome.verdict == "done" and amount is not None and amount != effect.amount:
        raise Invalid({"amount": [f"{effect.amount} was asked for. Report what was asked as done, or refuse it."]})
    with tenancy.lifted():  # the case goes back to people, whom the partner's role does not know
        return settle(effect.pk, outcome, actor=actor)


def after_effects(decision_ids: Iterable[int], actor: audit.Actor) -> None:
    """Move the decisions whose effects are all settled, and their cases, inside the caller's transaction."""
    ids = set(decision_ids)
    if not ids:
        return
    now = timezone.now()
    decisions = (
        DecisionRecord.objects.select_for_update(no_key=True, of=("self", "interaction"))
        .filter(pk__in=ids, state=_D.EXECUTING)
        .select_related("interaction", "ruling")
        .prefetch_related("effects")
        .order_by("interaction_id")
    )
    done, failed = [], []
    for decision in decisions:
        states = {effect.state for effect in decision.effects.all()}
        if states <= {_E.DONE}:
            done.append(decision)
        elif states & {_E.REFUSED, _E.UNKNOWN}:
            failed.append(decision)
    _finish(done, actor, now)
    for decision in failed:
        _fail(decision, actor, now)


def _finish(done: list[DecisionRecord], actor: audit.Actor, now: datetime) -> None:
    move(done, "succeed", actor=actor)
    cases = [decision.interaction for decision in done if decision.interaction.state == _S.RESOLVING]
    for case in cases:
        case.resolved_at = now
        case_clocks.end(case)
    referred = {d.interaction_id for d in done if d.action == Action.REFER}
    handed_on = move(
        [c for c in cases if c.pk in referred], "refer", actor=actor, save=("resolved_at", *case_clocks.FIELDS)
    )
    resolved = [case for case in cases if case.pk not in referred]
    move(resolved, "finish", actor=actor, save=("resolved_at", *case_clocks.FIELDS))
    OutboxEvent.objects.bulk_create(
        [outbox.interaction_event("interaction.resolved", case) for case in (*resolved, *handed_on)]
    )
    _mark_answered([decision for decision in done if decision.action != Action.ASK_CUSTOMER])
    theirs = Message.objects.filter(interaction__in=resolved, author="customer", handled=False)
    open_again = set(theirs.values_list("interaction", flat=True))
    for case in resolved:
        if case.pk in open_again:
            hearing.reopen(case, actor=actor, reason="written while it was resolved", now=now, by_customer=True)


def _mark_answered(decisions: list[DecisionRecord]) -> None:
    """The customers' messages that were read for a decision are answered; later ones are not."""
    these = DecisionRecord.objects.filter(pk__in=[decision.pk for decision in decisions])
    read = these.filter(interaction=OuterRef("interaction"), ruling__at__gte=OuterRef("created_at"))
    cases = [decision.interaction_id for decision in decisions]
    Message.objects.filter(Exists(read), interaction__in=cases, author="customer", handled=False).update(handled=True)


def _fail(decision: DecisionRecord, actor: audit.Actor, now: datetime) -> None:
    """An effect was refused or its outcome is unknown: nothing more leaves, and a person takes over."""
    effects = list(decision.effects.all())
    told = [effect for effect in effects if effect.state in (_E.REFUSED, _E.UNKNOWN)]
    decision.ended_because = "; ".join(_what_happened(effect) for effect in told)
    pending = [effect for effect in effects if effect.state == _E.PENDING]
    for effect in pending:
        effect.outcome_reason, effect.settled_at = "An earlier step of the decision was not done.", now
    move(pending, "refuse", actor=actor, reason="an earlier step was not done", save=("outcome_reason", "settled_at"))
    move(decision, "fail", actor=actor, reason=decision.ended_because, save=("ended_because",))
    case = decision.interaction
    if case.state == _S.RESOLVING:
        pipeline.brief_again(case, actor)


def _what_happened(effect: Effect) -> str:
    amount = f" of {effect.amount:,.2f} {effect.currency}" if effect.amount is not None else ""
    name = f"{effect.get_action_display().lower()}{amount}"
    if effect.state == _E.UNKNOWN:
        return f"the outcome of the {name} is unknown: check in the shop before trying again"
    return f"the {name} was refused: {effect.outcome_reason or 'no reason was given'}"
