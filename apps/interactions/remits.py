"""What a person may decide: never on their own order, alone up to their amounts, above them with a second person."""

import zoneinfo
from datetime import datetime, time
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Sum

from apps.interactions.models import DecisionRecord, Interaction
from apps.policies.errors import Refused
from apps.policies.models import Remit, remit_of

_D = DecisionRecord.State


def refuse_own_order(user: User, interaction: Interaction) -> None:
    """Neither as the one who wrote nor as the one who ordered. Raises Refused."""
    concerned = [interaction.customer, interaction.order.customer if interaction.order else None]
    if user.email and any(c is not None and c.email.lower() == user.email.lower() for c in concerned):
        raise Refused("This is your own order. Somebody else has to decide it.")


def needs_second(user: User, decided: dict[str, Any], now: datetime) -> str:
    """Why a second person must agree, in words; empty when it is inside this person's remit."""
    amount: Decimal | None = decided.get("amount")
    if amount is None:
        return ""
    remit = Remit.objects.select_for_update(no_key=True).filter(user=user).first() or remit_of(user)
    if decided["currency"] != remit.currency:
        return f"your remit is in {remit.currency}"
    if amount > remit.amount_per_decision:
        return f"your remit is {remit.amount_per_decision:,.2f} {remit.currency} a decision"
    if spent_today(remit, now) + amount > remit.amount_per_day:
        return f"your remit is {remit.amount_per_day:,.2f} {remit.currency} a day"
    return ""


def refuse_beyond_remit(user: User, decision: DecisionRecord) -> None:
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
        decided_by_id=remit.user_id,
        second_by__isnull=True,
        decided_at__gte=midnight,
        currency=remit.currency,
        partner__sandbox_of__isnull=True,
    ).exclude(state__in=[_D.PROPOSED, _D.REJECTED, _D.WITHDRAWN, _D.VOIDED])
    return rows.aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
