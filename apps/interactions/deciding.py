"""Deciding: what a person decides on a case, the undo window, and the commit.

    decide(user, escalation_id, Choice(…))      → a record, `decided` until its undo window ends, or `proposed`
                                                  when it is over the person's remit and a second person must agree
    undo(user, decision_id)                     → withdrawn; the case is still held by the same person
    commit_due()                                → worker: seals the packet and lets the effects run

A decision binds to the packet version that the person saw: when something newer is known, it is refused with
a sentence, and what was typed is kept by the caller.
"""

import uuid
import zoneinfo
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from apps.interactions import claiming, recording
from apps.interactions.events import decision_committed
from apps.interactions.models import ContextPacket, DecisionRecord, Effect, Escalation, Interaction, ReasonCode
from apps.interactions.models.escalation import LEASE
from apps.interactions.waking import wake_workers
from apps.policies import audit
from apps.policies.errors import Moved, Refused
from apps.policies.machines import move
from apps.policies.models import Remit, remit_of
from apps.policies.money import BadAmount, Money, exact_amount
from apps.policies.words import MONEY_ACTIONS, REFUND_ACTIONS, Action

_D = DecisionRecord.State
How = DecisionRecord.How


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person chose. `option` is the place of an option in the packet, 0 for the AI's proposal.

    `amount` and `reply` replace the option's own when given. `question` asks the customer instead.
    """

    packet_version: int
    lease_token: uuid.UUID | None
    option: int = 0
    amount: str | None = None
    reply: str | None = None
    reason_code: str = ""
    rationale: str = ""
    question: str = ""


def decide(user: User, escalation_id: int, choice: Choice) -> DecisionRecord:
    """Record a person's decision. Raises Moved when the case or packet changed, Refused when it may not be."""
    now = timezone.now()
    with transaction.atomic():
        interaction = _locked_case(escalation_id)
        escalation = claiming.holding(user, escalation_id, choice.lease_token)
        packet = _packet_seen(interaction, choice.packet_version)
        if interaction.decisions.filter(state__in=[_D.PROPOSED, _D.DECIDED]).exists():
            raise Refused("A decision on this case is on its way already.")
        _not_their_own(user, interaction)
        assert packet.ruling is not None
        decided = _what_was_decided(interaction, packet, choice)
        second = _needs_second(user, decided, now)
        decision = DecisionRecord(
            state=_D.PROPOSED if second else _D.DECIDED,
            partner_id=interaction.partner_id,
            interaction=interaction,
            escalation=escalation,
            packet=packet,
            ruling=packet.ruling,
            decided_by=user,
            seconds=int((now - (escalation.claimed_at or now)).total_seconds()),
            decided_at=now,
            commit_at=None if second else now + timedelta(seconds=escalation.partner.undo_seconds),
            **decided,
        )
        decision.save(force_insert=True)
        audit.record(audit.person(user), decision, "decided", reason=decision.rationale, at=now,
                     details={"how": decision.how, "needs_second": second})  # fmt: skip
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
        _not_their_own(user, decision.interaction)
        decision.second_by = user
        actor = audit.person(user)
        if agree:
            _covered_by_remit(user, decision)
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


def commit_due(limit: int = 50) -> int:
    """Commit the decisions whose undo window has passed; returns how many were looked at."""
    ids = list(
        DecisionRecord.objects.filter(state=_D.DECIDED, commit_at__lte=timezone.now())
        .order_by("commit_at")
        .values_list("pk", flat=True)[:limit]
    )
    return sum(_commit(pk) for pk in ids)


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
        move(decision.escalation, "finish", actor=actor)
        decision.committed_at = now
        move(decision, "commit", actor=actor, save=("committed_at",))
        asks = decision.action == Action.ASK_CUSTOMER
        move(interaction, "ask_customer" if asks else "decide", actor=actor)
        Effect.objects.bulk_create(recording.effects_of(decision))
        decision_committed.send(sender=DecisionRecord, decision=decision)
    return 1


def _locked_case(escalation_id: int) -> Interaction:
    """The case of an escalation, locked before the escalation is: intake takes the locks in the same order."""
    pointer = Escalation.objects.values_list("interaction_id", flat=True).filter(pk=escalation_id).first() or 0
    found = (
        Interaction.objects.select_for_update(no_key=True, of=("self",))
        .select_related("customer", "order")
        .filter(pk=pointer)
        .first()
    )
    if found is None:
        raise Moved("This case is not there any more.")
    return found


def _packet_seen(interaction: Interaction, version: int) -> ContextPacket:
    packet = interaction.packets.filter(state=ContextPacket.State.READY).first()
    if packet is None or packet.version != version:
        raise Moved("Something newer came in on this case while you had it open. Read what changed and decide again.")
    return packet


def _not_their_own(user: User, interaction: Interaction) -> None:
    customer = interaction.customer
    if customer is not None and customer.email and customer.email.lower() == user.email.lower():
        raise Refused("This is your own order. Somebody else has to decide it.")


def _what_was_decided(interaction: Interaction, packet: ContextPacket, choice: Choice) -> dict[str, Any]:
    """The content of the record: which option, with which changes, and why. Raises Refused with what is missing."""
    if choice.question.strip():
        return {"how": How.ASKED, "action": Action.ASK_CUSTOMER, "reply": choice.question.strip()}
    options = packet.content["options"]
    if not 0 <= choice.option < len(options):
        raise Refused("Choose one of the options.")
    option = options[choice.option]
    money = _money(option, choice.amount)
    reply = (option["reply"] if choice.reply is None else choice.reply).strip()
    if not reply:
        raise Refused("Write what the customer is told; nothing is done without an answer.")
    offered = option["amount"]["amount"] if option["amount"] else None
    changed = reply != option["reply"].strip() or (str(money.amount) if money else None) != offered
    how = How.OVERRIDDEN if choice.option else How.MODIFIED if changed else How.APPROVED
    _rationale_given(how, choice)
    _affordable(interaction, option["action"], money)
    return {
        "how": how,
        "action": option["action"],
        "amount": money.amount if money else None,
        "currency": money.currency if money else "",
        "lines": option["lines"],
        "reply": reply,
        "reason_code": choice.reason_code,
        "rationale": choice.rationale.strip(),
    }


def _money(option: dict[str, Any], typed: str | None) -> Money | None:
    if option["amount"] is None:
        return None
    currency = option["amount"]["currency"]
    if typed is None or not typed.strip():
        return Money(Decimal(option["amount"]["amount"]), currency)
    try:
        return Money(exact_amount(typed.replace(",", "")), currency)
    except BadAmount as error:
        raise Refused(f"Amount: {error}") from None


def _rationale_given(how: str, choice: Choice) -> None:
    if how == How.OVERRIDDEN and not choice.reason_code:
        raise Refused("Say why you decide otherwise than proposed: choose a reason.")
    words_wanted = ReasonCode.objects.filter(code=choice.reason_code, needs_words=True).exists()
    if words_wanted and not choice.rationale.strip():
        raise Refused("This reason needs a few words. Write them under the reason.")


def _affordable(interaction: Interaction, action: str, money: Money | None) -> None:
    """More than the order still holds is refused now, not when it is carried out."""
    if money is None or action not in REFUND_ACTIONS or interaction.order is None:
        return
    left = interaction.order.refundable
    if money.amount == 0:
        raise Refused("A refund of nothing is no refund. Choose another option or an amount.")
    if money.currency != left.currency or money.amount > left.amount:
        raise Refused(f"Only {left} of order {interaction.order.number} is still refundable.")


def _needs_second(user: User, decided: dict[str, Any], now: datetime) -> str:
    """Why a second person must agree, in words; empty when it is inside this person's remit."""
    amount: Decimal | None = decided.get("amount")
    if amount is None or decided["action"] not in MONEY_ACTIONS:
        return ""
    remit = Remit.objects.select_for_update(no_key=True).filter(user=user).first() or remit_of(user)
    if decided["currency"] != remit.currency:
        return f"your remit is in {remit.currency}"
    if amount > remit.amount_per_decision:
        return f"your remit is {remit.amount_per_decision:,.2f} {remit.currency} a decision"
    if spent_today(remit, now) + amount > remit.amount_per_day:
        return f"your remit is {remit.amount_per_day:,.2f} {remit.currency} a day"
    return ""


def _covered_by_remit(user: User, decision: DecisionRecord) -> None:
    """The second person needs the authority that the first one lacked."""
    if decision.amount is None or user.has_perm("interactions.decide_senior"):
        return
    remit = remit_of(user)
    if decision.currency != remit.currency or decision.amount > remit.amount_per_decision:
        raise Refused("This is over your own remit too: a senior has to agree.")


def spent_today(remit: Remit, now: datetime) -> Decimal:
    """What a person decided alone since midnight in their time zone, in the currency of their remit."""
    zone = zoneinfo.ZoneInfo(remit.time_zone)
    midnight = datetime.combine(now.astimezone(zone).date(), time(), zone)
    rows = DecisionRecord.objects.filter(
        decided_by_id=remit.user_id, second_by__isnull=True, decided_at__gte=midnight, currency=remit.currency
    ).exclude(state__in=[_D.PROPOSED, _D.REJECTED, _D.WITHDRAWN, _D.VOIDED])
    return rows.aggregate(sum=Sum("amount"))["sum"] or Decimal(0)


def _hold_until_commit(escalation: Escalation, decision: DecisionRecord) -> None:
    """The case stays with the one who decided until the undo window is over."""
    assert decision.commit_at is not None
    escalation.lease_until = decision.commit_at + LEASE
    escalation.save(update_fields=["lease_until"])
    wake_workers()
