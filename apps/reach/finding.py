"""Finding a case: by the number of its order, by the customer, or by its own reference. Every look-up has an index."""

import uuid
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Q

from apps.interactions import claiming
from apps.interactions.models import Customer, Interaction, Order
from apps.policies.models import partners_of

MOST = 12
SHORTEST = 2


@dataclass(frozen=True, slots=True)
class Found:
    """A case that matches, and its escalation when it waits for people."""

    case: Interaction
    escalation_id: int | None


def find(user: User, text: str) -> list[Found]:
    """Cases of a person's brands, those that wait first, then the newest. What is too short finds nothing."""
    words = text.strip()
    if len(words) < SHORTEST:
        return []
    brands = partners_of(user)
    customers = Customer.objects.filter(partner__in=brands).filter(
        Q(name__istartswith=words) | Q(email__iexact=words) | Q(external_id=words)
    )
    orders = Order.objects.filter(partner__in=brands, number__in={words, words.upper(), words.lstrip("#")})
    wanted = (
        Q(customer__in=list(customers.values_list("pk", flat=True)[:200]))
        | Q(order__in=list(orders.values_list("pk", flat=True)[:200]))
        | Q(external_id=words)
    )
    if _is_reference(words):
        wanted |= Q(reference=words)
    cases = list(
        Interaction.objects.filter(wanted, partner__in=brands)
        .exclude(state=Interaction.State.MERGED)
        .select_related("customer", "order", "partner")
        .order_by("-received_at")[: 4 * MOST]
    )
    waiting = dict(
        claiming.covered_by_remit(user)
        .waiting()
        .filter(interaction__in=[case.pk for case in cases])
        .values_list("interaction_id", "pk")
    )
    found = [Found(case, waiting.get(case.pk)) for case in cases]
    return sorted(found, key=lambda one: one.escalation_id is None)[:MOST]


def _is_reference(words: str) -> bool:
    try:
        uuid.UUID(words)
    except ValueError:
        return False
    return True
