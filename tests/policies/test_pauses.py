"""One person pauses at once; letting the AI go on takes two."""

import pytest
from django.db import IntegrityError, transaction

from apps.policies import pauses
from apps.policies.errors import Refused
from apps.policies.models import Pause
from tests import factories
from tests.conftest import STATUS


def test_a_pause_sends_the_next_case_to_a_person_and_lifting_lets_the_ai_go_on(arrive, order, partner):
    assert arrive(STATUS, order=order).handler == "autonomous"
    first, second = factories.ops_manager(), factories.ops_manager()
    paused = pauses.pause(first, "the shop reports wrong dates", partner=partner, case_type="order_status")
    other = factories.OrderFactory(customer=order.customer)
    case = arrive(STATUS, order=other)
    assert case.handler == "human"
    assert "paused here: the shop reports wrong dates" in case.ruling.downgrades[0]["reason"]
    pauses.lift(first, paused.pk, "mended")
    with pytest.raises(Refused, match="second person"):
        pauses.lift(first, paused.pk, "mended")
    pauses.lift(second, paused.pk, "mended")
    third = factories.OrderFactory(customer=order.customer)
    assert arrive(STATUS, order=third).handler == "autonomous"


@pytest.mark.parametrize(
    ("scope", "stops"),
    [({}, True), ({"action": "reply"}, True), ({"action": "refund"}, False), ({"case_type": "standard_return"}, False)],
)
def test_a_pause_stops_its_scope_and_nothing_else(arrive, order, scope, stops):
    pauses.pause(factories.ops_manager(), "a test of the switch", **scope)
    assert (arrive(STATUS, order=order).handler == "human") is stops


def test_a_pause_needs_a_reason(db):
    with pytest.raises(Refused, match="Say why"):
        pauses.pause(factories.ops_manager(), "  ")


def test_the_database_refuses_one_person_as_both(db):
    person = factories.ops_manager()
    with pytest.raises(IntegrityError), transaction.atomic():
        Pause.objects.create(reason="x", paused_by=person, lift_asked_by=person, lifted_by=person)
