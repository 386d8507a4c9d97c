"""Budgets and velocity: what the AI may still give, to a brand's customers together or to one of them.

Money and count are reserved by one conditional UPDATE (`spent + amount <= limit`), never read and written, and both
are database constraints. At a limit the case goes to a person; nobody is denied anything.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from apps.interactions.models import Budget, Customer, DecisionRecord, Effect, Order, Reservation
from apps.policies.compiled import InForce
from apps.policies.errors import Refused
from apps.policies.gate import CompiledPolicy
from apps.policies.limits import COUNTED, is_quiet
from apps.policies.models import Partner
from apps.policies.money import Money
from apps.policies.specs import LimitSpec

_NOTHING = Decimal("0.00")


def over(effect: Effect, rules: InForce | None) -> list[LimitSpec]:
    """The limits that an effect of the AI's is under by the rules in force now. Raises Refused when there are none any more."""
    ruling = effect.decision.ruling
    released = rules.ruling(ruling.subject) if rules else None
    if released is None:
        raise Refused("No boundary is in force for this brand any more: a person decides.")
    return counted(released.policy, ruling.case_type, effect.action)


def reserve(effect: Effect, limits: Sequence[LimitSpec], now: datetime) -> None:
    """Hold what the effect takes from every limit it is under, inside the caller's transaction.

    Raises Refused, naming the limit, when one does not hold it; the caller's transaction then gives back the others.
    """
    ruling = effect.decision.ruling
    amount = effect.amount or _NOTHING
    accounts = []
    for limit in limits:
        if not _fits_in_kind(limit, ruling.parties, effect.currency if effect.amount else ""):
            raise Refused(f"{limit.in_words()} For this case that cannot be said.")
        accounts.append((account(effect.partner, limit, _party(limit, ruling.parties), now), limit))
    for budget, limit in sorted(accounts, key=lambda pair: pair[0].pk):
        forget_what_is_over(budget, now)
        if not spend(budget.pk, amount, limit.amount.amount if limit.amount else None, limit.count):
            raise Refused(f"{limit.in_words()} That does not hold this any more.")
        until = now + timedelta(days=limit.days) if limit.days > 1 else None
        Reservation.objects.create(effect=effect, budget=budget, amount=amount, until=until)


def spend(budget_id: int, amount: Decimal, limit: Decimal | None, most: int | None = None) -> bool:
    """Spend from a budget if it is still there: one conditional UPDATE, safe against any number of others.

    `limit` and `most` are what the boundary allows now; they hold also when lowered below what is spent already.
    """
    there = Q(pk=budget_id)
    if limit is not None:
        there &= Q(spent__lte=limit - amount, limit__gte=F("spent") + amount)
    if most is not None:
        there &= Q(count__lt=most, most__gt=F("count"))
    return bool(Budget.objects.filter(there).update(spent=F("spent") + amount, count=F("count") + 1))


def account(partner: Partner, limit: LimitSpec, party: str, now: datetime) -> Budget:
    """The row of a limit; one that was lowered never drops below what is spent, so that its constraints hold."""
    scope = {
        "partner": partner,
        "action": scope_of(limit),
        "party": party,
        "day": local_day(partner, now) if limit.days == 1 else None,
        "currency": limit.amount.currency if limit.amount else "",
    }
    allowed = {"limit": limit.amount.amount if limit.amount else None, "most": limit.count}
    try:
        with transaction.atomic():
            budget, made = Budget.objects.get_or_create(**scope, defaults=allowed)
            if made:
                _carry_over(budget, limit, now)
    except IntegrityError:
        budget = Budget.objects.get(**scope)
    if (budget.limit, budget.most) != (allowed["limit"], allowed["most"]):
        same = Budget.objects.filter(pk=budget.pk)
        if limit.amount is not None:
            same = same.filter(spent__lte=limit.amount.amount)
        if limit.count is not None:
            same = same.filter(count__lte=limit.count)
        same.update(**allowed)
        budget = Budget.objects.get(pk=budget.pk)
    return budget


def _carry_over(budget: Budget, limit: LimitSpec, now: datetime) -> None:
    """A limit that is new, or is for other actions than before, counts what was given in its time already."""
    start = _midnight(budget.partner, now) if limit.days == 1 else now - timedelta(days=limit.days)
    given = Effect.objects.filter(
        partner=budget.partner, decision__how=DecisionRecord.How.ALONE, action=F("decision__action"), sent_at__gte=start,
        state__in=[Effect.State.IN_FLIGHT, Effect.State.DONE, Effect.State.UNKNOWN],
    ).select_related("decision__ruling")  # fmt: skip
    held = [
        Reservation(
            effect=effect, budget=budget, amount=_in_currency_of(limit, effect),
            until=(effect.sent_at or now) + timedelta(days=limit.days) if limit.days > 1 else None,
        )
        for effect in given
        if limit.looks_at(effect.decision.ruling.case_type, effect.action)
        and (limit.kind != "velocity" or effect.decision.ruling.parties.get(limit.per) == budget.party)
    ]  # fmt: skip
    if not held:
        return
    Reservation.objects.bulk_create(held)
    budget.spent, budget.count = sum((row.amount for row in held), _NOTHING), len(held)
    budget.limit = None if budget.limit is None else max(budget.limit, budget.spent)
    budget.most = None if budget.most is None else max(budget.most, budget.count)
    budget.save(update_fields=["spent", "count", "limit", "most"])


def _in_currency_of(limit: LimitSpec, effect: Effect) -> Decimal:
    """What an effect gave, as far as the limit counts it: money of another currency is no part of its sum."""
    if limit.amount is not None and effect.currency != limit.amount.currency:
        return _NOTHING
    return effect.amount or _NOTHING


def _midnight(partner: Partner, at: datetime) -> datetime:
    return datetime.combine(local_day(partner, at), time(0), partner.zone)


def forget_what_is_over(budget: Budget, now: datetime) -> None:
    """Take off a limit of several days what it counted longer ago, inside the caller's transaction."""
    if budget.day is not None:
        return
    Budget.objects.select_for_update(no_key=True).get(pk=budget.pk)
    over = Reservation.objects.filter(budget=budget, released_at=None, until__lte=now)
    sums = over.aggregate(amount=Coalesce(Sum("amount"), _NOTHING), count=Count("id"))
    if sums["count"]:
        over.update(released_at=now)
        Budget.objects.filter(pk=budget.pk).update(spent=F("spent") - sums["amount"], count=F("count") - sums["count"])


def give_back(reservation: Reservation) -> None:
    """What a refused effect held of a budget, inside the caller's transaction."""
    assert reservation.budget_id is not None
    Budget.objects.filter(pk=reservation.budget_id).update(spent=F("spent") - reservation.amount, count=F("count") - 1)


@dataclass(frozen=True, slots=True)
class Reached:
    """A limit that stops the AI: its code for the ruling, and why in words."""

    code: str
    why: str


def reached(
    policy: CompiledPolicy | None, partner: Partner, case_type: str, action: str, amount: Money | None,
    parties: Mapping[str, str], now: datetime,
) -> Reached | None:  # fmt: skip
    """The first limit that would not hold this. A look only: `reserve` decides."""
    for limit in policy.limits if policy else ():
        if limit.kind == "quiet" and limit.looks_at(case_type, action):
            local = now.astimezone(partner.zone)
            if is_quiet(limit, local.hour * 60 + local.minute):
                return Reached("quiet", "at this hour the AI leaves it to people")
    for limit in counted(policy, case_type, action):
        if not _fits_in_kind(limit, parties, amount.currency if amount else ""):
            return Reached(limit.kind, "whom or what a limit counts is not known here")
        if not _holds(partner, limit, _party(limit, parties), amount.amount if amount else _NOTHING, now):
            return Reached(limit.kind, _why(limit))
    return None


def _why(limit: LimitSpec) -> str:
    if limit.kind == "velocity":
        whom = {"customer": "customer", "address": "address", "payment": "means of payment"}[limit.per]
        return f"this {whom} has had as much as the AI may give in {limit.days} days"
    return "today's budget for this is used up" if limit.days == 1 else f"the budget of {limit.days} days is used up"


def _holds(partner: Partner, limit: LimitSpec, party: str, amount: Decimal, now: datetime) -> bool:
    found = Budget.objects.filter(
        partner=partner, action=scope_of(limit), party=party, currency=limit.amount.currency if limit.amount else "",
        day=local_day(partner, now) if limit.days == 1 else None,
    ).first()  # fmt: skip
    spent, count = (found.spent, found.count) if found else (_NOTHING, 0)
    if found is not None and found.day is None:
        over = Reservation.objects.filter(budget=found, released_at=None, until__lte=now)
        sums = over.aggregate(amount=Coalesce(Sum("amount"), _NOTHING), count=Count("id"))
        spent, count = spent - sums["amount"], count - sums["count"]
    if limit.amount is not None and spent + amount > limit.amount.amount:
        return False
    return limit.count is None or count < limit.count


def _fits_in_kind(limit: LimitSpec, parties: Mapping[str, str], currency: str) -> bool:
    """Money of another currency, and somebody unknown, cannot be counted."""
    if limit.amount is not None and currency and currency != limit.amount.currency:
        return False
    return limit.kind != "velocity" or bool(parties.get(limit.per))


def _party(limit: LimitSpec, parties: Mapping[str, str]) -> str:
    return parties[limit.per] if limit.kind == "velocity" else ""


def counted(policy: CompiledPolicy | None, case_type: str, action: str) -> list[LimitSpec]:
    """The budgets and velocity limits over this, in one order; of several that share a row the strictest."""
    by_scope: dict[tuple[str, str, str], LimitSpec] = {}
    for limit in policy.limits if policy else ():
        if limit.kind in COUNTED and limit.looks_at(case_type, action):
            scope = (scope_of(limit), limit.per, limit.amount.currency if limit.amount else "")
            by_scope[scope] = _stricter(by_scope[scope], limit) if scope in by_scope else limit
    return [by_scope[scope] for scope in sorted(by_scope)]


def _stricter(one: LimitSpec, other: LimitSpec) -> LimitSpec:
    amounts = [limit.amount for limit in (one, other) if limit.amount]
    counts = [limit.count for limit in (one, other) if limit.count is not None]
    return replace(
        one, amount=min(amounts, key=lambda money: money.amount, default=None), count=min(counts, default=None)
    )


def scope_of(limit: LimitSpec) -> str:
    """What a limit is for, in at most 60 characters: its actions, types when not all, days, and for whom."""
    scope = ",".join(sorted(limit.actions)) or "all"
    if limit.case_types:
        scope += f" ({','.join(sorted(limit.case_types))})"
    if limit.days > 1:
        scope += f" {limit.days} days"
    if limit.kind == "velocity":
        scope += f" per {limit.per}"
    return scope if len(scope) <= 60 else f"{scope[:43]}…{hashlib.sha256(scope.encode()).hexdigest()[:16]}"


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


def with_reserved(rows: QuerySet[Budget]) -> QuerySet[Budget]:
    """The rows with `reserved`: what of each is held for effects that have not ended yet; None for nothing."""
    under_way = [Effect.State.PENDING, Effect.State.IN_FLIGHT, Effect.State.UNKNOWN]
    held = Reservation.objects.filter(budget=OuterRef("pk"), released_at=None, effect__state__in=under_way)
    sums = held.order_by().values("budget").annotate(amount=Sum("amount")).values("amount")
    return rows.annotate(reserved=Subquery(sums))
