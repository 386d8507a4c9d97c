"""What a stage asks for before a second person agrees to it, and what is known of it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.interactions.demo import demo_partner
from apps.policies import pauses, stages
from apps.policies.models import Ruling
from apps.policies.stages import Known, checklist
from tests import factories
from tests.conftest import STATUS
from tests.policies.conftest import copy_of

TYPE = "order_status"


@pytest.fixture
def known(monkeypatch):
    """Say what people decided: `known(decisions=50, blind=10, agreed=9)`."""
    return lambda **fields: monkeypatch.setattr(stages, "_known", [lambda *asked: Known(**fields)])


@pytest.fixture
def ruled(arrive, order):
    arrive(STATUS, order=order)
    return Ruling.objects.get()


def met(partner, stage="live"):
    return [check.met for check in checklist(partner, TYPE, stage)]


def test_only_watching_asks_for_nothing(partner):
    assert checklist(partner, TYPE, "observe") == []


def test_drafting_asks_for_fifty_cases_and_fifty_decisions(partner, ruled, known):
    known(decisions=49)
    for _ in range(48):
        copy_of(ruled)
    assert met(partner, "assist") == [False, False]
    copy_of(ruled)
    known(decisions=50)
    assert met(partner, "assist") == [True, True]


def test_old_cases_and_those_of_other_brands_and_types_do_not_count(partner, ruled):
    copy_of(ruled, at=timezone.now() - timedelta(days=31))
    copy_of(ruled, partner=demo_partner("oru", "Oru"))
    copy_of(ruled, case_type="complaint")
    assert checklist(partner, TYPE, "assist")[0].value == "1"


@pytest.mark.parametrize(
    ("fields", "last"),
    [
        ({"decisions": 50, "blind": 10, "agreed": 9}, [True, True]),
        ({"decisions": 50, "blind": 10, "agreed": 8}, [True, False]),
        ({"decisions": 50, "blind": 9, "agreed": 9}, [True, False]),
        ({"decisions": 0}, [False, False]),
    ],
)
def test_acting_alone_asks_for_agreement_of_those_who_did_not_see_the_proposal(partner, known, fields, last):
    known(**fields)
    assert met(partner)[1:3] == last


def test_it_asks_that_the_boundary_grants_some(partner, ruled):
    assert met(partner)[3] is True
    assert [check.met for check in checklist(demo_partner("oru", "Oru"), TYPE, "live")][3] is False


@pytest.mark.parametrize(
    ("scope", "free"),
    [({}, False), ({"case_type": TYPE}, False), ({"case_type": "complaint"}, True), ({"brand": "own"}, False),
     ({"brand": "other"}, True)],
)  # fmt: skip
def test_it_asks_that_nothing_is_paused_there(partner, scope, free):
    brands = {"own": partner, "other": demo_partner("oru", "Oru"), None: None}
    user = factories.ops_manager()
    pause = pauses.pause(user, "wrong dates", partner=brands[scope.get("brand")], case_type=scope.get("case_type", ""))
    assert met(partner)[-1] is free
    pauses.lift(user, pause.pk, "mended")
    pauses.lift(factories.ops_manager(), pause.pk, "checked")
    assert met(partner)[-1] is True
