"""Guides: seen decisions and past cases, read from the database."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.interactions.demo import demo_partner
from apps.interactions.models import Escalation, PastCase
from apps.learning.guides import guides_of
from apps.learning.models import Signal
from apps.policies.money import Money
from tests import factories
from tests.deciding import decide, pass_undo_window
from tests.reach.test_blind import judged


@pytest.fixture
def user(db):
    return factories.supervisor(first_name="Sam")


def read(partner):
    now = timezone.now()
    return guides_of([partner], now - timedelta(days=30), now + timedelta(minutes=1))


def past(partner, **fields):
    now = timezone.now()
    said = {
        "case_type": "refund_exception",
        "action": "deny",
        "facts": {"order.days_past_window": 40},
        "decided_at": now,
    }
    return PastCase.objects.create(partner=partner, imported_at=now, **{"external_id": "old", **said, **fields})


def test_a_decision_with_the_proposal_in_view_is_one(held, drain, partner):
    decide(held)
    pass_undo_window()
    drain()
    (guide,) = read(partner)
    case = held[1].interaction
    assert guide.owner == (partner.slug, str(case.customer_id))
    assert guide.proposed.action == "refund"
    assert guide.of("refund").wrong is False
    assert guide.of("refund").amount == Money(Decimal("84.50"), "USD")


def test_what_was_judged_before_the_proposal_was_seen_is_none(escalated, user, drain, partner):
    """It certifies, and what certifies must not suggest what it certifies."""
    Escalation.objects.update(blind=True)
    judged(user, Escalation.objects.get(), "Refund in full")
    decide((user, Escalation.objects.get()))
    pass_undo_window()
    drain()
    assert Signal.objects.count() == 1
    assert read(partner) == []


def test_a_past_case_is_one_under_the_name_of_its_customer(partner, customer):
    past(partner, customer=customer.external_id, at_stake=Decimal(70))
    (guide,) = read(partner)
    assert guide.owner == (partner.slug, str(customer.pk))
    assert guide.of("refund").amount == Money(Decimal(70), "USD")
    assert guide.decided.facts == {"order.days_past_window": 40}


def test_a_fact_that_there_is_no_more_is_passed_over(partner):
    past(partner, facts={"order.mood": 1})
    assert read(partner) == []


def test_another_brands_is_not_read(partner):
    past(demo_partner("other", "Other"))
    assert read(partner) == []


def test_one_of_nobody_we_know_counts_only_from_before_we_began(partner, arrive, order):
    """A ticket of today, sent as history, may be one that is judged blind here."""
    from tests.conftest import STATUS

    arrive(STATUS, order=order)
    past(partner, customer="spelled otherwise")
    assert read(partner) == []
    past(partner, external_id="older", decided_at=timezone.now() - timedelta(days=20))
    assert len(read(partner)) == 1
