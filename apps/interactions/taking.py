"""Taking many interactions at once: those that stand alone in bulk, the others one by one, as `intake` does.

An interaction stands alone when its id is new and its customer has written nothing else lately, in the batch or before: then
it can be merged into nothing. All customers are locked at once, in one order, so that two batches never wait for each other.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import DataError, IntegrityError, transaction
from django.db.models import Q

from apps.interactions import intake, matching, same_matter, sent_along
from apps.interactions.intake import Accepted, Arrival
from apps.interactions.models import Customer, Interaction, Message, Order
from apps.interactions.waking import wake_workers
from apps.policies import audit
from apps.policies.errors import Invalid
from apps.policies.models import AuditEntry, Partner


def accept_many(
    partner: Partner, arrivals: Sequence[Arrival], *, actor: audit.Actor, now: datetime
) -> list[Accepted | Invalid]:
    """What came of each, in their order: one bad one spoils no other."""
    found: dict[int, Accepted | Invalid] = {}
    with transaction.atomic():
        sent_along.hold(partner, [arrival.sent_along for arrival in arrivals])
        around = _around(partner, arrivals)
        alone = _alone(partner, arrivals, around, now)
        try:
            with transaction.atomic():
                found |= _insert(alone, arrivals, actor)
        except (IntegrityError, DataError):
            pass  # one of them was sent at this very moment, or cannot be held: one by one it is seen which
        for place, arrival in enumerate(arrivals):
            if place not in found:
                found[place] = _one(partner, arrival, actor, now)
        wake_workers()
    return [found[place] for place in range(len(arrivals))]


@dataclass(frozen=True, slots=True)
class _Around:
    """What there is around the arrivals: their customers by id, locked; ids of cases that are known; customers with other
    cases; orders by number; each customer's recent ones, the newest first."""

    customers: dict[str, Customer]
    known: set[str]
    busy: set[int]
    orders: dict[str, Order]
    recent: dict[int, list[Order]]


def _around(partner: Partner, arrivals: Sequence[Arrival]) -> _Around:
    names = {arrival.customer for arrival in arrivals if arrival.customer}
    rows = Customer.objects.select_for_update(no_key=True).filter(partner=partner, external_id__in=names).order_by("pk")
    customers = {row.external_id: row for row in rows}
    earliest = min((arrival.received_at for arrival in arrivals), default=None)
    cases = Interaction.objects.of(partner)
    lately = Q(state__in=Interaction.OPEN_STATES)
    if earliest is not None:
        lately |= Q(received_at__gte=earliest - same_matter.THANKS_FOR)
    owners = [row.pk for row in customers.values()]
    numbers = {number for one in arrivals for number in matching.numbers_in(one.texts, one.order)}
    recent: defaultdict[int, list[Order]] = defaultdict(list)
    for order in Order.objects.filter(customer__in=owners).order_by("-placed_at"):
        recent[order.customer_id].append(order)
    return _Around(
        customers,
        set(cases.filter(external_id__in={one.external_id for one in arrivals}).values_list("external_id", flat=True)),
        set(cases.filter(lately, customer__in=owners).values_list("customer", flat=True)),
        {order.number: order for order in Order.objects.filter(partner=partner, number__in=numbers)},
        recent,
    )


def _alone(partner: Partner, arrivals: Sequence[Arrival], around: _Around, now: datetime) -> dict[int, Interaction]:
    found: dict[int, Interaction] = {}
    ids, owners = set(around.known), set(around.busy)
    for place, arrival in enumerate(arrivals):
        customer = around.customers.get(arrival.customer) if arrival.customer else None
        is_new = arrival.external_id not in ids
        ids.add(arrival.external_id)
        is_first = customer is not None and customer.pk not in owners
        if customer is not None:
            owners.add(customer.pk)
        if not is_new or arrival.sent_along or (arrival.customer and not is_first):
            continue
        try:
            match = _match(arrival, customer, around)
        except Invalid:
            continue  # said of it when it is taken alone
        found[place] = intake.new_case(partner, arrival, customer, match, now)
    return found


def _match(arrival: Arrival, customer: Customer | None, around: _Around) -> matching.Match:
    named = [
        around.orders[number]
        for number in sorted(matching.numbers_in(arrival.texts, arrival.order))
        if number in around.orders
    ]

    def recent() -> list[Order]:
        theirs = around.recent.get(customer.pk, []) if customer else []
        at = arrival.received_at
        return [order for order in theirs if at - matching.RECENT <= order.placed_at <= at]

    return matching.match_among(named, arrival.order, recent)


def _insert(
    alone: dict[int, Interaction], arrivals: Sequence[Arrival], actor: audit.Actor
) -> dict[int, Accepted | Invalid]:
    rows = list(alone.values())
    Interaction.objects.bulk_create(rows)
    pairs = [(row, arrivals[place]) for place, row in alone.items()]
    AuditEntry.objects.bulk_create([intake.received(row, arrival, actor) for row, arrival in pairs])
    Message.objects.bulk_create(
        [message for row, arrival in pairs for message in intake.messages_of(row, arrival.messages)]
    )
    return {place: Accepted(row, created=True) for place, row in alone.items()}


def _one(partner: Partner, arrival: Arrival, actor: audit.Actor, now: datetime) -> Accepted | Invalid:
    try:
        with transaction.atomic():
            return intake.accept(partner, arrival, actor=actor, now=now, wake=False)
    except Invalid as refused:
        return refused
    except DataError:
        return Invalid({"body": ["The database cannot hold it."]})
