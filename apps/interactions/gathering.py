"""Gathering facts: what is known about each case at the moment the customer wrote, fetched in bulk.

A fact that was not found is left out, which makes it unknown; nothing is defaulted.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Count, Prefetch, Q, Sum
from django.utils import timezone

from apps.interactions.classification import tone
from apps.interactions.classification.intents import Reading
from apps.interactions.models import Customer, Effect, Interaction, Message, Order, OrderEvent
from apps.policies.facts import Fact, Facts, Value
from apps.policies.models import Partner, Terms
from apps.policies.money import Money
from apps.policies.words import CaseType

_DISPATCHED = frozenset({"shipped", "delivered"})
_OPEN = [state for state in Interaction.OPEN_STATES if state != Interaction.State.RESOLVED]


@dataclass(slots=True)
class Case:
    """One case with everything the playbooks read: rows fetched once, the reading, and the facts."""

    interaction: Interaction
    partner: Partner
    customer: Customer | None
    order: Order | None
    terms: Terms | None
    messages: list[Message]
    reading: Reading
    facts: Facts = field(default_factory=Facts)
    case_type: CaseType = CaseType.OTHER

    @property
    def at(self) -> datetime:
        """The moment that all facts of time are taken at: when the customer's last message came in."""
        return max([message.received_at for message in self.asked], default=self.interaction.received_at)

    @property
    def asked(self) -> list[Message]:
        """The customer's messages that no resolution has answered yet."""
        return unanswered(self.messages)


def unanswered(messages: Sequence[Message]) -> list[Message]:
    open_ones = [message for message in messages if message.author == "customer" and not message.handled]
    return open_ones or [message for message in messages if message.author == "customer"][-1:]


def rows_of_cases() -> tuple["Prefetch[str]", str]:
    """What is read with the cases of a batch: their messages, and their decisions with effects."""
    messages = Prefetch("messages", queryset=Message.objects.order_by("sent_at", "id"), to_attr="message_rows")
    return messages, "decisions__effects"


def load_orders(order_ids: set[int]) -> dict[int, Order]:
    rows = Order.objects.filter(pk__in=order_ids).prefetch_related("lines", "payments", "events")
    return {order.pk: order for order in rows}


def active_terms(partner_ids: set[int]) -> dict[int, Terms]:
    return {terms.partner_id: terms for terms in Terms.objects.filter(partner_id__in=partner_ids, active=True)}


def gather(case: Case, counts: "Counts") -> None:
    """Fill in the facts of one case; `counts` were fetched for its whole batch."""
    found: list[Fact] = [
        *_message_facts(case),
        *_sender_facts(case),
        *(_customer_facts(case, case.customer, counts) if case.customer else ()),
        *(_order_facts(case, case.order, counts) if case.order else ()),
    ]
    case.facts = Facts({fact.name: fact for fact in found if fact.value is not None})


def counts_for(cases: Sequence[Case]) -> "Counts":
    customers = [case.customer.pk for case in cases if case.customer]
    return Counts(customers, {case.order.pk for case in cases if case.order})


class Counts:
    """What is counted over other rows, one query each for the whole batch."""

    def __init__(self, customers: Sequence[int], orders: set[int]) -> None:
        year = timezone.now() - timedelta(days=365)
        open_cases = Interaction.objects.filter(state__in=_OPEN)
        self.open_by_customer = _counted(open_cases.filter(customer_id__in=customers), "customer_id")
        self.open_by_order = _counted(open_cases.filter(order_id__in=orders), "order_id")
        self.disputes = _counted(
            Interaction.objects.filter(
                customer_id__in=customers, case_type=CaseType.DELIVERY_DISPUTE, received_at__gte=year
            ).exclude(state=Interaction.State.MERGED),
            "customer_id",
        )
        rows = (
            Order.objects.filter(customer_id__in=customers)
            .values("customer_id")
            .annotate(number=Count("id"), worth=Sum("total"), kinds=Count("currency", distinct=True))
        )
        self.orders = {row["customer_id"]: row for row in rows}
        self.refunds: defaultdict[int, list[datetime]] = defaultdict(list)
        sent = Effect.objects.filter(
            decision__interaction__customer_id__in=customers, state__in=["in_flight", "done", "unknown"],
            action__in=["refund", "partial_refund", "store_credit", "goodwill"],
        )  # fmt: skip
        for customer_id, sent_at in sent.values_list("decision__interaction__customer_id", "sent_at"):
            if sent_at is not None:
                self.refunds[customer_id].append(sent_at)
        reported = Order.objects.filter(Q(refunds_reported__gt=0), customer_id__in=customers)
        for customer_id, at in reported.values_list("customer_id", "placed_at"):
            self.refunds[customer_id].append(at)
        self.labels = set(
            Effect.objects.filter(
                decision__interaction__order_id__in=orders, action="return_label", state="done"
            ).values_list("decision__interaction__order_id", flat=True)
        )


def _counted(rows: "object", name: str) -> Counter[int]:
    return Counter(dict(rows.values_list(name).annotate(number=Count("id"))))  # type: ignore[attr-defined]


def _message_facts(case: Case) -> list[Fact]:
    text = "\n".join(message.text for message in case.asked)
    at = case.at
    reading = frozenset(intent for intent, _ in case.reading.intents)

    def said(name: str, value: Value | None) -> Fact:
        return Fact(name, value, "customer's words", at)

    return [
        said("message.sentiment", tone.sentiment(text)),
        said("message.injection_suspected", tone.injection_suspected(text)),
        said("message.reason", tone.reason(text)),
        said("message.claimed_amount", tone.claimed_amount(text, case.partner.currency)),
        said("message.intents", reading or None),
        Fact("message.public", case.interaction.public, "channel", at),
        Fact("message.audience", case.interaction.audience, "channel", at),
        Fact("case.contacts", sum(1 for message in case.messages if message.author == "customer"), "Remit", at),
    ]


def _sender_facts(case: Case) -> list[Fact]:
    case_at = case.at
    order, customer = case.order, case.customer
    belongs = None if order is None or customer is None else order.customer_id == customer.pk
    return [
        Fact("sender.verified", case.interaction.sender_verified, "channel", case_at),
        Fact("order.identified", order is not None, "Remit", case_at),
        Fact("order.belongs_to_sender", belongs, "shop", order.as_of if order else None),
    ]


def _customer_facts(case: Case, customer: Customer, counts: Counts) -> list[Fact]:
    bought = counts.orders.get(customer.pk)
    mine = 0 if case.interaction.state == Interaction.State.RESOLVED else 1
    worth = None
    if bought and bought["kinds"] == 1:
        worth = Money(bought["worth"], case.partner.currency)
    since = case.at - timedelta(days=90)

    def shop(name: str, value: Value | None) -> Fact:
        return Fact(name, value, "shop", customer.as_of)

    return [
        shop("customer.tier", customer.tier or None),
        shop("customer.orders", bought["number"] if bought else 0),
        shop("customer.lifetime_value", worth),
        shop("customer.refunds_90d", sum(1 for at in counts.refunds[customer.pk] if at >= since)),
        Fact("customer.disputes_12m", counts.disputes[customer.pk], "Remit", case.at),
        Fact("customer.open_cases", max(0, counts.open_by_customer[customer.pk] - mine), "Remit", case.at),
    ]


def _order_facts(case: Case, order: Order, counts: Counts) -> list[Fact]:
    at, events = case.at, list(order.events.all())
    delivered = order.delivered_at if order.delivered_at and order.delivered_at <= at else None
    since_delivery = (at - delivered).days if delivered else None
    window = case.terms.return_window_days if case.terms else None
    past_window = since_delivery - window if since_delivery is not None and window is not None else None

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
        shop("order.duplicate_payments", _duplicates(order)),
        Fact("order.return_received", order.return_received_at is not None, "shop", order.as_of),
        Fact("order.label_sent", order.pk in counts.labels, "Remit", at),
        Fact("order.open_cases", max(0, counts.open_by_order[order.pk] - 1), "Remit", at),
        scans("order.days_since_delivery", since_delivery),
        scans("order.days_past_window", past_window),
        scans("order.days_late", _days_late(order, delivered, at)),
        scans("order.proof_of_delivery", _proof(events, at)),
        scans("order.hours_without_scan", _hours_without_scan(order, events, at)),
    ]


def _not_returnable(case: Case, order: Order) -> bool:
    words = [word.lower() for word in (case.terms.non_returnable if case.terms else [])]
    return any(line.final_sale or any(word in line.name.lower() for word in words) for line in order.lines.all())


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
