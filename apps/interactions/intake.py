"""Intake: an interaction or a message comes in, once, and is put to the right case.

    accepted = accept(partner, arrival, actor=…, now=…)

The same external id again is the same interaction. Orders are matched here, never guessed: the number the
partner sent, else one that the text names, else the customer's only recent order. A message on the same order
as an open case of that customer is merged into it, whatever the channel; intake locks the customer row, so
two messages at once cannot open two cases.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from apps.interactions import hearing
from apps.interactions.models import Customer, Interaction, Message, Order
from apps.interactions.waking import wake_workers
from apps.policies import audit
from apps.policies.errors import Invalid
from apps.policies.models import Partner

RECENT = timedelta(days=90)
REOPENING = timedelta(days=7)
_NUMBER_LIKE = re.compile(r"[A-Za-z]{0,4}-?\d{4,}")


@dataclass(frozen=True, slots=True)
class Words:
    """One message: who wrote it, what and when."""

    author: str
    text: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Arrival:
    """An interaction as it comes in; `customer` and `order` are the partner's own references."""

    external_id: str
    channel: str
    messages: Sequence[Words]
    customer: str | None = None
    order: str | None = None
    subject: str = ""
    public: bool = False
    audience: int | None = None
    locale: str = ""
    sender_verified: bool | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    interaction: Interaction
    created: bool


@dataclass(slots=True)
class _Match:
    order: Order | None = None
    candidates: list[str] = field(default_factory=list)


def accept(
    partner: Partner, arrival: Arrival, *, actor: audit.Actor, received_at: datetime, now: datetime, wake: bool = True
) -> Accepted:
    """Take one interaction. Raises Invalid naming the field when the customer or order is not the partner's."""
    with transaction.atomic():
        customer = _customer(partner, arrival.customer)
        if customer is not None:
            Customer.objects.select_for_update(no_key=True).get(pk=customer.pk)
        known = Interaction.objects.of(partner).filter(external_id=arrival.external_id).first()
        if known is not None:
            return Accepted(known, created=False)
        match = _match_order(partner, customer, arrival, received_at)
        interaction, created = Interaction.objects.get_or_create(
            partner=partner,
            external_id=arrival.external_id,
            defaults={
                "channel": arrival.channel,
                "customer": customer,
                "order": match.order,
                "order_candidates": match.candidates,
                "subject": arrival.subject,
                "public": arrival.public,
                "audience": arrival.audience,
                "locale": arrival.locale,
                "sender_verified": arrival.sender_verified,
                "received_at": received_at,
                "due_at": now,
            },
        )
        if not created:
            return Accepted(interaction, created=False)
        audit.record(actor, interaction, "received", reason=f"{arrival.channel} {arrival.external_id}")
        _add_messages(interaction, arrival.messages)
        same_matter = _open_case_on_same_order(interaction)
        if same_matter is not None:
            hearing.merge(interaction, same_matter, actor=actor, now=now)
        if wake:
            wake_workers()
    return Accepted(interaction, created=True)


def add_message(interaction: Interaction, words: Words, *, actor: audit.Actor) -> Interaction:
    """Somebody wrote more on a case. Returns the case it went to: the one it was merged into, or, when the
    case is closed, a new linked one."""
    now = timezone.now()
    with transaction.atomic():
        case = Interaction.objects.select_for_update(no_key=True).get(pk=interaction.pk)
        while case.merged_into_id is not None:
            case = Interaction.objects.select_for_update(no_key=True).get(pk=case.merged_into_id)
        if case.state not in Interaction.OPEN_STATES:
            return _linked_case(case, words, actor=actor, now=now)
        _add_messages(case, [words])
        audit.record(actor, case, "message_added", reason=words.author)
        if words.author == "customer":
            hearing.hear(case, actor=actor, now=now)
            wake_workers()
    return case


def _linked_case(ended: Interaction, words: Words, *, actor: audit.Actor, now: datetime) -> Interaction:
    """A message after the end opens a linked case; within seven days it counts as a reopening."""
    again = ended.resolved_at is not None and now - ended.resolved_at <= REOPENING
    number = ended.linked.count() + 2
    case = Interaction.objects.create(
        partner=ended.partner,
        external_id=f"{ended.external_id}~{number}"[-100:],
        channel=ended.channel,
        customer=ended.customer,
        order=ended.order,
        order_candidates=ended.order_candidates,
        public=ended.public,
        audience=ended.audience,
        locale=ended.locale,
        sender_verified=ended.sender_verified,
        linked_to=ended,
        reopened=1 if again else 0,
        received_at=words.sent_at,
        due_at=now,
    )
    audit.record(actor, case, "received", reason=f"linked to {ended.external_id}")
    _add_messages(case, [words])
    wake_workers()
    return case


def resume_after_return(order: Order) -> None:
    """The return was scanned in: cases that sent a label for this order go on, to the refund."""
    actor, now = audit.system("intake"), timezone.now()
    waiting = Interaction.objects.select_for_update(no_key=True).filter(
        order=order,
        state=Interaction.State.RESOLVED,
        decisions__effects__action="return_label",
        decisions__effects__state="done",
    )
    for case in list(waiting):
        hearing.reopen(case, actor=actor, reason="the return was scanned in", now=now, by_customer=False)
        wake_workers()


def _customer(partner: Partner, external_id: str | None) -> Customer | None:
    if not external_id:
        return None
    customer = Customer.objects.filter(partner=partner, external_id=external_id).first()
    if customer is None:
        raise Invalid({"customer": [f"There is no customer “{external_id}”. Send it first: PUT /customers/…/."]})
    return customer


def _match_order(partner: Partner, customer: Customer | None, arrival: Arrival, received_at: datetime) -> _Match:
    named = _orders_named(partner, arrival)
    if len(named) == 1:
        return _Match(order=named[0])
    if len(named) > 1:
        return _Match(candidates=sorted(order.number for order in named))
    if customer is None:
        return _Match()
    recent = list(
        customer.orders.filter(placed_at__gte=received_at - RECENT, placed_at__lte=received_at).order_by("-placed_at")
    )
    if len(recent) == 1:
        return _Match(order=recent[0])
    return _Match(candidates=[order.number for order in recent])


def _orders_named(partner: Partner, arrival: Arrival) -> list[Order]:
    """The orders that the partner or the text names. Raises Invalid when the partner names an unknown one."""
    written = {word for message in arrival.messages for word in _NUMBER_LIKE.findall(message.text)}
    wanted = written | ({arrival.order} if arrival.order else set())
    found = {order.number: order for order in Order.objects.filter(partner=partner, number__in=wanted)}
    if arrival.order and arrival.order not in found:
        raise Invalid({"order": [f"There is no order “{arrival.order}”. Send it first: PUT /orders/…/."]})
    return list(found.values())


def _add_messages(interaction: Interaction, messages: Sequence[Words]) -> None:
    Message.objects.bulk_create(
        Message(interaction=interaction, author=words.author, text=words.text, sent_at=words.sent_at)
        for words in messages
    )


def _open_case_on_same_order(interaction: Interaction) -> Interaction | None:
    if interaction.order_id is None or interaction.customer_id is None:
        return None
    return (
        Interaction.objects.select_for_update(no_key=True)
        .in_the_open()
        .filter(customer_id=interaction.customer_id, order_id=interaction.order_id)
        .exclude(pk=interaction.pk)
        .order_by("id")
        .first()
    )
