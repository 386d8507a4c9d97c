"""What tests of learning share: a new grant, and where cases stand in its draw."""

import pytest
from django.utils import timezone

from apps.policies import draws, editing, ramps, releases
from apps.policies.models import Ramp, Rule
from tests import factories
from tests.policies.conftest import released


@pytest.fixture
def ramp(boundary, author, other):
    """The rule that lets the AI tell where an order is, as a new grant at 10 %."""
    ramp = ramps.start(boundary, "order_status", "reply", "report 1, proposal 1", {})
    draft = releases.draft_from(author, boundary)
    for rule in Rule.objects.filter(version=draft, case_type="order_status", action="reply"):
        rule.ramp = ramp
        editing.save(author, rule)
    released(author, other, draft)
    ramps.begin(timezone.now())
    return Ramp.objects.get(pk=ramp.pk)


@pytest.fixture
def at(monkeypatch):
    """Where cases stand in the draw: `at(0.5)`."""

    def put(place):
        monkeypatch.setattr(draws, "place", lambda purpose, subject: place)

    return put


@pytest.fixture
def new_order(partner):
    return lambda: factories.OrderFactory(customer=factories.CustomerFactory(partner=partner))
