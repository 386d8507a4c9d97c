"""Facts of an order: what the shop, the courier and Remit know of it at the moment the customer wrote."""

import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from apps.interactions.case import Case
from apps.interactions.counting import Counts
from apps.interactions.models import Order, OrderEvent
from apps.policies.facts import Fact, Value
from apps.policies.money import Money

_DISPATCHED = frozenset({"shipped", "delivered"})


def of_order(case: Case, order: Order, counts: Counts) -> list[Fact]:
    at, events = case.at, list(order.events.all())
    delivered = order.delivered_at if order.delivered_at and order.delivered_at <= at else None
    since_delivery = (at - delivered).days if delivered else None
    window = _window(case, order)
    past_window = since_delivery - window if since_delivery is not None and window is not None else None

    row = case.interaction
    counts_itself = not (row.customer_id is None and row.sender_verified is False)  # as `counting.NOBODYS` has it

    def shop(name: str, value: Value | None) -> Fact:
        return Fact(name, value, "shop", order.as_of)

    def scans(name: str, value: Value | None) -> Fact:
        return Fact(name, value, "courier", events[-1].at if events else order.as_of)

    return [
        shop("order.status", order.status),
        shop("order.dispatched", order.status in _DISPATCHED),
        shop("order.total", Money(order.total, order.currency)),
        shop("order.refundable", order.refundable),
        shop("order.final_sale", _not_returnable(case, order)),
        shop("order.items_refundable", _items_refundable(order)),
        shop("order.duplicate_payments", _duplicates(order)),
        shop("order.failed_payments", sum(payment.kind == "failed" for payment in order.payments.all())),
        shop("order.chargeback_open", _chargeback_open(order)),
        Fact("order.return_received", order.return_received_at is not None, "shop", order.as_of),
        Fact("order.label_sent", order.pk in counts.labels, "Remit", at),
        Fact("order.open_cases", max(0, counts.open_by_order[order.pk] - counts_itself), "Remit", at),
        scans("order.days_since_delivery", since_delivery),
        scans("order.days_past_window", past_window),
        scans("order.days_late", _days_late(order, delivered, at)),
        scans("order.proof_of_delivery", _proof(events, at)),
        scans("order.delivery_attempts", _attempts(events, at)),
        scans("order.address_matches", _address_matches(order, events, at)),
        scans("order.hours_without_scan", _hours_without_scan(order, events, at)),
    ]


def _not_returnable(case: Case, order: Order) -> bool:
    words = [word.lower() for word in (case.terms.non_returnable if case.terms else [])]
    return any(line.final_sale or any(word in line.name.lower() for word in words) for line in order.lines.all())


def _window(case: Case, order: Order) -> int | None:
    """Days in which all of the order comes back: the shortest window of its lines, by category and tier."""
    if case.terms is None:
        return None
    tier = case.customer.tier if case.customer else ""
    known = {sku: product.category for sku, product in case.products.items()}
    categories = {known.get(line.sku, "") for line in order.lines.all()} or {""}
    return min(case.terms.window_for(category, tier) for category in categories)


def _items_refundable(order: Order) -> int:
    """Pieces of lines on which nothing was refunded by us, as far as money is left on the order at all."""
    if order.refundable.amount <= 0:
        return 0
    return sum(line.quantity for line in order.lines.all() if line.reserved == 0)


def _chargeback_open(order: Order) -> bool:
    kinds = Counter(payment.kind for payment in order.payments.all())
    return kinds["chargeback"] > kinds["chargeback_won"] + kinds["chargeback_lost"]


def _attempts(events: Sequence[OrderEvent], at: datetime) -> int | None:
    """None without any scan: then nobody knows."""
    scanned = [event for event in events if event.at <= at]
    return sum(event.kind == "attempted" for event in scanned) if scanned else None


def _address_matches(order: Order, events: Sequence[OrderEvent], at: datetime) -> bool | None:
    """Whether the place of the delivery scan is that of the order's address, by postcode or city; None if it cannot be
    said."""
    places = [event.location for event in events if event.kind == "delivered" and event.at <= at and event.location]
    wanted = [str(order.destination.get(part) or "").strip().lower() for part in ("postcode", "city")]
    if not places or not any(wanted):
        return None
    return any(part in places[-1].lower() for part in wanted if part)


def _duplicates(order: Order) -> int:
    paid = Counter((p.method, p.amount) for p in order.payments.all() if p.kind == "payment" and p.amount > Decimal(0))
    return sum(number - 1 for number in paid.values())


def _days_late(order: Order, delivered: datetime | None, at: datetime) -> int | None:
    if order.promised_at is None or order.status == "cancelled":
        return None
    late = (delivered or at) - order.promised_at
    return math.ceil(late / timedelta(days=1))  # an hour late is a day late; on the promised day is 0


def _proof(events: Sequence[OrderEvent], at: datetime) -> str | None:
    proofs = [event.proof or "none" for event in events if event.kind == "delivered" and event.at <= at]
    return proofs[-1] if proofs else None


def _hours_without_scan(order: Order, events: Sequence[OrderEvent], at: datetime) -> int | None:
    if order.status != "shipped":
        return None
    scanned = [event.at for event in events if event.at <= at]
    return int((at - scanned[-1]).total_seconds() // 3600) if scanned else None
