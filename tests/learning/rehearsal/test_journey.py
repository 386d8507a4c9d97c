"""The journey in memory: it widens where people and AI agree, and nowhere else."""

from dataclasses import replace

import pytest

from apps.learning.rehearsal.journey import Journey, is_wrong
from apps.learning.rehearsal.naive import NaiveJourney
from apps.learning.rehearsal.operation import Week
from apps.learning.rehearsal.shop import Shop
from apps.learning.rehearsal.worlds import (
    FLOODED_IN,
    AnchoredPeople,
    ChangedMinds,
    FloodingCustomer,
    FloodingSupervisor,
    RandomPeople,
    far_past,
)


@pytest.fixture(scope="module")
def careful():
    """Fourteen weeks of one world."""
    journey = Journey(Shop(1))
    return journey, journey.run(14)


def granted_far_past(journey):
    policy, _ = journey.in_force()
    refunds = [one for one in journey.world.week(1, 5000) if one.hidden.shape == "refund"][:100]
    probes = [far_past(one, f"probe {place}", minute=0) for place, one in enumerate(refunds)]
    return sum(policy.rule(one.case_type, one.proposal, one.facts).handler == "autonomous" for one in probes)


class TestCareful:
    def test_it_begins_at_a_fifth_and_widens_with_the_error_kept(self, careful):
        _, result = careful
        assert 0.18 <= result.start_rate <= 0.25
        assert result.end_rate > 0.4
        assert result.true_error < 0.02
        assert result.proposals >= 4

    def test_no_grant_is_wrong_more_often_than_promised(self, careful):
        _, result = careful
        assert result.bad_grants(0.02) == []

    def test_the_same_seed_is_the_same_journey(self):
        first, again = (Journey(Shop(4), a_week=1500).run(4) for _ in range(2))
        assert first.weeks == again.weeks
        assert Journey(Shop(5), a_week=1500).run(4).weeks != first.weeks

    def test_each_new_grant_begins_with_a_tenth_and_keeps_a_twentieth_for_people(self, careful):
        journey, result = careful
        first = next(number for number, week in enumerate(result.weeks) if week.granted)
        before, after = result.weeks[first].rate, result.weeks[first + 1].rate
        assert after - before < 0.05, "a tenth of what was granted"
        policy, grants = journey.in_force()
        held = 0
        for one in journey.world.week(20, 5000):
            verdict = policy.rule(one.case_type, one.proposal, one.facts)
            grant = grants[verdict.rule] if verdict.handler == "autonomous" else None
            held += grant is not None and grant.number > 0 and journey._lot(one, grant).value == "held out"
        assert held > 20

    def test_the_score_is_asked_of_nobody_who_decides(self, careful, monkeypatch):
        """A world that lies about what is right changes the score and nothing else."""
        honest = Journey(Shop(4), a_week=1500).run(3)
        monkeypatch.setattr(Shop, "right", lambda self, arrival: self.judge(arrival, "Amira", shown=True))
        lying = Journey(Shop(4), a_week=1500).run(3)

        def seen(week):
            return replace(week, wrong=0)

        assert [week.alone for week in honest.weeks] == [week.alone for week in lying.weeks]
        assert [seen(week).granted for week in honest.weeks] == [seen(week).granted for week in lying.weeks]


class TestPeople:
    def test_where_people_toss_a_die_nothing_is_proposed(self):
        assert Journey(RandomPeople(1), a_week=2500).run(8).proposals == 0

    def test_people_who_approve_what_they_see_change_nothing(self):
        """They agree with everything that they are shown, and still only what is judged unseen proves anything."""
        anchored = AnchoredPeople(4)
        journey = Journey(anchored, a_week=1500)
        result = journey.run(6)
        assert len(journey.guides) > 1000
        assert not any(one.of(one.proposed.action).wrong for one in journey.guides if one.proposed is not None)
        assert any(is_wrong(one, anchored.right(one)) for one in anchored.week(0, 500)), "not all of it is right"
        assert result.bad_grants(0.02, fewest=20) == []
        assert result.true_error < 0.02

    def test_a_customer_who_floods_moves_nothing(self):
        """What is granted is what would have been granted without."""
        flooded, usual = FloodingCustomer(2), Shop(2)
        flooded.name = usual.name  # the same draws
        journey = Journey(flooded, a_week=2500)
        with_flood = journey.run(FLOODED_IN + 3)
        without = Journey(usual, a_week=2500).run(FLOODED_IN + 3)
        assert [week.granted for week in with_flood.weeks] == [week.granted for week in without.weeks]
        assert granted_far_past(journey) == 0

    def test_a_supervisor_who_floods_moves_nothing(self):
        journey = Journey(FloodingSupervisor(2), a_week=2500)
        result = journey.run(FLOODED_IN + 4)
        assert granted_far_past(journey) == 0
        assert result.bad_grants(0.02) == []

    def test_when_people_change_their_minds_the_breaker_stops_what_is_wrong_now(self):
        result = Journey(ChangedMinds(1)).run(14)
        assert {13, 14} & {*result.breaker_weeks, *result.tightening_weeks}


class TestNaive:
    def test_a_few_agreements_in_a_row_prove_little(self, careful):
        _, ours = careful
        naive = NaiveJourney(Shop(1), agreements=30, in_a_row=True).run(6)
        assert naive.bad_grants(0.02)
        assert naive.true_error > 3 * ours.true_error

    def test_that_nobody_ever_disagreed_lets_it_do_less(self):
        """Slips of people alone keep it from most of what is right."""
        naive = NaiveJourney(Shop(1), agreements=30).run(6)
        in_a_row = NaiveJourney(Shop(1), agreements=30, in_a_row=True).run(6)
        assert naive.true_error < in_a_row.true_error
        assert naive.end_rate < in_a_row.end_rate


def test_a_week_without_cases_has_no_rate():
    assert (Week().rate, Week().error) == (0.0, 0.0)
