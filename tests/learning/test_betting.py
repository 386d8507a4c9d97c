"""Betting on audits: what holds however often one looks, at the null and at the alternative."""

import math

import numpy as np
import pytest

from apps.learning.betting import (
    A_MONTH,
    STAKES,
    Audit,
    Detector,
    against,
    estimate,
    grown,
    threshold_for,
    upper,
    uppers,
)


def audits(random, count, rate, probability=1.0):
    return [Audit(bool(flag), probability) for flag in random.random(count) < rate]


def at_most(share, trials):
    """What a share of at most `share` shows in so many trials, three deviations allowed."""
    return share * trials + 3 * math.sqrt(share * trials)


def tripped(detector, found):
    return any(detector.add(audit) for audit in found)


class TestUpper:
    @pytest.mark.parametrize("rate", [0.0012, 0.0199, 0.02, 0.1, 0.3333])
    def test_it_is_ever_under_the_true_rate_in_at_most_alpha_of_all_runs(self, rate):
        """Looked at after every one of 400 audits."""
        random = np.random.default_rng(3)
        broken = sum(min(uppers(audits(random, 400, rate))) < rate for _ in range(300))
        assert broken <= at_most(0.05, 300)

    def test_it_comes_under_the_target_when_the_ai_is_good(self):
        assert upper([Audit(False)] * 400) < 0.02
        assert upper([Audit(False)] * 50) > 0.02

    def test_between_two_rates_that_are_looked_at_it_is_the_larger(self):
        """Audits until what lies just over 0.12 % is ruled out, though that is none of the rates that are looked at."""
        wealth, count = against(np.array([0.00121])), 0
        while wealth.value()[0] < 20:
            wealth.add(False, 1.0)
            count += 1
        assert upper([Audit(False)] * count) >= 0.00121 - 1e-9
        assert upper([Audit(False)] * (2 * count)) < 0.00121

    def test_nothing_audited_says_nothing(self):
        assert upper([]) == 1.0

    def test_it_stays_over_the_target_when_the_ai_is_not(self):
        random = np.random.default_rng(5)
        assert upper(audits(random, 1000, 0.08)) > 0.05

    def test_audits_of_two_probabilities_are_weighed(self):
        """Half of the cases are never wrong and always audited, half wrong in 20 % and audited in one of four: 10 % in all."""
        random, broken = np.random.default_rng(9), 0
        for _ in range(200):
            found = []
            for _ in range(600):
                risky = random.random() < 0.5
                if random.random() < (0.25 if risky else 1.0):
                    found.append(Audit(bool(risky and random.random() < 0.2), 0.25 if risky else 1.0))
            broken += upper(found, least=0.25) < 0.1
        assert broken <= at_most(0.05, 200)


class TestDetector:
    def test_steady_and_good_it_trips_in_at_most_the_stated_share_of_years(self):
        random, trips = np.random.default_rng(1), 0
        for _ in range(150):
            detector = Detector(0.02, threshold_for(1000))
            trips += tripped(detector, audits(random, 1000, 0.02))
        assert trips <= at_most(0.05, 150)

    def test_without_restarts_taken_for_free_the_threshold_is_what_protects(self):
        random, trips = np.random.default_rng(1), 0
        for _ in range(50):
            detector = Detector(0.02, 20.0)
            trips += tripped(detector, audits(random, 1000, 0.02))
        assert trips > 25, "a threshold for one look would cry wolf"

    def test_where_more_audits_come_the_threshold_rises_with_them(self):
        """9,000 a year at exactly the target: with the threshold of 2,000 a year more than one year in twenty would alarm."""
        random, kept, fixed = np.random.default_rng(8), 0, 0
        for _ in range(60):
            paced, other = Detector(0.02, threshold_for(2000)), Detector(0.02, threshold_for(2000))
            found = audits(random, 9000, 0.02)
            for number, audit in enumerate(found):
                paced.keep_pace(number * 365 // 9000)
                paced.add(audit)
            fixed += tripped(other, found)
            assert paced.threshold == pytest.approx(threshold_for(9000), rel=0.05)
            kept += paced.tripped
        assert kept <= at_most(0.05, 60)

    def test_a_threshold_is_never_lowered(self):
        detector = Detector(0.02, threshold_for(2000), seen=500)
        detector.keep_pace(A_MONTH)
        assert detector.threshold == threshold_for(501 * 365 / A_MONTH)
        detector.keep_pace(365)
        assert detector.threshold == threshold_for(501 * 365 / A_MONTH)

    @pytest.mark.parametrize("quiet", [0, 500])
    def test_a_rise_is_seen_soon_however_long_all_was_well(self, quiet):
        random, late = np.random.default_rng(2), 0
        for _ in range(50):
            detector = Detector(0.02, threshold_for(1000))
            for audit in audits(random, quiet, 0.005):
                detector.add(audit)
            late += not tripped(detector, audits(random, 60, 0.3))
        assert late <= 3

    def test_its_value_is_at_most_the_number_of_audits_on_average(self):
        random = np.random.default_rng(4)
        values = []
        for _ in range(2000):
            detector = Detector(0.2, 1e9)
            for audit in audits(random, 10, 0.2):
                detector.add(audit)
            values.append(detector.value)
        assert np.mean(values) <= 10 + 4 * np.std(values) / math.sqrt(len(values))

    def test_a_probability_that_is_small_makes_a_finding_large(self):
        common, rare = Detector(0.02, 100, least=0.1), Detector(0.02, 100, least=0.1)
        common.add(Audit(True, 1.0))
        rare.add(Audit(True, 0.1))
        assert rare.value > common.value


class TestDrawnUnequally:
    """Half of the cases are audited ten times as seldom as the others. 400 scopes of 2,000 audits each, all at once."""

    def trips(self, seldom, often, audits=2_000, runs=400):
        """After how many audits each tripped; infinite: never."""
        random = np.random.default_rng(21)
        evidence, found = np.zeros((runs, len(STAKES))), np.full(runs, np.inf)
        for place in range(1, audits + 1):
            is_seldom = random.random(runs) < 1 / 11
            wrong = random.random(runs) < np.where(is_seldom, seldom, often)
            weight = np.where(is_seldom, 1.0, 0.1)[:, None]  # the least probability over its own
            evidence = grown(evidence, wrong, 0.02, weight)
            found = np.where((evidence.mean(axis=1) >= threshold_for(2_000)) & np.isinf(found), place, found)
        return found

    def test_at_the_target_in_all_hardly_any_trips_in_a_year(self):
        """Wrong in 3.5 % of what is seldom audited and in 0.5 % of the rest: in 2 % of all that the AI did."""
        assert np.isfinite(self.trips(0.035, 0.005)).sum() <= at_most(0.05, 400)

    def test_over_it_they_trip_though_few_audits_show_it(self):
        """Wrong in 30 % of what is seldom audited: of all audits not even 4 % find anything."""
        assert np.isfinite(self.trips(0.3, 0.005)).mean() > 0.95


def test_the_standard_error_covers_the_true_rate_as_often_as_it_should():
    """Audits of two probabilities; two standard errors on either side hold it in some 95 of 100 runs."""
    random, covered = np.random.default_rng(23), 0
    for _ in range(300):
        found = audits(random, 300, 0.2, 0.5) + audits(random, 100, 0.4, 0.1)
        true = (300 / 0.5 * 0.2 + 100 / 0.1 * 0.4) / (300 / 0.5 + 100 / 0.1)
        rate, error = estimate(found)
        covered += abs(rate - true) <= 2 * error
    assert covered / 300 >= 0.92


def test_a_probability_that_was_not_foreseen_is_refused():
    for ask in (lambda: upper([Audit(False, 0.25)]), lambda: Detector(0.02, 100, least=0.5).add(Audit(False, 0.1))):
        with pytest.raises(ValueError, match="the least was to be"):
            ask()


class TestEstimate:
    def test_it_is_weighted_by_inverse_probability(self):
        random = np.random.default_rng(6)
        found = audits(random, 5000, 0.0) + audits(random, 1250, 0.2, 0.25)
        rate, error = estimate(found)
        assert rate == pytest.approx(0.1, abs=4 * error)
        assert 0 < error < 0.02
        assert estimate([]) == (0.0, 0.0)
