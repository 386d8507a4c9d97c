"""Which order a message is about: matched, never guessed."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from apps.interactions.models import Customer, Order
from apps.policies.errors import Invalid
from apps.policies.models import Partner

RECENT = timedelta(days=90)
MOST_NUMBERS, LONGEST_NUMBER = 20, 60
_NAMED = "SELECT id, partner_id, number, customer_id FROM interactions_order WHERE partner_id = %s AND number = ANY(%s)"
_NUMBER_LIKE = re.compile(r"[A-Za-z]{0,4}-?\d{4,}")


@dataclass(slots=True)
class Match:
    """The one order, or the numbers of those it may be."""

    order: Order | None = None
    candidates: list[str] = field(default_factory=list)


def match(
    partner: Partner, customer: Customer | None, texts: Sequence[str], *, number: str | None, at: datetime,
    may_be_new: bool = False,
) -> Match:  # fmt: skip
    """The order that the partner names or the text does; else the customer's only recent one.

    Raises Invalid when the partner names an order it has not, unless it `may_be_new`: then no other is meant.
    """

    def recent() -> list[Order]:
        placed = (
            customer.orders.filter(placed_at__gte=at - RECENT, placed_at__lte=at) if customer else Order.objects.none()
        )
        return list(placed.order_by("-placed_at"))

    named = named_in(partner, texts, number)
    if may_be_new and number not in {order.number for order in named}:
        return Match()
    return match_among(named, number, recent)


def match_among(named: Sequence[Order], number: str | None, recent: Callable[[], Sequence[Order]]) -> Match:
    """The same of orders that were read already: those named, and the customer's recent ones, the newest first."""
    if number and number not in {order.number for order in named}:
        raise Invalid({"order": [f"There is no order “{number}”. Send it first: PUT /orders/…/."]})
    if len(named) == 1:
        return Match(order=named[0])
    if len(named) > 1:
        return Match(candidates=sorted(order.number for order in named))
    found = recent()
    return Match(order=found[0]) if len(found) == 1 else Match(candidates=[order.number for order in found])


def numbers_in(texts: Sequence[str], number: str | None = None) -> set[str]:
    """What may be numbers of orders: the first `MOST_NUMBERS` that are written."""
    written = dict.fromkeys(
        word for text in texts for word in _NUMBER_LIKE.findall(text) if len(word) <= LONGEST_NUMBER
    )
    return {*list(written)[:MOST_NUMBERS], *({number} if number else ())}


def named_in(partner: Partner, texts: Sequence[str], number: str | None = None) -> list[Order]:
    """The partner's orders whose number is given or stands in a text."""
    numbers = numbers_in(texts, number)
    return list(Order.objects.raw(_NAMED, [partner.pk, list(numbers)])) if numbers else []
