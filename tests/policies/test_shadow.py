"""A version in shadow rules live cases beside the active one: both are stored, and only the active one acts."""

from decimal import Decimal

import pytest
from django.db import Error, transaction
from django.test import Client

from apps.policies import editing, releases, shadowing
from apps.policies.models import Rule, Ruling, ShadowRuling
from tests import factories
from tests.conftest import COMPLAINT, STATUS


@pytest.fixture
def shadow(partner):
    """A version that would let the AI give goodwill on complaints, in shadow."""
    author, other = factories.ops_manager(), factories.ops_manager()
    draft = releases.draft_from(author, partner.boundary)
    rule = Rule(
        version=draft, case_type="complaint", handler="autonomous", action="goodwill", ceiling=Decimal("500.00")
    )
    editing.save(author, rule)
    editing.move(author, rule, up=True)
    releases.submit(author, draft)
    releases.approve(other, draft)
    return releases.start_shadow(author, draft)


def test_both_rulings_are_stored_and_the_active_one_acts(shadow, arrive, order, partner):
    case = arrive(COMPLAINT, order=order)
    assert (case.state, case.handler) == ("awaiting_decision", "collaborative")
    assert case.ruling.version == partner.boundary.active_version
    beside = ShadowRuling.objects.get(ruling=case.ruling)
    assert (beside.version, beside.differs) == (shadow, True)


def test_where_they_agree_is_counted_and_where_not_shown_by_rule(shadow, arrive, customer):
    for _ in range(2):
        arrive(STATUS, order=factories.OrderFactory(customer=customer))
    arrive(COMPLAINT, order=factories.OrderFactory(customer=customer))
    report = shadowing.report(shadow)
    assert (report.cases, report.differing) == (3, 1)
    (row,) = report.disagreements
    assert (row.case_type, row.active_handler, row.count) == ("complaint", "collaborative", 1)
    assert row.example == Ruling.objects.get(case_type="complaint").subject
    client = Client()
    client.force_login(factories.ops_manager())
    page = client.get(f"/admin/policies/boundaryversion/{shadow.pk}/change/").content.decode()
    assert "3 cases ruled by both" in page
    assert "66.7 % alike" in page


def test_once_it_is_active_nothing_is_ruled_twice(shadow, arrive, order):
    releases.activate(factories.ops_manager(), shadow)
    case = arrive(COMPLAINT, order=order)
    assert case.ruling.version == shadow
    assert not ShadowRuling.objects.exists()


def test_one_that_was_sent_back_and_edited_says_what_it_says_now(shadow, arrive, customer):
    arrive(COMPLAINT, order=factories.OrderFactory(customer=customer))
    author, other = factories.ops_manager(), factories.ops_manager()
    releases.reject(author, shadow, "no money for words")
    editing.delete(author, shadow.rules.get(case_type="complaint", action="goodwill"))
    releases.submit(author, shadow)
    releases.approve(other, shadow)
    releases.start_shadow(author, shadow)
    arrive(COMPLAINT, order=factories.OrderFactory(customer=customer))
    assert list(ShadowRuling.objects.order_by("id").values_list("handler", flat=True)) == ["human", "collaborative"]


def test_what_a_shadow_said_is_kept(shadow, arrive, order):
    arrive(COMPLAINT, order=order)
    with pytest.raises(Error, match="Cannot update"), transaction.atomic():
        ShadowRuling.objects.update(differs=False)
