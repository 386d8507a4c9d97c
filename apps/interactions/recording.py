"""Recording what the pipeline found: rulings, states, packets, escalations, decisions and effects, in bulk.

Only rows that still carry the worker's lease token are written; a row that a new message has touched since is
dropped, since its words are old.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from apps.interactions import case_clocks, escalating, events, hearing
from apps.interactions.budgets import parties_of
from apps.interactions.drafting import replies
from apps.interactions.models import (
    DecisionRecord,
    Effect,
    Interaction,
)
from apps.interactions.playbooks.base import REPLY_ONLY
from apps.interactions.worked import Worked
from apps.policies import audit, pauses, ramps, shadowing
from apps.policies.machines import move
from apps.policies.models import Ruling
from apps.policies.rulings import ruling_of
from apps.policies.words import Action

RETRY_AFTER = timedelta(seconds=20)
_S = Interaction.State


def write_back(results: Sequence[Worked], actor: audit.Actor) -> None:
    """Write a batch back in one transaction."""
    now = timezone.now()
    with transaction.atomic():
        current = _still_ours(results)
        failed = [worked for worked in current if worked.error]
        _try_again_later(failed, now)
        merging = [worked for worked in current if worked.merge_into is not None]
        touched = _merge(merging, actor, now)
        ruled = [w for w in current if not w.error and w.merge_into is None and w.case.interaction.pk not in touched]
        paused = _paused_since(ruled)
        _look_again(paused, now)
        _write_ruled([worked for worked in ruled if worked not in paused], actor, now)


def _paused_since(ruled: Sequence[Worked]) -> list[Worked]:
    """What the AI would do alone though it was paused, or its grant stopped, since it was ruled: that holds at once."""
    pausing = pauses.in_force()
    stopped = ramps.stopped(worked.authority.ramp for worked in ruled if worked.authority)
    return [
        worked
        for worked in ruled
        if (pausing or stopped) and worked.authority is not None and worked.authority.alone
        if worked.authority.ramp in stopped
        or any(
            pause.covers(worked.case.partner, worked.case.case_type.value, worked.authority.proposal.action)
            for pause in pausing
        )
    ]


def _look_again(rows: Sequence[Worked], now: datetime) -> None:
    for worked in rows:
        row = worked.case.interaction
        row.due_at, row.lease_token, row.lease_until, row.attempts = now, None, None, 0
        row.save(update_fields=["due_at", "lease_token", "lease_until", "attempts"])


def _still_ours(results: Sequence[Worked]) -> list[Worked]:
    """The cases whose lease is still this worker's. Locked together with the cases they merge into, in one order,
    so that two workers whose batches merge into each other cannot wait for each other."""
    by_id = {worked.case.interaction.pk: worked for worked in results}
    wanted = {*by_id, *(worked.merge_into for worked in results if worked.merge_into is not None)}
    locked = Interaction.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk")
    return [
        by_id[row.pk]
        for row in locked
        if row.pk in by_id
        and row.state == _S.RECEIVED
        and row.lease_token == by_id[row.pk].case.interaction.lease_token
    ]


def _try_again_later(failed: Sequence[Worked], now: datetime) -> None:
    for worked in failed:
        row = worked.case.interaction
        row.stalled_because, row.due_at = worked.error, now + RETRY_AFTER * row.attempts
        row.lease_token = row.lease_until = None
        row.save(update_fields=["stalled_because", "due_at", "lease_token", "lease_until"])


def _merge(merging: Sequence[Worked], actor: audit.Actor, now: datetime) -> set[int]:
    """Put cases to the earlier one on the same matter; returns the ids of those that have more to read now."""
    touched: set[int] = set()
    for worked in merging:
        assert worked.merge_into is not None
        target = Interaction.objects.select_for_update(no_key=True).in_the_open().filter(pk=worked.merge_into).first()
        row = worked.case.interaction
        if target is None:  # it ended meanwhile: this case is looked at again, on its own
            _look_again([worked], now)
            continue
        hearing.merge(row, target, actor=actor, now=now)
        touched.add(target.pk)
    return touched


def brief_failed(worked: Worked, actor: audit.Actor) -> None:
    """A case whose decision failed goes from resolving straight to a person, under a new ruling."""
    now, row = timezone.now(), worked.case.interaction
    assert worked.authority is not None
    row.ruling = _ruling(worked, now)
    row.ruling.save(force_insert=True)
    shadowing.record([(row.ruling, worked.shadows)])
    row.handler = worked.authority.handler.value
    row.save(update_fields=["ruling", "handler"])
    escalating.brief_people([worked], actor, now)


def _write_ruled(ruled: Sequence[Worked], actor: audit.Actor, now: datetime) -> None:
    if not ruled:
        return
    rulings = Ruling.objects.bulk_create([_ruling(worked, now) for worked in ruled])
    shadowing.record(zip(rulings, (worked.shadows for worked in ruled), strict=True))
    for worked, ruling in zip(ruled, rulings, strict=True):
        row, case = worked.case.interaction, worked.case
        assert worked.authority is not None
        row.case_type, row.handler = case.case_type.value, worked.authority.handler.value
        row.intents, row.confidence = [list(pair) for pair in case.reading.intents], _share(case.reading.confidence)
        row.ruling, row.due_at, row.attempts, row.stalled_because = ruling, None, 0, ""
        row.lease_token = row.lease_until = None
    rows = [worked.case.interaction for worked in ruled]
    move(rows, "classify", actor=actor, save=(
        "case_type", "handler", "intents", "confidence", "ruling", "due_at", "attempts", "stalled_because",
        "lease_token", "lease_until",
    ))  # fmt: skip
    alone = [worked for worked in ruled if worked.authority and worked.authority.alone]
    _act_alone(alone, actor, now)
    escalating.brief_people([worked for worked in ruled if worked not in alone], actor, now)


def _ruling(worked: Worked, now: datetime) -> Ruling:
    case, authority = worked.case, worked.authority
    assert authority is not None
    return ruling_of(
        at=now,
        facts=case.facts,
        facts_at=case.at,
        proposal=authority.proposal,
        verdict=authority.verdict,
        downgrades=[down.as_json() for down in authority.downgrades],
        made_with={
            "classifier": case.reading.read_by,
            **({"second_reader": worked.read_by} if worked.read_by else {}),
            "drafter": worked.drafted_by or replies.VERSION,
            "playbook": worked.playbook_version,
        },
        partner_id=case.partner.pk,
        subject=str(case.interaction.reference),
        parties=parties_of(case.customer, case.order),
        version_id=worked.version_id,
        content_hash=worked.content_hash,
        terms_number=case.terms.number if case.terms else None,
        case_type=case.case_type.value,
        ramp=authority.ramp,
        confidence=_share(case.reading.confidence),
        handler=authority.handler.value,
        seniority=authority.seniority.value,
    )


def _share(confidence: float) -> Decimal:
    return Decimal(str(confidence)).quantize(Decimal("0.001"))


def _act_alone(alone: Sequence[Worked], actor: audit.Actor, now: datetime) -> None:
    """The AI decides inside its boundary: a committed decision whose effects a worker carries out."""
    asking = [w for w in alone if w.plan and w.plan.proposal.action == Action.ASK_CUSTOMER]
    move([w.case.interaction for w in alone if w not in asking], "resolve_alone", actor=actor)
    escalating.write_packets(asking, actor)
    for worked in asking:
        case_clocks.stop(worked.case.interaction, worked.case.partner, now)
    move([w.case.interaction for w in asking], "ask_customer", actor=actor, save=case_clocks.FIELDS)
    decisions = DecisionRecord.objects.bulk_create([_decision_alone(worked, now) for worked in alone])
    move(decisions, "commit", actor=actor, reason="inside the boundary")
    effects: list[Effect] = []
    for decision in decisions:
        effects += effects_of(decision)
    Effect.objects.bulk_create(effects)
    events.acted_alone.send(sender=DecisionRecord, done=list(zip(alone, decisions, strict=True)))


def _decision_alone(worked: Worked, now: datetime) -> DecisionRecord:
    assert worked.plan is not None
    case, option = worked.case, worked.plan.proposal
    return DecisionRecord(
        partner_id=case.partner.pk,
        interaction=case.interaction,
        ruling=case.interaction.ruling,
        how=DecisionRecord.How.ALONE,
        action=option.action.value,
        amount=option.amount.amount if option.amount else None,
        currency=option.amount.currency if option.amount else "",
        lines=list(option.lines),
        reply=option.reply.text,
        decided_at=now,
        committed_at=now,
    )


def effects_of(decision: DecisionRecord) -> list[Effect]:
    """The ordered effects of a decision: the action, if it is more than words, then the reply. What a cancelled order cost goes
    back once it is cancelled."""
    moves = [] if decision.action in (*REPLY_ONLY, Action.REFER) else [(decision.action, decision.amount)]
    if decision.action == Action.CANCEL_ORDER and decision.amount is not None:
        moves = [(Action.CANCEL_ORDER, None), (Action.REFUND, decision.amount)]
    common = {"partner_id": decision.partner_id, "decision": decision}
    effects = [
        Effect(
            **common,
            position=position,
            action=action,
            amount=amount,
            currency=decision.currency if amount is not None else "",
            lines=decision.lines,
        )
        for position, (action, amount) in enumerate(moves, start=1)
    ]
    if decision.reply:
        effects.append(Effect(**common, position=len(moves) + 1, action=Action.REPLY))
    return effects
