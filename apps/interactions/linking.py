"""Linked cases: what else there is of the same customer, for a brief. One query for a batch."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db.models import OuterRef, Subquery

from apps.interactions.models import Interaction, Message

LOOKING_BACK = timedelta(days=90)
MOST = 5
SAID = 160  # characters of what the customer wrote last


def linked_cases(rows: Sequence[Interaction]) -> dict[int, list[dict[str, Any]]]:
    """By case: the customer's other cases of the last 90 days, those on the same matter first, five at most."""
    customers = {row.customer_id for row in rows if row.customer_id}
    oldest = min((row.received_at for row in rows), default=None)
    others: defaultdict[int | None, list[Interaction]] = defaultdict(list)
    if customers and oldest is not None:
        found = Interaction.objects.filter(customer_id__in=customers, received_at__gte=oldest - LOOKING_BACK)
        last = Message.objects.filter(interaction=OuterRef("pk"), author="customer").order_by("-sent_at", "-pk")
        found = found.annotate(said=Subquery(last.values("text")[:1]))
        for other in found.exclude(state=Interaction.State.MERGED).order_by("-received_at", "-pk"):
            others[other.customer_id].append(other)
    return {row.pk: _of(row, others[row.customer_id]) for row in rows}


def _of(row: Interaction, others: Sequence[Interaction]) -> list[dict[str, Any]]:
    since = row.received_at - LOOKING_BACK
    linked = [
        (_because(row, other), other)
        for other in others
        if other.pk != row.pk and since <= other.received_at and other.partner_id == row.partner_id
    ]
    linked.sort(key=lambda pair: pair[0] == "same customer")  # the newest first, those on the matter before the rest
    return [
        {
            "reference": str(other.reference),
            "external_id": other.external_id,
            "channel": other.channel,
            "case_type": other.case_type,
            "state": other.state,
            "received_at": other.received_at.isoformat(),
            "because": because,
            "said": (other.said or "")[:SAID],  # type: ignore[attr-defined]
        }
        for because, other in linked[:MOST]
    ]


def _because(row: Interaction, other: Interaction) -> str:
    if row.linked_to_id is not None and row.linked_to_id in (other.pk, other.linked_to_id):
        return "goes before"
    if other.linked_to_id == row.pk:
        return "follows"
    return "same order" if row.order_id is not None and row.order_id == other.order_id else "same customer"
