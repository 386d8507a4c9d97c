"""Committing: when the undo window has passed, the packet is sealed and the effects may run."""

import logging
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from apps.interactions import case_clocks, precedents, recording
from apps.interactions.events import decision_committed
from apps.interactions.models import ContextPacket, DecisionRecord, Effect, Interaction
from apps.policies import audit
from apps.policies.machines import move
from apps.policies.words import Action

log = logging.getLogger(__name__)

TRY_AGAIN_AFTER = timedelta(minutes=1)
_D = DecisionRecord.State


def commit_due(limit: int = 50) -> int:
    """Commit the decisions whose undo window has passed; returns how many were looked at."""
    ids = list(
        DecisionRecord.objects.filter(state=_D.DECIDED, commit_at__lte=timezone.now())
        .order_by("commit_at")
        .values_list("pk", flat=True)[:limit]
    )
    return sum(_commit_or_wait(pk) for pk in ids)


def _commit_or_wait(decision_id: int) -> int:
    """One decision that cannot be committed holds up no other: it is kept in the audit trail and tried again later."""
    try:
        return _commit(decision_id)
    except Exception as error:
        log.exception("decision %s could not be committed", decision_id)
        decision = DecisionRecord.objects.get(pk=decision_id)
        DecisionRecord.objects.filter(pk=decision_id).update(commit_at=timezone.now() + TRY_AGAIN_AFTER)
        audit.record(audit.system("commit"), decision, "commit_failed", reason=f"{type(error).__name__}: {error}")
        return 0


def _commit(decision_id: int) -> int:
    """Seal the packet and let the effects run, unless something newer is known: then the record is voided."""
    actor, now = audit.system("commit"), timezone.now()
    with audit.correlated(), transaction.atomic():
        pointer = DecisionRecord.objects.values_list("interaction_id", flat=True).get(pk=decision_id)
        interaction = Interaction.objects.select_for_update(no_key=True).get(pk=pointer)
        decision = (
            DecisionRecord.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
            .select_related("packet", "ruling", "escalation")
            .filter(pk=decision_id, state=_D.DECIDED)
            .first()
        )
        if decision is None:
            return 0
        decision.interaction = interaction
        assert decision.packet is not None
        assert decision.escalation is not None
        if (
            decision.packet.state != ContextPacket.State.READY
            or interaction.state != interaction.State.AWAITING_DECISION
        ):
            decision.ended_because = "something newer was known before it was committed"
            move(decision, "void", actor=actor, reason=decision.ended_because, save=("ended_because",))
            return 1
        move(decision.packet, "seal", actor=actor)
        decision.escalation.closed_at = now
        move(decision.escalation, "finish", actor=actor, save=("closed_at",))
        decision.committed_at = now
        move(decision, "commit", actor=actor, save=("committed_at",))
        asks = decision.action == Action.ASK_CUSTOMER
        interaction.reminded_at = None  # a new question has a clock of its own
        if asks:
            case_clocks.stop(interaction, interaction.partner, now)
        move(interaction, "ask_customer" if asks else "decide", actor=actor, save=("reminded_at", *case_clocks.FIELDS))
        Effect.objects.bulk_create(recording.effects_of(decision))
        precedents.keep(decision)
        decision_committed.send(sender=DecisionRecord, decision=decision)
    return 1
