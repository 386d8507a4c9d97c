"""Deciding: what a person decides on a case, the undo window, and the commit.

    decide(user, escalation_id, Choice(…))      → a record, `decided` until its undo window ends, or `proposed`
                                                  when it is over the person's remit and a second person must agree
    undo(user, decision_id)                     → withdrawn; the case is still held by the same person
    dismiss(user, escalation_id, …)             → the case ends without an answer

A decision binds to the packet version that the person saw: when something newer is known, it is refused with
a sentence, and what was typed is kept by the caller.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from apps.interactions import claiming, hearing, remits
from apps.interactions.models import ContextPacket, DecisionRecord, Escalation, Interaction, ReasonCode
from apps.interactions.models.escalation import LEASE
from apps.interactions.waking import wake_workers
from apps.policies import audit
from apps.policies.errors import Moved, Refused
from apps.policies.machines import move
from apps.policies.money import BadAmount, Money, exact_amount
from apps.policies.words import REFUND_ACTIONS, Action

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
        remits.refuse_own_order(user, interaction)
        assert packet.ruling is not None
        decided = _what_was_decided(interaction, packet, choice)
        second = remits.needs_second(user, decided, now)
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
        move(escalation, "cancel", actor=actor, reason="dismissed")
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


def _what_was_decided(interaction: Interaction, packet: ContextPacket, choice: Choice) -> dict[str, Any]:
    """The content of the record: which option, with which changes, and why. Raises Refused with what is missing."""
    if choice.question.strip():
        return {"how": How.ASKED, "action": Action.ASK_CUSTOMER, "reply": choice.question.strip()}
    options = packet.content["options"]
    if not 0 <= choice.option < len(options):
        raise Refused("Choose one of the options.")
    option = options[choice.option]
    money = _money(option, choice.amount)
    reply = _reply(option, money, choice.reply)
    if not reply:
        raise Refused("Write what the customer is told; nothing is done without an answer.")
    offered = option["amount"]["amount"] if option["amount"] else None
    changed = reply != option["reply"].strip() or (str(money.amount) if money else None) != offered
    how = How.OVERRIDDEN if choice.option else How.MODIFIED if changed else How.APPROVED
    _rationale_given(how, choice, interaction.case_type)
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


def _reply(option: dict[str, Any], money: Money | None, typed: str | None) -> str:
    """What the customer is told: it states the amount that was decided, also when only the amount was changed."""
    offered = option["amount"]
    before = Money(Decimal(offered["amount"]), offered["currency"]) if offered else None
    unchanged = typed is None or typed.strip() == option["reply"].strip()
    if before is None or money is None or money == before:
        return (option["reply"] if unchanged or typed is None else typed).strip()
    if unchanged:
        said = {str(before): str(money)}
        return "".join(
            text if kind == "plain" else said.get(text, text) for text, kind in option["reply_parts"]
        ).strip()
    assert typed is not None
    if f"{before.amount:,.2f}" in typed:
        raise Refused(f"The reply still says {before}, and you decided {money}. Change one of them.")
    return typed.strip()


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


def _rationale_given(how: str, choice: Choice, case_type: str) -> None:
    codes = ReasonCode.objects.filter(case_type__in=["", case_type], code=choice.reason_code)
    if choice.reason_code and not codes.exists():
        raise Refused("Choose a reason from the list.")
    if how == How.OVERRIDDEN and not choice.reason_code:
        raise Refused("Say why you decide otherwise than proposed: choose a reason.")
    words_wanted = codes.filter(needs_words=True).exists()
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


def _hold_until_commit(escalation: Escalation, decision: DecisionRecord) -> None:
    """The case stays with the one who decided until the undo window is over."""
    assert decision.commit_at is not None
    escalation.lease_until = decision.commit_at + LEASE
    escalation.save(update_fields=["lease_until"])
    wake_workers()
