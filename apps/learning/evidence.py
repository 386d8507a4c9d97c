"""Evidence: what people judged without seeing what the AI proposed or did, as the judgements that certificates count.

Blind decisions and random audits of what the AI did alone are evidence. Decisions with the proposal in view are not, whatever
they say, and neither are the known cases that test people's attention.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from apps.interactions.models import Interaction, Judgement
from apps.learning.certification import Judged
from apps.learning.models import CaseAudit
from apps.policies.models import Partner

AMOUNT_TOLERANCE = Decimal("0.05")  # of the proposed amount


@dataclass(frozen=True, slots=True)
class Piece:
    """One judged case with what the AI proposed or did in it. `how` is "blind" or "audit"."""

    case_type: str
    action: str
    how: str
    channel: str
    judged: Judged


def differs(action: str, amount: Decimal | None, proposed: str, proposed_amount: Decimal | None) -> str:
    """In what a judgement differs from a proposal: "action", "amount", or "" when they are the same. An amount within the
    tolerance is the same."""
    if action != proposed:
        return "action"
    if amount is None or proposed_amount is None:
        return "" if amount == proposed_amount else "amount"
    return "amount" if abs(amount - proposed_amount) > AMOUNT_TOLERANCE * proposed_amount else ""


def pieces_of(partners: list[Partner], since: datetime, until: datetime) -> list[Piece]:
    """The evidence of some brands and a period, the oldest first."""
    found = [*_blind(partners, since, until), *_audits(partners, since, until)]
    return sorted(found, key=lambda piece: (piece.judged.on, piece.judged.case))


def _blind(partners: list[Partner], since: datetime, until: datetime) -> Iterator[Piece]:
    by_id = {partner.pk: partner for partner in partners}
    rows = Judgement.objects.filter(escalation__partner__in=by_id, at__gte=since, at__lt=until)
    for row in rows.select_related("escalation__interaction", "packet").order_by("at", "pk"):
        proposal, partner = row.packet.content["proposal"], by_id[row.escalation.partner_id]
        offered = Decimal(proposal["amount"]["amount"]) if proposal["amount"] else None
        wrong = differs(row.action, row.amount, proposal["action"], offered)
        yield Piece(
            row.escalation.case_type, proposal["action"], "blind", row.escalation.interaction.channel,
            _judged(row.escalation.interaction, row.by_id, row.at, bool(wrong), offered, partner),
        )  # fmt: skip


def _audits(partners: list[Partner], since: datetime, until: datetime) -> Iterator[Piece]:
    by_id = {partner.pk: partner for partner in partners}
    rows = CaseAudit.objects.filter(
        kind=CaseAudit.Kind.ALONE, state=CaseAudit.State.DONE, partner__in=by_id, done_at__gte=since, done_at__lt=until
    )
    for row in rows.select_related("decision__interaction").order_by("done_at", "pk"):
        assert row.decision is not None
        assert row.done_at is not None
        wrong = row.verdict == CaseAudit.Verdict.WRONG
        yield Piece(
            row.case_type, row.decision.action, "audit", row.decision.interaction.channel,
            _judged(row.decision.interaction, row.judged_by_id, row.done_at, wrong, row.decision.amount,
                    by_id[row.partner_id]),
        )  # fmt: skip


def _judged(
    case: Interaction, by: int | None, at: datetime, wrong: bool, money: Decimal | None, partner: Partner
) -> Judged:
    return Judged(
        case=str(case.pk),
        customer=str(case.customer_id or ""),
        by=str(by),
        on=at.date(),
        wrong=wrong,
        money=money or Decimal(0),
        partner=partner.slug,
    )
