"""Facts of the message, the sender and the customer at the moment the customer wrote.

What was drawn from the customer's words says so as its source; such facts may only restrict.
"""

from datetime import timedelta

from apps.interactions import courtesies
from apps.interactions.case import Case
from apps.interactions.classification import alarms, tone
from apps.interactions.counting import Counts
from apps.interactions.hearing import names_of
from apps.interactions.models import Customer, Interaction
from apps.policies.facts import Fact, Value
from apps.policies.money import Money


def of_message(case: Case, counts: Counts) -> list[Fact]:
    text = case.text
    contacts = counts.contacts_before[case.interaction.pk] + sum(
        not courtesies.asks_nothing(message.text, names_of(case.interaction))
        for message in case.messages
        if message.author == "customer"
    )
    found = frozenset(case.alarms)
    if contacts >= alarms.REPEATED_CONTACTS:
        found |= {"repeated"}
    at = case.at
    reading = frozenset(intent for intent, _ in case.reading.intents)

    def said(name: str, value: Value | None) -> Fact:
        return Fact(name, value, "customer's words", at)

    return [
        said("message.sentiment", tone.sentiment(text)),
        said("message.injection_suspected", tone.injection_suspected(text)),
        said("message.reason", tone.reason(text)),
        said("message.claimed_amount", tone.claimed_amount(text, case.partner.currency)),
        said("message.language", case.reading.language),
        said("message.alarms", found),
        said("message.intents", reading or None),
        Fact("message.public", case.interaction.public, "channel", at),
        Fact("message.audience", case.interaction.audience, "channel", at),
        Fact("case.contacts", contacts, "Remit", at),
    ]


def of_sender(case: Case) -> list[Fact]:
    case_at = case.at
    order, customer = case.order, case.customer
    belongs = None if order is None or customer is None else order.customer_id == customer.pk
    return [
        Fact("sender.verified", case.interaction.sender_verified, "channel", case_at),
        Fact("order.identified", order is not None, "Remit", case_at),
        Fact("order.belongs_to_sender", belongs, "shop", order.as_of if order else None),
    ]


def of_customer(case: Case, customer: Customer, counts: Counts) -> list[Fact]:
    bought = counts.orders.get(customer.pk)
    mine = 0 if case.interaction.state == Interaction.State.RESOLVED else 1
    worth = None
    if bought and bought["kinds"] == 1:
        worth = Money(bought["worth"], case.partner.currency)
    refunds = counts.refunds[customer.pk]
    past_90, past_30 = (sum(case.at - timedelta(days=days) <= at <= case.at for at in refunds) for days in (90, 30))

    def shop(name: str, value: Value | None) -> Fact:
        return Fact(name, value, "shop", customer.as_of)

    return [
        shop("customer.tier", customer.tier or None),
        shop("customer.orders", bought["number"] if bought else 0),
        shop("customer.lifetime_value", worth),
        shop("customer.refunds_90d", past_90),
        shop("customer.refunds_30d", past_30),
        shop("customer.returns_12m", counts.returns[customer.pk]),
        Fact("customer.disputes_12m", counts.disputes[customer.pk], "Remit", case.at),
        Fact("customer.open_cases", max(0, counts.open_by_customer[customer.pk] - mine), "Remit", case.at),
    ]
