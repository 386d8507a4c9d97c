"""From decision to signal: every committed decision of a person writes one, in the same transaction."""

from decimal import Decimal
from typing import Any

from apps.interactions import blind
from apps.interactions.events import decision_committed
from apps.interactions.models import DecisionRecord
from apps.learning.disagreement import differs, is_rewritten
from apps.learning.models import Signal


def connect() -> None:
    decision_committed.connect(_write_signal, dispatch_uid="learning_signal")


def _write_signal(sender: object, decision: DecisionRecord, **kwargs: Any) -> None:
    if decision.escalation is not None and blind.is_blind(decision.escalation):
        return  # the customer was asked about a case that is still to be judged: nothing was decided or seen
    if decision.partner.sandbox_of_id is not None:
        return  # tried out, not decided
    signal_of(decision).save(force_insert=True)


def signal_of(decision: DecisionRecord) -> Signal:
    """The signal of a decision, compared with the proposal in the packet it was decided on. Of a blind case the judgement
    counts that was made before the proposal was seen, and of the reply what became of it after."""
    assert decision.packet is not None
    proposal = decision.packet.content["proposal"]
    amount = proposal["amount"]["amount"] if proposal["amount"] else None
    judged = blind.judgement_of(decision)
    decided = judged or decision
    proposed_amount = Decimal(amount) if amount is not None else None
    options = (judged.label, judged.proposed_label or judged.label) if judged else ("", "")
    differing = differs(
        decided.action,
        decided.amount,
        proposal["action"],
        proposed_amount,
        option=options[0],
        proposed_option=options[1],
    )
    rewritten = is_rewritten(decision.words_changed, proposal["reply"]) and decision.action == proposal["action"]
    return Signal(
        decision=decision,
        partner_id=decision.partner_id,
        case_type=decision.ruling.case_type,
        by_id=judged.by_id if judged else decision.decided_by_id,
        proposal_seen=judged is None,
        facts=decision.ruling.facts,
        proposed_action=proposal["action"],
        proposed_amount=amount,
        final_action=decided.action,
        final_amount=decided.amount,
        currency=decision.currency or (proposal["amount"] or {}).get("currency", ""),
        agreed=not rewritten and not differing,
        reply_changed=rewritten,
        reason_code=decision.reason_code,
        wrong_part=decision.wrong_part,
        words_changed=decision.words_changed,
        seconds=decided.seconds,
        at=decision.decided_at,
    )
