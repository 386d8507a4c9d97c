"""Drift: cases that a certificate does not speak of are found, and those that it speaks of are not."""

from decimal import Decimal

import numpy as np
import pytest

from apps.learning.drift import never_certified, usual
from apps.policies.money import Money


def cases(count, seed, *, days=30, tiers=("bronze", "silver"), most=100):
    rng = np.random.default_rng(seed)
    return [
        {
            "order.days_past_window": int(rng.integers(0, days)), "customer.tier": str(rng.choice(tiers)),
            "order.total": Money(Decimal(int(rng.integers(5, most))), "USD"), "order.final_sale": False,
        }
        for _ in range(count)
    ]  # fmt: skip


class TestNull:
    def test_traffic_like_the_evidence_is_hardly_ever_called_drift(self):
        found = [never_certified(usual(cases(600, seed)), cases(700, 1000 + seed)) for seed in range(200)]
        assert sum(map(bool, found)) <= 4, "1 % of looks, and three standard errors"

    @pytest.mark.parametrize(("before", "now"), [(300, 700), (600, 3000), (1500, 5000)])
    def test_long_tails_are_no_drift(self, before, now):
        def tailed(count, seed):
            rng = np.random.default_rng(seed)
            return [{"order.days_past_window": int(rng.exponential(12)), "customer.orders": int(rng.exponential(4))}
                    for _ in range(count)]  # fmt: skip

        found = [never_certified(usual(tailed(before, seed)), tailed(now, 1000 + seed)) for seed in range(60)]
        assert sum(map(bool, found)) <= 2

    def test_nothing_is_said_without_evidence_or_traffic(self):
        assert never_certified(usual([]), cases(50, 1)) == []
        assert never_certified(usual(cases(50, 1)), []) == []


class TestAlternative:
    @pytest.mark.parametrize(
        ("now", "words"),
        [
            ({"days": 60}, "days past the window > 29 days"),
            ({"tiers": ("bronze", "gold")}, "customer tier is gold"),
            ({"most": 400}, "order total > 99.00 USD"),
        ],
    )
    def test_what_was_never_certified_is_named(self, now, words):
        found = never_certified(usual(cases(600, 1)), cases(400, 2, **now))
        assert [one.in_words() for one in found] == [words]

    @pytest.mark.parametrize(("fact", "value"), [("message.reason", "damaged"), ("order.delivery_attempts", 2)])
    def test_a_fact_that_the_evidence_knew_nothing_of_is_named(self, fact, value):
        known = [{**one, fact: value} for one in cases(100, 3)]
        (found,) = never_certified(usual(cases(600, 1)), cases(300, 2) + known)
        assert (found.fact, found.operator) == (fact, "is known")
        assert never_certified(usual(cases(600, 1) + known), cases(300, 2) + known) == []

    def test_one_that_was_not_in_the_vocabulary_then_is_no_drift(self):
        was = {name: one for name, one in usual(cases(600, 1)).items() if name != "message.reason"}
        assert never_certified(was, [{**one, "message.reason": "damaged"} for one in cases(300, 2)]) == []

    def test_a_value_that_few_knew_then_and_all_know_now_is_named(self):
        few = [{**one, "message.reason": "changed_mind"} for one in cases(20, 3)]
        all_damaged = [{**one, "message.reason": "damaged"} for one in cases(400, 2)]
        (found,) = never_certified(usual(cases(600, 1) + few), all_damaged)
        assert (found.fact, found.value) == ("message.reason", "damaged")

    def test_a_few_strange_ones_are_no_drift(self):
        strange = cases(9, 3, tiers=("vip",))
        assert never_certified(usual(cases(600, 1)), cases(400, 2) + strange) == []

    def test_what_the_evidence_had_three_times_it_had_as_good_as_never(self):
        evidence = cases(600, 1) + cases(3, 4, tiers=("gold",))
        (found,) = never_certified(usual(evidence), cases(300, 2) + cases(60, 5, tiers=("gold",)))
        assert found.in_words() == "customer tier is gold"
