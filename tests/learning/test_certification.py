"""Certification at the null and at the alternative, and what must never move it."""

import math
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from scipy.stats import binom

from apps.learning import certification, disagreement
from apps.learning.certification import (
    Judged,
    alpha_of_report,
    bound,
    certify,
    clusters_of,
    counting,
    evened,
    examine,
    lower_bound,
)
from apps.learning.shadow_reading import Shadow

DAY = date(2026, 3, 2)


def judged(number, *, wrong=False, customer=None, by=None, joint="", on=None):
    return Judged(
        case=f"c{number}", customer=customer or f"customer {number}", by=by or f"person {number % 4}",
        on=on or DAY + timedelta(days=number % 30), wrong=wrong, money=Decimal(50), joint=joint,
    )  # fmt: skip


def right(count, start=0, **more):
    return [judged(start + number, **more) for number in range(count)]


class TestBound:
    @pytest.mark.parametrize(("wrong", "n"), [(0, 1), (0, 300), (3, 500), (40, 1000)])
    def test_it_is_the_rate_at_which_so_few_wrong_are_as_rare_as_alpha(self, wrong, n):
        assert binom.cdf(wrong, n, bound(wrong, n, 0.05)) == pytest.approx(0.05)

    def test_nothing_judged_proves_nothing(self):
        assert bound(0, 0, 0.05) == bound(5, 5, 0.05) == 1.0

    @pytest.mark.parametrize("n", [50, 200, 1000])
    @pytest.mark.parametrize("rate", [0.02, 0.1])
    def test_at_the_null_it_is_under_the_true_rate_in_at_most_alpha_of_all_samples(self, n, rate):
        below = sum(binom.pmf(k, n, rate) for k in range(n + 1) if bound(k, n, 0.05) < rate)
        assert below <= 0.05, "summed over all samples, not simulated"

    def test_at_the_alternative_enough_good_cases_certify(self):
        assert bound(1, 400, 0.05) < 0.02
        assert bound(1, 200, 0.05) > 0.02


class TestAlpha:
    def test_all_reports_together_spend_no_more_than_alpha(self):
        assert sum(alpha_of_report(number) for number in range(1, 100_000)) == pytest.approx(0.05, rel=1e-4)

    def test_a_later_report_needs_more(self):
        pile = right(300)
        assert certify([[pile]], target=0.02, report=1)[0][0].certified
        assert not certify([[pile]], target=0.02, report=10)[0][0].certified

    def test_it_is_shared_among_the_chains(self):
        pile = right(200)
        assert certify([[pile]], target=0.02, report=1)[0][0].certified
        first, second = certify([[pile], [right(200, 1000)]], target=0.02, report=1)
        assert first[0].alpha == second[0].alpha == alpha_of_report(1) / 2
        assert not first[0].certified

    def test_many_regions_at_the_null_are_certified_in_at_most_alpha_of_all_reports(self):
        """Five regions that are wrong at exactly the target: any certificate is a false one."""
        random, false = np.random.default_rng(7), 0
        for _ in range(400):
            chains = [
                [[judged(number, wrong=bool(flag)) for number, flag in enumerate(random.random(500) < 0.02)]]
                for _ in range(5)
            ]
            false += any(chain[0].certified for chain in certify(chains, target=0.02, report=1))
        assert false <= 400 * alpha_of_report(1) + 3 * math.sqrt(400 * alpha_of_report(1))


class TestChain:
    def test_the_whole_share_is_used_along_a_chain(self):
        narrow = right(200)
        wide = narrow + right(200, 200)
        (chain,) = certify([[narrow, wide]], target=0.02, report=1)
        assert [one.certified for one in chain] == [True, True]
        assert {one.alpha for one in chain} == {alpha_of_report(1)}

    def test_behind_one_that_is_not_certified_nothing_is(self):
        narrow = right(40)
        wide = narrow + right(400, 40)
        (chain,) = certify([[narrow, wide]], target=0.02, report=1)
        assert [one.certified for one in chain] == [False, False]
        assert chain[1].reasons == ("a narrower region before it is not certified",)

    def test_a_long_chain_at_the_null_errs_no_more_often_than_one_test(self):
        """Twenty regions that share nothing: tested each for itself at the whole share, one of them would often pass."""
        random, false, alone = np.random.default_rng(11), 0, 0
        for _ in range(150):
            flags = random.random(20 * 300) < 0.02
            rows = [judged(number, wrong=bool(flag)) for number, flag in enumerate(flags)]
            (chain,) = certify([[rows[start : start + 300] for start in range(0, 6000, 300)]], target=0.02, report=1)
            false += any(one.certified for one in chain)
            alone += any(one.bound <= 0.02 for one in chain)
        assert false <= 150 * alpha_of_report(1) + 3 * math.sqrt(150 * alpha_of_report(1))
        assert alone > 2 * false, "without the order it would be so many"


class TestClusters:
    def test_one_customer_is_one_trial_and_the_worst_counts(self):
        rows = [judged(number, customer="same", wrong=number == 3) for number in range(500)]
        (cluster,) = clusters_of(rows)
        assert cluster.wrong
        assert len(cluster.judged) == 500

    def test_a_joint_decision_is_one_trial_over_its_customers(self):
        rows = [judged(number, joint="j") for number in range(20)] + [judged(30, customer="customer 5")]
        assert len(clusters_of(rows)) == 1

    def test_one_customer_flooding_moves_nothing(self):
        pile = right(100)
        flooded = examine(pile + [judged(1000 + n, customer="flood") for n in range(500)], target=0.02, alpha=0.05)
        assert flooded.clusters == 101
        assert not flooded.certified

    def test_one_supervisor_flooding_moves_nothing(self):
        alone = examine(right(500, by="flood"), target=0.02, alpha=0.05)
        assert (alone.clusters, alone.bound, alone.certified) == (0, 1.0, False)

    def test_somebody_who_floods_counts_for_no_more_than_all_others(self):
        few = [judged(n, by=f"person {n % 2}") for n in range(60)]
        with_flood = examine(few + right(500, 1000, by="flood"), target=0.02, alpha=0.05)
        assert with_flood.clusters == 120
        assert with_flood.capped == 440
        assert not with_flood.certified

    def test_those_who_are_not_known_may_be_one_and_brands_have_their_own(self):
        unknown = [replace(judged(n), customer="") for n in range(50)]
        days = {one.on for one in unknown}
        assert len(clusters_of(unknown)) == len(days) < 50, "of a day"
        assert len(clusters_of([replace(judged(1), partner=brand) for brand in ("glow", "nord")])) == 2

    def test_many_wrong_cases_of_few_customers_certify_nothing(self):
        flood = [judged(5000 + n, customer="many", wrong=True) for n in range(300)]
        found = examine(right(600) + flood, target=0.02, alpha=0.05)
        assert found.bound < 0.02
        assert found.reasons == ("of all 900 cases more than 2.00% were wrong, though of few customers",)

    def test_a_cap_keeps_what_was_found_wrong(self):
        rows = right(40, by="other") + [judged(1000 + n, by="flood", wrong=n >= 490) for n in range(500)]
        kept = counting(rows)
        assert sum(cluster.wrong for cluster in kept) == 10

    def test_a_day_makes_up_no_more_than_a_quarter(self):
        rows = right(60) + [judged(1000 + n, on=DAY + timedelta(days=40), wrong=n == 499) for n in range(500)]
        kept = counting(rows)
        assert len(kept) == 80
        assert sum(cluster.wrong for cluster in kept) == 1, "what was wrong is kept"

    @pytest.mark.parametrize("days", [[300, 280, 5, 5, 5, 5], [90, 80, 70, 60, 50]])
    def test_nor_do_two_that_are_large(self, days):
        rows = [
            judged(1000 * day + n, on=DAY + timedelta(days=day)) for day, count in enumerate(days) for n in range(count)
        ]
        kept = counting(rows)
        largest = max(Counter(cluster.judged[0].on for cluster in kept).values())
        assert largest <= len(kept) / 4

    def test_what_one_cap_leaves_out_does_not_undo_the_other(self):
        """Half of it is one person's, spread over the days; once that is capped, the days of the others are too large."""
        theirs = [judged(n, by="a", on=DAY + timedelta(days=n % 20)) for n in range(400)]
        others = [judged(1000 + n, by=f"b{n % 3}", on=DAY + timedelta(days=n % 2)) for n in range(80)]
        kept = counting(theirs + others)
        days, people = (Counter(map(of, kept)).most_common(1)[0][1]
                        for of in (lambda one: one.judged[0].on, lambda one: one.by))  # fmt: skip
        assert len(kept) == 160, "of the person what lies on other days is kept"
        assert days <= len(kept) / 4
        assert people <= len(kept) / 2

    def test_nobody_makes_up_more_than_half(self):
        rows = right(30, by="a") + right(10, 100, by="b") + right(5, 200, by="c")
        kept = counting(rows)
        assert len(kept) == 30
        assert sum(cluster.by == "a" for cluster in kept) == 15


class TestDrawn:
    def test_where_more_was_drawn_of_one_brand_it_is_thinned_out(self):
        often = [replace(judged(n), probability=0.6, least=0.2, place=(n + 0.5) / 600) for n in range(600)]
        seldom = [replace(judged(1000 + n), probability=0.2, least=0.2, place=0.99) for n in range(100)]
        assert len(evened(often)) == 200
        assert len(evened(seldom)) == 100

    def test_drawn_alike_nothing_is_lost(self):
        assert len(evened([replace(judged(n), probability=0.75, least=0.75, place=n / 600) for n in range(600)])) == 600

    def test_what_is_hardly_ever_drawn_does_not_hide_behind_what_is_often(self):
        """Nine of ten cases are right and drawn at 75 %, the tenth is wrong in 40 % and drawn at 5 %: 4 % are wrong."""
        random, certified = np.random.default_rng(5), 0
        for _ in range(60):
            rows = []
            for number in range(2600):
                ring = number % 10 == 0
                chance = 0.05 if ring else 0.75
                if random.random() < chance:
                    wrong = bool(random.random() < (0.4 if ring else 0.0005))
                    rows.append(
                        replace(judged(number, wrong=wrong), probability=chance, least=0.05, place=random.random())
                    )
            certified += examine(rows, target=0.02, alpha=0.03).certified
        assert certified <= 60 * 0.03 + 3 * math.sqrt(60 * 0.03)


class TestBrands:
    """Several brands share a boundary, and their judgements are pooled."""

    def pooled(self, wrong_at_small):
        small = [replace(judged(5000 + n, wrong=n < wrong_at_small), partner="small") for n in range(60)]
        return [replace(one, partner="large") for one in right(1500)] + small

    def test_one_that_differs_is_named_before_it_is_surely_over_the_target(self):
        found = examine(self.pooled(3), target=0.02, alpha=0.05)
        assert found.bound < 0.02
        assert found.reasons == ("small differs: wrong for 3 of 60 customers there, for 0 of 1500 elsewhere",)

    def test_one_that_is_surely_over_it_is_named_with_how_far(self):
        found = examine(self.pooled(9), target=0.02, alpha=0.05)
        assert found.reasons[0].startswith("at small it is wrong for at least")

    def test_brands_that_are_alike_are_named_in_at_most_alpha_of_all_reports(self):
        random, named = np.random.default_rng(13), 0
        for _ in range(200):
            rows = [
                replace(judged(number, wrong=bool(random.random() < 0.01)), partner=f"brand {number % 5}")
                for number in range(1000)
            ]
            named += any("brand" in reason for reason in examine(rows, target=0.05, alpha=0.05).reasons)
        assert named <= 200 * 0.05 + 3 * math.sqrt(200 * 0.05)


class TestNeeds:
    def test_few_customers_days_or_supervisors_are_named(self):
        few = examine(right(400, by="one", on=DAY), target=0.02, alpha=0.05)
        assert any("1 days, at least 5" in reason or "0 days" in reason for reason in few.reasons)
        one_day = examine([judged(n, on=DAY) for n in range(400)], target=0.02, alpha=0.05)
        assert one_day.reasons == ("judgements of 1 days, at least 5 are needed",)

    def test_each_is_asked_by_itself(self):
        assert examine(right(30), target=0.2, alpha=0.05).certified
        few = examine(right(29), target=0.2, alpha=0.05)
        assert few.reasons == ("judgements of 29 customers, at least 30 are needed",)

    def test_it_says_how_many_more_are_needed(self):
        some = examine(right(100), target=0.02, alpha=0.05)
        assert not some.certified
        assert bound(0, 100 + some.more_needed, 0.05) <= 0.02 < bound(0, 100 + some.more_needed - 1, 0.05)

    def test_as_many_as_it_says_suffice_in_the_next_report(self):
        (chain,) = certify([[right(100)]], target=0.02, report=1)
        more = chain[0].more_needed
        assert certify([[right(100 + more)]], target=0.02, report=2)[0][0].certified
        assert not certify([[right(100 + more - 1)]], target=0.02, report=2)[0][0].certified

    def test_the_number_needed_is_the_smallest(self):
        needed = certification.more_needed(4, 420, 0.02, 0.05)
        fits = [more for more in range(400) if bound(-(-4 * (420 + more) // 420), 420 + more, 0.05) <= 0.02]
        assert needed == fits[0]

    def test_worse_than_the_target_no_number_helps(self):
        bad = examine([judged(n, wrong=n % 20 == 0) for n in range(400)], target=0.02, alpha=0.05)
        assert bad.more_needed is None

    def test_money_that_was_wrong_is_weighted(self):
        rows = [Judged("a", "a", "p", DAY, True, Decimal(900)), Judged("b", "b", "q", DAY, False, Decimal(100))]
        assert examine(rows, target=0.02, alpha=0.05).money_share == pytest.approx(0.9)

    def test_without_the_largest_cluster_the_bound_is_told_too(self):
        rows = right(300) + [judged(900 + n, customer="many", wrong=n == 0) for n in range(9)]
        found = examine(rows, target=0.02, alpha=0.05)
        assert found.wrong == 1
        assert found.bound_without_largest == bound(0, 300, 0.05) < found.bound


class TestLowerBound:
    """What is "surely over" a rate is so by the exact lower bound: of brands, tightenings, shadows and disagreement."""

    @pytest.mark.parametrize("rate", [0.02, 0.05, 0.3])
    @pytest.mark.parametrize("n", [30, 200, 500])
    def test_at_the_null_it_is_over_the_true_rate_in_at_most_alpha(self, rate, n):
        over = [k for k in range(n + 1) if lower_bound(k, n, 0.05) > rate]
        assert sum(binom.pmf(k, n, rate) for k in over) <= 0.05 + 1e-12

    def test_at_the_alternative_it_tells(self):
        over = [k for k in range(501) if lower_bound(k, 500, 0.05) > 0.05]
        assert sum(binom.pmf(k, 500, 0.09) for k in over) > 0.95

    @pytest.mark.parametrize(("flips", "least", "most"), [(0.05, 0.0, 0.05), (0.12, 0.95, 1.0)])
    def test_a_classifier_that_flips_as_much_as_it_may_stops_a_grant_in_1_of_20(self, flips, least, most):
        stops = [k for k in range(501) if Shadow(1, 500, k, lower_bound(k, 500, 0.05)).stops]
        assert least <= sum(binom.pmf(k, 500, flips) for k in stops) <= most


class TestDisagreement:
    def test_a_target_under_what_people_agree_on_is_out_of_reach(self):
        assert disagreement.Disagreement(200, 30).is_above(0.02)
        assert not disagreement.Disagreement(200, 4).is_above(0.02)
        assert not disagreement.Disagreement(0, 0).is_above(0.02)
        assert disagreement.Disagreement(0, 0).share is None
        assert not disagreement.Disagreement(200, 12).is_above(0.02), "surely over the target, and half of it is not"
