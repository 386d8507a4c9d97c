"""A boundary with two people who may release it, and drafts of it that widen or tighten."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.policies import editing, releases
from apps.policies.models import Boundary, Guardrail, Partner, Rule
from tests import factories


@pytest.fixture
def boundary(partner: Partner) -> Boundary:
    assert partner.boundary is not None
    return partner.boundary


@pytest.fixture
def author(db):
    return factories.ops_manager()


@pytest.fixture
def other(db):
    return factories.ops_manager()


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
