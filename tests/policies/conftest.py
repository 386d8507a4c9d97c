"""A boundary with two people who may release it, and drafts of it that widen or tighten."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.policies import editing, releases, replaying
from apps.policies.models import Guardrail, Replay, Rule, Ruling
from tests import factories
from tests.conftest import COMPLAINT, MISSING, RETURN, STATUS


def refund_rule(version, **fields):
    return Rule(version=version, **{"case_type": "refund_exception", "handler": "autonomous", "action": "refund",
                                    "ceiling": Decimal("50.00"), **fields})  # fmt: skip


def limit_of_the_day(person, draft, amount):
    """Set the budget of the day, which is 2,000.00 in the demo boundary: more of it widens, less tightens."""
    budget = draft.guardrails.get(kind=Guardrail.Kind.BUDGET)
    budget.amount = Decimal(amount)
    editing.save(person, budget)


def widening(person, boundary):
    draft = releases.draft_from(person, boundary)
    limit_of_the_day(person, draft, "3000.00")
    return draft


def released(author, other, draft):
    """The draft, approved and active."""
    releases.submit(author, draft)
    return releases.activate(author, releases.approve(other, draft))


@pytest.fixture
def sale_week(boundary, author, other):
    """A wider version that ends in seven days."""
    draft = widening(author, boundary)
    releases.plan(author, draft, share=100, ends_at=timezone.now() + timedelta(days=7))
    return released(author, other, draft)


@pytest.fixture
def tenth(boundary, author, other):
    """A wider version for ten percent of the cases."""
    draft = widening(author, boundary)
    releases.plan(author, draft, share=10, ends_at=None)
    return released(author, other, draft)


@pytest.fixture
def night(arrive, customer):
    """Some cases of every kind, ruled by the active version: two of them by the AI alone."""
    for days_ago in (2, 5, 33, 47):
        order = factories.OrderFactory(customer=customer, days_ago=days_ago)
        arrive(RETURN, order=order)
    arrive(STATUS, order=factories.OrderFactory(customer=customer))
    arrive(MISSING, order=factories.OrderFactory(customer=customer))
    arrive(COMPLAINT, order=factories.OrderFactory(customer=customer), public=True, channel="social")
    arrive("zxcv qwerty", order=factories.OrderFactory(customer=customer), sender_verified=None)


def replayed(author, version):
    asked = replaying.ask(author, version)
    replaying.run(asked.pk)
    found = Replay.objects.get(pk=asked.pk)
    assert found.status == "done", found.error
    return found.result


def with_refund_rule(author, partner, **fields):
    """A draft that lets the AI refund up to 15 days past the window."""
    draft = releases.draft_from(author, partner.boundary)
    rule = Rule(version=draft, case_type="refund_exception", handler="autonomous", action="refund", ceiling=Decimal("100.00"),
                conditions=[{"fact": "order.days_past_window", "operator": "between", "value": [1, 15]}], **fields)  # fmt: skip
    editing.save(author, rule)
    for _ in range(2):
        editing.move(author, rule, up=True)
    return draft


def another_ruling(**fields):
    """A copy of the first ruling with other values for some fields."""
    return copy_of(Ruling.objects.order_by("id").first(), **fields)


def copy_of(ruling, **fields):
    values = {field.name: getattr(ruling, field.name) for field in Ruling._meta.fields if field.name != "id"}
    return Ruling.objects.create(**{**values, **fields})
