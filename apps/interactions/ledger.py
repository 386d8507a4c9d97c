"""The ledger: money is reserved before anything leaves, so that races cannot spend it twice.

Refunds are reserved per order line under a lock on the order row; what the AI decided also spends from `budgets`.
"""

from collections.abc import Sequence
from datetime import datetime

import pgbulk
from django.db import transaction
from django.db.models import F

from apps.interactions import budgets
from apps.interactions.models import Budget, Effect, Order, OrderLine, Reservation
from apps.policies.compiled import InForce
from apps.policies.errors import Refused
from apps.policies.words import REFUND_ACTIONS


def reserve(effect: Effect, order: Order | None, rules: InForce | None, *, alone: bool, now: datetime) -> None:
    """Hold all that the effect needs, or nothing. Raises Refused when it is not there.

    `alone` says that the AI decided: then budgets and velocity of the `rules` in force apply too.
    """
    refunds = effect.amount is not None and effect.action in REFUND_ACTIONS
    limits = budgets.over(effect, rules) if alone and effect.action == effect.decision.action else []
    if not refunds and not limits:
        return
    with transaction.atomic():
        if refunds:
            if order is None:
                raise Refused("There is no order to refund.")
            _reserve_lines(effect, order)
        budgets.reserve(effect, limits, now)


def _reserve_lines(effect: Effect, order: Order) -> None:
    assert effect.amount is not None
    locked = Order.objects.select_for_update(no_key=True).get(pk=order.pk)
    if effect.currency != locked.currency:
        raise Refused(f"The order was paid in {locked.currency}, so {effect.currency} cannot be refunded on it.")
    left = locked.refundable.amount
    if effect.amount > left:
        raise Refused(f"Only {left:,.2f} {locked.currency} of order {locked.number} is still refundable.")
    lines = list(OrderLine.objects.filter(order=locked, **({"sku__in": effect.lines} if effect.lines else {})))
    remaining = effect.amount
    held = []
    for line in lines:
        share = min(line.paid - line.reserved, remaining)
        if share > 0:
            line.reserved += share
            remaining -= share
            held.append(Reservation(effect=effect, line=line, amount=share))
    if remaining > 0:
        raise Refused(f"The lines of order {locked.number} hold {remaining:,.2f} {locked.currency} less than that.")
    pgbulk.update(OrderLine, lines, ["reserved"])
    Order.objects.filter(pk=locked.pk).update(refunds_reserved=F("refunds_reserved") + effect.amount)
    Reservation.objects.bulk_create(held)


def release(effects: Sequence[Effect], now: datetime) -> None:
    """Give back what refused effects held, inside the caller's transaction."""
    held = Reservation.objects.filter(effect__in=effects, released_at__isnull=True)
    ids = held.values_list("line__order_id", "budget_id")
    # Orders, then budgets, then what is reserved, as in `reserve`, so that giving back and reserving never wait for
    # each other.
    list(Order.objects.select_for_update(no_key=True).filter(pk__in={o for o, _ in ids if o}).order_by("pk"))
    list(Budget.objects.select_for_update(no_key=True).filter(pk__in={b for _, b in ids if b}).order_by("pk"))
    rows = list(held.select_for_update(no_key=True, of=("self",)).select_related("line").order_by("pk"))
    for reservation in rows:
        if reservation.line is not None:
            OrderLine.objects.filter(pk=reservation.line.pk).update(reserved=F("reserved") - reservation.amount)
            Order.objects.filter(pk=reservation.line.order_id).update(
                refunds_reserved=F("refunds_reserved") - reservation.amount
            )
        elif reservation.budget_id is not None:
            budgets.give_back(reservation)
    Reservation.objects.filter(pk__in=[row.pk for row in rows]).update(released_at=now)
