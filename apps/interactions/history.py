"""History: past cases with their decisions, which a brand brings along so that learning knows where to look first."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from apps.interactions.models import PastCase
from apps.policies.errors import Invalid
from apps.policies.facts import value_as_json
from apps.policies.models import Partner
from apps.policies.simulating import Asked


@dataclass(frozen=True, slots=True)
class Past:
    """One decided case; `decided` holds its type, facts, and the action and amount that people chose. `at_stake` is what the
    customer wanted, or the order is worth, in the brand's currency: what might have been paid where nothing was."""

    external_id: str
    customer: str
    decided: Asked
    decided_at: datetime
    at_stake: Decimal | None = None


def bring(partner: Partner, past: Past, now: datetime) -> tuple[PastCase, bool]:
    """Keep it, or find it: the same once more changes nothing. Raises Invalid when something else is known by its id."""
    asked, amount = past.decided, past.decided.proposal.amount
    if amount is not None and amount.currency != partner.currency:
        raise Invalid({"amount": [f"This brand's money is {partner.currency}."]})
    said = {
        "case_type": asked.case_type, "customer": past.customer, "action": asked.proposal.action,
        "facts": {name: value_as_json(value) for name, value in asked.facts.items() if value is not None},
        "amount": amount.amount if amount else None, "currency": amount.currency if amount else "",
        "decided_at": past.decided_at, "at_stake": past.at_stake,
    }  # fmt: skip
    row, created = PastCase.objects.get_or_create(
        partner=partner, external_id=past.external_id, defaults={**said, "imported_at": now}
    )
    if not created and any(getattr(row, name) != value for name, value in said.items()):
        raise Invalid({"external_id": ["Another past case was sent under this id; what was sent stays."]})
    return row, created
