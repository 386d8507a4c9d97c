"""The ledger: money is reserved before anything leaves, so that races cannot spend it twice.

Refunds are reserved per order line under a lock on the order row. A budget is reserved by one conditional
UPDATE (`spent + amount <= limit`), never read and written. Both are also database constraints.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import F

from apps.interactions.gathering import Case
from apps.interactions.models import Budget, Customer, Effect, Order, OrderLine, Reservation
from apps.interactions.playbooks.base import Option
from apps.policies.compiled import policies_in_force
from apps.policies.errors import Refused
from apps.policies.gate import CompiledPolicy
from apps.policies.models import Partner
from apps.policies.specs import LimitSpec
from apps.policies.words import REFUND_ACTIONS


def reserve(effect: Effect, order: Order | None, *, alone: bool, now: datetime) -> None:
    """Hold what the effect needs, inside the caller's transaction. Raises Refused when it is not there.

    `alone` says that the AI decided: then the partner's daily budgets apply too.
    """
    if effect.amount is None:
        return
    if effect.action in REFUND_ACTIONS:
        if order is None:
            raise Refused("There is no order to refund.")
        _reserve_lines(effect, order)
    if alone:
        _reserve_budgets(effect, now)


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
    OrderLine.objects.bulk_update(lines, ["reserved"])
    Order.objects.filter(pk=locked.pk).update(refunds_reserved=F("refunds_reserved") + effect.amount)
    Reservation.objects.bulk_create(held)


def _reserve_budgets(effect: Effect, now: datetime) -> None:
    assert effect.amount is not None
    case_type = effect.decision.ruling.case_type
    in_force = policies_in_force([effect.partner]).get(effect.partner_id)
    released = in_force.ruling(effect.decision.ruling.subject) if in_force else None
    for limit in _budgets(released.policy if released else None, case_type, effect.action):
        budget = budget_row(effect.partner, limit, local_day(effect.partner, now))
        assert limit.amount is not None
        if limit.amount.currency != effect.currency or not spend(budget.pk, effect.amount, limit.amount.amount):
            raise Refused(f"Today's budget of {limit.amount} does not hold this any more.")
        Reservation.objects.create(effect=effect, budget=budget, amount=effect.amount)


def spend(budget_id: int, amount: Decimal, limit: Decimal) -> bool:
    """Spend from a budget if it is still there: one conditional UPDATE, safe against any number of others.

    `limit` is what the boundary allows now; it holds also when it was lowered below what is spent already.
    """
    return bool(
        Budget.objects.filter(pk=budget_id, spent__lte=limit - amount, limit__gte=F("spent") + amount).update(
            spent=F("spent") + amount
        )
    )


def budget_row(partner: Partner, limit: LimitSpec, day: date) -> Budget:
    """Today's row for a limit; a limit that was lowered during the day never drops below what is spent."""
    assert limit.amount is not None
    scope = {
        "partner": partner,
        "action": scope_of(limit),
        "day": day,
        "currency": limit.amount.currency,
    }
    try:
        with transaction.atomic():
            budget, _ = Budget.objects.get_or_create(**scope, defaults={"limit": limit.amount.amount})
    except IntegrityError:
        budget = Budget.objects.get(**scope)
    if budget.limit != limit.amount.amount:
        Budget.objects.filter(pk=budget.pk, spent__lte=limit.amount.amount).update(limit=limit.amount.amount)
        budget = Budget.objects.get(pk=budget.pk)
    return budget


def scope_of(limit: LimitSpec) -> str:
    """What a limit is for, in at most 60 characters: its actions, and its types when it is not for all."""
    scope = ",".join(sorted(limit.actions)) or "all"
    if limit.case_types:
        scope += f" ({','.join(sorted(limit.case_types))})"
    return scope if len(scope) <= 60 else f"{scope[:43]}…{hashlib.sha256(scope.encode()).hexdigest()[:16]}"


def budget_left(case: Case, option: Option, policy: CompiledPolicy) -> bool:
    """Would the option still fit today's budgets? A look only: `reserve` decides."""
    assert option.amount is not None
    for limit in _budgets(policy, case.case_type.value, option.action.value):
        assert limit.amount is not None
        if limit.amount.currency != option.amount.currency:
            return False
        budget = budget_row(case.partner, limit, local_day(case.partner, case.at))
        if budget.spent + option.amount.amount > limit.amount.amount:
            return False
    return True


def _budgets(policy: CompiledPolicy | None, case_type: str, action: str) -> Sequence[LimitSpec]:
    limits = policy.limits if policy else ()
    return [limit for limit in limits if limit.kind == "budget" and limit.looks_at(case_type, action)]


def release(effects: Sequence[Effect], now: datetime) -> None:
    """Give back what refused effects held, inside the caller's transaction."""
    held = Reservation.objects.select_for_update(no_key=True, of=("self",)).filter(
        effect__in=effects, released_at__isnull=True
    )
    rows = list(held.select_related("line").order_by("pk"))
    orders = {row.line.order_id for row in rows if row.line is not None}
    # Orders before their lines, as in `reserve`, so that giving back and reserving cannot wait for each other.
    list(Order.objects.select_for_update(no_key=True).filter(pk__in=orders).order_by("pk"))
    for reservation in rows:
        if reservation.line is not None:
            OrderLine.objects.filter(pk=reservation.line.pk).update(reserved=F("reserved") - reservation.amount)
            Order.objects.filter(pk=reservation.line.order_id).update(
                refunds_reserved=F("refunds_reserved") - reservation.amount
            )
        elif reservation.budget_id is not None:
            Budget.objects.filter(pk=reservation.budget_id).update(spent=F("spent") - reservation.amount)
    held.update(released_at=now)


def local_day(partner: Partner, at: datetime) -> date:
    return at.astimezone(partner.zone).date()


def parties_of(customer: Customer | None, order: Order | None) -> dict[str, str]:
    """Opaque keys of the customer, the address and the payment token of a case, for limits on each of them."""
    found = {}
    if customer is not None:
        found["customer"] = str(customer.pk)
    if order is not None:
        token = next((p.reference for p in order.payments.all() if p.kind == "payment" and p.reference), "")
        texts = {"address": _address(order.destination), "payment": token}
        found |= {name: _digest(order.partner_id, text) for name, text in texts.items() if text}
    return found


def _address(destination: Mapping[str, object]) -> str:
    """One spelling of an address; without a street it is a neighbourhood, and nobody's own."""
    if not any(destination.get(part) for part in ("street", "line1", "address1")):
        return ""
    return " ".join(str(destination[part]).strip().lower() for part in sorted(destination) if destination[part])


def _digest(partner_id: int, text: str) -> str:
    return hashlib.sha256(f"{partner_id}:{text}".encode()).hexdigest()[:20]
