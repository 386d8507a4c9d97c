"""Writing the mirror: customers, orders and their events as the partner's system reports them.

Every write carries `as_of`; an older write never replaces a newer one. Amounts are checked by the
serializers before they come here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Generic, TypeVar

from django.db import transaction

from apps.interactions import intake, sent_along
from apps.interactions.models import Article, Customer, Effect, Order, OrderEvent, OrderLine, Payment, Product
from apps.policies.errors import Invalid
from apps.policies.models import Partner

Row = TypeVar("Row", Customer, Order, Product, Article)

# A clock that runs ahead is forgiven by this much; anything later is a mistake.
FUTURE_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Stored(Generic[Row]):
    """A row of the mirror as it is now, and whether this write made or changed it."""

    row: Row
    created: bool
    changed: bool


def put_customer(
    partner: Partner, external_id: str, data: Mapping[str, Any], *, as_of: datetime, again: bool = False
) -> "Stored[Customer]":
    """Create or replace a customer; an older `as_of` than the stored one changes nothing, nor does the same one where it may be
    the same `again`."""
    with transaction.atomic():
        found = Customer.objects.select_for_update(no_key=True).filter(partner=partner, external_id=external_id).first()
        if found is not None and (found.as_of > as_of or (again and found.as_of == as_of)):
            return Stored(found, created=False, changed=False)
        customer = found or Customer(partner=partner, external_id=external_id)
        for name in ("name", "email", "tier", "country", "postcode", "since"):
            setattr(customer, name, data.get(name) or ("" if name != "since" else None))
        customer.as_of = as_of
        customer.save()
        if found is None:
            sent_along.now_known(customer)
    return Stored(customer, created=found is None, changed=True)


def put_order(
    partner: Partner, number: str, data: Mapping[str, Any], *, as_of: datetime, again: bool = False
) -> "Stored[Order]":
    """Create or replace an order with its lines, payments and events.

    Raises Invalid when the customer is not known to this partner.
    """
    with transaction.atomic():
        customer = Customer.objects.filter(partner=partner, external_id=data["customer"]).first()
        if customer is None:
            raise Invalid({"customer": [_no_customer(data["customer"])]})
        found = Order.objects.select_for_update(no_key=True).filter(partner=partner, number=number).first()
        if found is not None and (found.as_of > as_of or (again and found.as_of == as_of)):
            return Stored(found, created=False, changed=False)
        order = found or Order(partner=partner, number=number)
        order.customer, order.as_of = customer, as_of
        for name in ("status", "currency", "total", "placed_at", "promised_at", "delivered_at"):
            setattr(order, name, data.get(name))
        order.destination = data.get("destination") or {}
        order.tracking_number = data.get("tracking_number") or ""
        _take_payments(order, data.get("payments", []))
        order.save()
        _replace_lines(order, data.get("lines", []))
        order.payments.all().delete()
        Payment.objects.bulk_create([Payment(order=order, **payment) for payment in data.get("payments", [])])
        _add_events(order, data.get("events", []))
        order.save()  # a scan may have told more than the order did
        if found is None:
            sent_along.now_known(order)
    return Stored(order, created=found is None, changed=True)


def _no_customer(external_id: str) -> str:
    return f"There is no customer “{external_id}”. Send it first: PUT /customers/{external_id}/."


def _take_payments(order: Order, payments: Sequence[Mapping[str, Any]]) -> None:
    """What was paid and refunded. Refunds that name one of our keys are ours, and are reserved already."""
    order.paid = sum((p["amount"] for p in payments if p["kind"] == "payment"), Decimal(0))
    refunds = [p for p in payments if p["kind"] == "refund"]
    ours = _our_references(order, [p.get("reference", "") for p in refunds])
    reported = sum((p["amount"] for p in refunds if p.get("reference", "") not in ours), Decimal(0))
    order.refunds_reported = reported + _taken_back(payments)
    order.over_refunded = order.refunds_reported + order.refunds_reserved > order.paid


def _taken_back(payments: Sequence[Mapping[str, Any]]) -> Decimal:
    """Money that banks took back by chargebacks and did not return: it cannot be refunded once more."""
    taken, returned = (
        sum((p["amount"] for p in payments if p["kind"] == kind), Decimal(0))
        for kind in ("chargeback", "chargeback_won")
    )
    return max(taken - returned, Decimal(0))


def _our_references(order: Order, references: Sequence[str]) -> set[str]:
    """Those of the references that name an effect of ours: by what the shop called it, or by our key."""
    named = [reference for reference in references if reference]
    if not named or order.pk is None:
        return set()
    rows = Effect.objects.filter(decision__interaction__order=order).exclude(state=Effect.State.REFUSED)
    ours = rows.values_list("connector_reference", "key")
    known = {text for reference, key in ours for text in (reference, str(key)) if text}
    return known & set(named)


def _replace_lines(order: Order, lines: Sequence[Mapping[str, Any]]) -> None:
    """Lines by SKU. A line that Remit has refunds on stays, whatever the partner sends."""
    stored = {line.sku: line for line in order.lines.all()}
    fresh: list[OrderLine] = []
    for data in lines:
        line = stored.pop(data["sku"], None) or OrderLine(order=order, sku=data["sku"])
        line.name, line.options = data["name"], data.get("options") or {}
        line.quantity, line.unit_price = data["quantity"], data["unit_price"]
        line.final_sale = data.get("final_sale", False)
        line.paid = max(line.unit_price * line.quantity, line.reserved)
        if line.pk is None:
            fresh.append(line)
        else:
            line.save()
    OrderLine.objects.bulk_create(fresh)
    order.lines.filter(pk__in=[line.pk for line in stored.values() if not line.reserved]).delete()


def add_events(partner: Partner, number: str, data: Sequence[Mapping[str, Any]]) -> Order:
    """Add courier scans or other events; one that is known already changes nothing. Raises Invalid."""
    with transaction.atomic():
        order = Order.objects.select_for_update(no_key=True).filter(partner=partner, number=number).first()
        if order is None:
            raise Invalid({"number": [f"There is no order “{number}”. Send it first: PUT /orders/{number}/."]})
        _add_events(order, data)
        order.save()
    return order


def _add_events(order: Order, data: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        OrderEvent(order=order, at=event["at"], kind=event["kind"], location=event.get("location") or "",
                   proof=event.get("proof") or "")
        for event in data
    ]  # fmt: skip
    OrderEvent.objects.bulk_create(rows, ignore_conflicts=True)
    for event in data:
        if event["kind"] == "delivered" and order.delivered_at is None:
            order.delivered_at, order.status = event["at"], "delivered"
        elif event["kind"] == "return_received" and order.return_received_at is None:
            order.return_received_at = event["at"]
            order.save(update_fields=["return_received_at"])
            intake.resume_after_return(order)
