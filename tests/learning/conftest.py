"""What tests of learning share: a new grant, and where cases stand in its draw."""

import pytest
from django.utils import timezone

from apps.learning import evidence, refinements, retraining
from apps.learning.models import Refinement
from apps.policies import draws, editing, ramps, releases
from apps.policies.models import Ramp, Rule
from tests import factories
from tests.learning.labelled import NOW, label, misread
from tests.learning.test_refining import pieces
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


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def judged(monkeypatch):
    """Stands for the evidence of the database, which is tested by itself."""
    found = pieces(8000)
    monkeypatch.setattr(evidence, "pieces_of", lambda partners, since, until: found)
    return found


@pytest.fixture
def proven(judged, boundary, now):
    refinements.make_report(boundary, now)
    return Refinement.objects.filter(state="open").earliest("pk")


@pytest.fixture
def ops(db):
    return factories.ops_manager()


@pytest.fixture
def corrected(monkeypatch):
    """A third of what came in was misread, always in the same way."""
    found = [misread(n) if n % 3 == 0 else label(n) for n in range(240)]
    monkeypatch.setattr(retraining, "labels_of", lambda since, until: found)
    return found


@pytest.fixture
def challenger(corrected, db):
    return retraining.retrain(NOW)


@pytest.fixture
def user(db):
    return factories.supervisor(first_name="Sam")
