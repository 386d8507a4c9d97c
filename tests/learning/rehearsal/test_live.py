"""Rehearsals through the real pipeline and database, on a clock that is set."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.interactions import blind
from apps.interactions.models import Judgement
from apps.learning import evidence
from apps.learning.rehearsal import night as nights
from apps.learning.rehearsal.journey import is_wrong
from apps.learning.rehearsal.live import LiveJourney
from apps.learning.rehearsal.night import night
from apps.learning.rehearsal.shop import Shop
from apps.learning.rehearsal.staging import Clock, rule_of
from apps.learning.rehearsal.world import FIRST_MONDAY
from apps.policies import coaching, ramps
from apps.policies.facts import VOCABULARY
from apps.policies.models import Ramp, Ruling
from apps.policies.specs import RuleSpec


@pytest.fixture
def clock():
    with Clock(FIRST_MONDAY - timedelta(hours=1)) as clock:
        yield clock


@pytest.fixture
def drawn_by_lot(monkeypatch):
    """Draws as they are outside of tests, from a seed."""
    import random

    chance = random.Random(5)
    monkeypatch.setattr(blind, "drawn", lambda percent: chance.random() * 100 < percent)


@pytest.fixture
def journey(db, clock, drawn_by_lot):
    """With one grant more, on its ramp, so that lots are drawn too."""
    made = LiveJourney(Shop(3), clock.set, a_week=60, blind=0.5)
    stage = made.stage
    ramp = ramps.start(stage.boundary, "question", "reply", "report 1, proposal 1", {})
    rule = rule_of(stage.boundary.active_version, RuleSpec("", "question", (), "autonomous", "reply"))
    rule.ramp = ramp
    stage.release(coaching.draft_with(stage.authors[0], stage.boundary, rule, "proven", after_granting=True))
    Ramp.objects.filter(pk=ramp.pk).update(share=50)
    return made


def test_every_ruling_and_every_judgement_is_the_one_in_memory(journey):
    week = journey.week(0)
    differences = journey.differences
    assert differences.found == []
    assert differences.compared == week.cases == 60
    assert {no["code"] for ruling in Ruling.objects.all() for no in ruling.downgrades} >= {"ramp"}, "lots were drawn"
    assert 0 < week.alone < 60
    assert week.blind > 10
    judged = {str(row.escalation.interaction_id): row.by.first_name for row in Judgement.objects.all()}
    found = evidence.pieces_of([journey.stage.partner], FIRST_MONDAY, timezone.now() + timedelta(days=1))
    pieces = {piece.judged.case: piece for piece in found if piece.how == "blind"}
    assert set(pieces) == set(judged)
    cases = {str(case.pk): case for case in journey.stage.partner.interactions.all()}
    for case, name in judged.items():
        arrival, piece = journey.stage.arrival_of(cases[case]), pieces[case]
        assert (piece.case_type, piece.action, piece.amount) == (
            arrival.case_type, arrival.proposal.action, arrival.proposal.amount,
        )  # fmt: skip
        grants = {name: value for name, value in arrival.facts.items() if VOCABULARY[name].grants}
        assert {name: piece.facts.get(name) for name in grants} == grants
        assert piece.judged.wrong == is_wrong(arrival, journey.world.judge(arrival, name, shown=False))


def test_a_ruling_that_memory_would_not_make_is_told(journey, monkeypatch):
    monkeypatch.setattr(LiveJourney, "_expected", lambda self, ruling, arrival: ("autonomous", None))
    journey.a_week = 20
    journey.week(0)
    assert journey.differences.found


def test_at_night_nobody_is_lost(db, clock, drawn_by_lot, monkeypatch):
    monkeypatch.setattr(nights, "TICK", timedelta(minutes=4))
    told = night(Shop(2), clock.set, people=2, messages=60, calls=22)
    assert (told.messages, told.judgement_calls, told.cases) == (60, 22, 60)
    assert (told.by_ai, told.by_people) == (38, 22)
    assert told.lost == 0
    assert told.median_decision_seconds > 0


def test_with_too_few_people_some_wait_when_the_night_ends_and_none_is_lost(db, clock, drawn_by_lot, monkeypatch):
    monkeypatch.setattr(nights, "TICK", timedelta(minutes=8))
    told = night(Shop(2), clock.set, people=1, messages=50, calls=45)
    assert told.waiting_at_end > 0
    assert told.lost == 0
    assert told.longest_wait_seconds > 3600
