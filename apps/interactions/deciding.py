"""Deciding: what a person decides on a case, the undo window, and the commit.

    decide(user, escalation_id, Choice(…))      → a record, `decided` until its undo window ends, or `proposed`
                                                  when it is over the person's remit and a second person must agree
    undo(user, decision_id)                     → withdrawn; the case is still held by the same person
    dismiss(user, escalation_id, …)             → the case ends without an answer

A decision binds to the packet version that the person saw: when something newer is known, it is refused with
a sentence, and what was typed is kept by the caller.
"""

import uuid
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from apps.interactions import blind, choosing, claiming, hearing, precedents, remits
from apps.interactions.choosing import Choice
from apps.interactions.models import ContextPacket, DecisionRecord, Escalation, Interaction
from apps.interactions.models.escalation import LEASE
from apps.interactions.waking import wake_workers
from apps.policies import audit
from apps.policies.errors import Moved, Refused
from apps.policies.machines import move

_D = DecisionRecord.State


def decide(user: User, escalation_id: int, choice: Choice, *, joint: uuid.UUID | None = None) -> DecisionRecord:
    """Record a person's decision; `joint` marks one of many by one act (alike.py). Raises Moved when the case or packet
    changed, Refused when it may not be."""
    now = timezone.now()
    with transaction.atomic():
        interaction = _locked_case(escalation_id)
        escalation = claiming.holding(user, escalation_id, choice.lease_token)
        packet = _packet_seen(interaction, choice.packet_version)
        if interaction.decisions.filter(state__in=[_D.PROPOSED, _D.DECIDED]).exists():
            raise Refused("A decision on this case is on its way already.")
        remits.refuse_own_order(user, interaction)
        assert packet.ruling is not None
        if not choice.question.strip():
            blind.refuse_unjudged(escalation)
        decided = choosing.what_was_decided(interaction, packet, choice)
        line = precedents.line_of_ruling(packet.ruling)
        choosing.answer_precedent(line, decided["action"], choice)
        second = remits.needs_second(user, decided, now)
        decision = DecisionRecord(
            state=_D.PROPOSED if second else _D.DECIDED,
            partner_id=interaction.partner_id,
            interaction=interaction,
            escalation=escalation,
            packet=packet,
            ruling=packet.ruling,
            decided_by=user,
            joint=joint,
            seconds=None if joint else int((now - (escalation.claimed_at or now)).total_seconds()),
            decided_at=now,
            commit_at=None if second else now + timedelta(seconds=escalation.partner.undo_seconds),
            **decided,
        )
        decision.save(force_insert=True)
        audit.record(audit.person(user), decision, "decided", reason=decision.rationale, at=now,
                     details={"how": decision.how, "needs_second": second, "like_cases": line.summary()})  # fmt: skip
        if second:
            claiming.put_back(escalation, audit.person(user), f"a second person has to agree: {second}")
        else:
            _hold_until_commit(escalation, decision)
    return decision


def second(user: User, escalation_id: int, token: uuid.UUID | None, *, agree: bool, reason: str = "") -> DecisionRecord:
    """A second person agrees to a proposed decision, or says no with a reason. Raises Refused for the proposer."""
    now = timezone.now()
    with transaction.atomic():
        _locked_case(escalation_id)
        escalation = claiming.holding(user, escalation_id, token)
        decision = (
            DecisionRecord.objects.select_for_update(no_key=True, of=("self",))
            .select_related("interaction__customer")
            .filter(interaction_id=escalation.interaction_id, state=_D.PROPOSED)
            .first()
        )
        if decision is None:
            raise Moved("There is no proposal to agree to any more. Read the case again.")
        if decision.decided_by_id == user.pk:
            raise Refused("You proposed this. Somebody else has to agree.")
        remits.refuse_own_order(user, decision.interaction)
        decision.second_by = user
        actor = audit.person(user)
        if agree:
            remits.refuse_beyond_remit(user, decision)
            decision.commit_at = now + timedelta(seconds=escalation.partner.undo_seconds)
            decision.escalation = escalation
            move(decision, "second", actor=actor, save=("second_by", "commit_at", "escalation"))
            _hold_until_commit(escalation, decision)
        else:
            if not reason.strip():
                raise Refused("Say why you do not agree: the one who proposed it will read it.")
            decision.ended_because = reason.strip()
            move(decision, "reject", actor=actor, reason=reason.strip(), save=("second_by", "ended_because"))
    return decision


def dismiss(user: User, escalation_id: int, token: uuid.UUID | None, reason: str) -> None:
    """Spam, or withdrawn: the case ends without an answer. Raises Refused without a reason."""
    if not reason.strip():
        raise Refused("Say why this needs no answer: spam, withdrawn, sent to the wrong shop.")
    with transaction.atomic():
        interaction = _locked_case(escalation_id)
        escalation = claiming.holding(user, escalation_id, token)
        if interaction.decisions.filter(state__in=[_D.PROPOSED, _D.DECIDED]).exists():
            raise Refused("A decision on this case is on its way already.")
        actor, said = audit.person(user), reason.strip()
        hearing.supersede_packets(interaction, actor=actor, reason="dismissed")
        escalation.closed_at = timezone.now()
        move(escalation, "cancel", actor=actor, save=("closed_at",), reason="dismissed")
        move(interaction, "dismiss", actor=actor, reason=said)


def undo(user: User, decision_id: int) -> DecisionRecord:
    """Take a decision back within its undo window. Raises Refused when it is too late or somebody else's."""
    with transaction.atomic():
        decision = DecisionRecord.objects.select_for_update(no_key=True).filter(pk=decision_id).first()
        if decision is None or user.pk not in (decision.decided_by_id, decision.second_by_id):
            raise Refused("Only the one who decided can take it back.")
        if decision.state != _D.DECIDED:
            raise Refused("It is too late to take this back: it has left the building.")
        decision.ended_because = "taken back"
        move(decision, "withdraw", actor=audit.person(user), reason="taken back", save=("ended_because",))
        escalation = decision.escalation
        assert escalation is not None
        escalation.lease_until = timezone.now() + LEASE
        escalation.save(update_fields=["lease_until"])
    return decision


def _locked_case(escalation_id: int) -> Interaction:
    """The case of an escalation, locked before the escalation is: intake takes the locks in the same order."""
    found = (
        Interaction.objects.select_for_update(no_key=True, of=("self",))
        .select_related("customer", "order__customer")
        .filter(escalations=escalation_id)
        .first()
    )
    if found is None:
        raise Moved("This case is not there any more.")
    return found


def _packet_seen(interaction: Interaction, version: int) -> ContextPacket:
    ready = interaction.packets.filter(state=ContextPacket.State.READY)
    packet = ready.select_related("ruling__partner").first()
    if packet is None or packet.version != version:
        raise Moved("Something newer came in on this case while you had it open. Read what changed and decide again.")
    return packet


def _hold_until_commit(escalation: Escalation, decision: DecisionRecord) -> None:
    """The case stays with the one who decided until the undo window is over."""
    assert decision.commit_at is not None
    escalation.lease_until = decision.commit_at + LEASE
    escalation.save(update_fields=["lease_until"])
    wake_workers()
