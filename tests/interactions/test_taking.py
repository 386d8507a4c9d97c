"""A batch comes to what its interactions would have come to one by one, and is taken in few queries."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.interactions import submitting
from apps.interactions.demo import demo_partner
from apps.interactions.models import Interaction, Message
from apps.policies.errors import Invalid
from apps.policies.models import AuditEntry
from tests import factories
from tests.conftest import ACTOR

NOW = timezone.now()


def said(name, text="Where is my order?", **fields):
    return {
        "external_id": name, "channel": "chat", "sender_verified": True,
        "messages": [{"author": "customer", "text": text, "sent_at": (NOW - timedelta(minutes=1)).isoformat()}], **fields,
    }  # fmt: skip


def brand(slug):
    """The same shop twice: three customers with an order each, one with two, and one who wrote before."""
    partner = demo_partner(slug, slug)
    for n in range(4):
        customer = factories.CustomerFactory(partner=partner, external_id=f"c{n}", name=f"Person {n}")
        factories.OrderFactory(customer=customer, number=f"W100{n}0")
    factories.OrderFactory(customer=customer, number="W10099")
    submitting.submit_interaction(partner, said("before", customer="c2", order="W10020"), actor=ACTOR)
    return partner


ITEMS = [
    said("a", customer="c0", order="W10000"),
    said("b", customer="c1"),  # its only recent order
    said("c", customer="c3"),  # of two nobody knows which
    said("d", customer="c3", text="I mean W10099."),  # the customer's second in this batch
    said("e", customer="c2", order="W10020"),  # goes to the case from before
    said("f", customer="nobody"),
    said("g", order="W99999"),
    said("h"),  # of nobody
    said("a", customer="c0", order="W10000"),  # the same once more
    said("i", customer="c0", text="Thank you!"),
    said("before", customer="c2"),
    {"external_id": "j"},
    "nonsense",
    said("k", text="It is about W10010, please"),
]  # fmt: skip


def outcome(partner):
    rows = Interaction.objects.of(partner).select_related("customer", "order", "merged_into").order_by("external_id")
    return [
        (
            row.external_id, row.state, row.customer and row.customer.external_id, row.order and row.order.number,
            sorted(row.order_candidates), row.merged_into and row.merged_into.external_id,
            sorted(row.messages.values_list("text", flat=True)),
        )
        for row in rows
    ]  # fmt: skip


def test_it_comes_to_the_same_as_one_by_one(db):
    together, apart = brand("together"), brand("apart")
    verdicts = submitting.submit_interactions(together, ITEMS, actor=ACTOR)
    singly = []
    for item in ITEMS:
        try:
            singly.append(submitting.submit_interaction(apart, item, actor=ACTOR))
        except Invalid as refused:
            singly.append(refused)
    assert [
        (one.errors if isinstance(one, Invalid) else (one.interaction.external_id, one.created)) for one in verdicts
    ] == [(one.errors if isinstance(one, Invalid) else (one.interaction.external_id, one.created)) for one in singly]
    assert outcome(together) == outcome(apart)
    logged = [
        sorted(AuditEntry.objects.filter(partner=one).values_list("event", "reason")) for one in (together, apart)
    ]
    assert logged[0] == logged[1]


@pytest.mark.parametrize("count", [10, 200])
def test_those_that_stand_alone_take_few_queries(db, partner, count):
    orders = [factories.OrderFactory(customer=factories.CustomerFactory(partner=partner)) for _ in range(count)]
    items = [said(f"n{n}", customer=order.customer.external_id, order=order.number) for n, order in enumerate(orders)]
    with CaptureQueriesContext(connection) as queries:
        taken = submitting.submit_interactions(partner, items, actor=ACTOR)
    assert all(one.created for one in taken)
    assert Message.objects.count() == Interaction.objects.count() == count
    assert len(queries) <= 20
