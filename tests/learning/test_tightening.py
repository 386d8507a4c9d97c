"""Tightening: what is wrong too often is found with the condition under which it is, and chance is not."""

from dataclasses import replace

import numpy as np

from apps.learning.tightening import tighten
from tests.learning.test_refining import pieces


def granted(count, *, seed=1, wrong, **more):
    return [replace(one, how="audit", granted=True) for one in pieces(count, seed=seed, wrong=wrong, **more)]


class TestNull:
    def test_at_the_target_hardly_anything_is_taken_back(self):
        taken = 0
        for seed in range(40):
            flips = iter(np.random.default_rng(seed).random(800) < 0.02)
            taken += bool(tighten(granted(800, seed=seed, wrong=lambda *_: bool(next(flips)))))  # noqa: B023
        assert taken <= 2, "1 % of looks, and three standard errors"

    def test_one_who_audits_most_takes_nothing_back_by_that(self):
        taken = 0
        for seed in range(30):
            flips = iter(np.random.default_rng(seed).random(600) < 0.012)
            some = granted(600, seed=seed, wrong=lambda *_: bool(next(flips)), by=lambda n: f"person {n % 10 == 0}")  # noqa: B023
            taken += bool(tighten(some))
        assert taken <= 2


class TestAlternative:
    def test_a_region_that_is_wrong_is_named(self):
        (found,) = tighten(granted(1500, wrong=lambda days, tier, amount, chance: days > 30 and chance < 0.5))
        assert "days past the window ≥" in found.region.in_words()
        assert found.lower > 0.02
        assert found.wrong / found.judged > 0.2

    def test_what_is_wrong_everywhere_is_taken_back_whole(self):
        (found,) = tighten(granted(1500, wrong=lambda days, tier, amount, chance: chance < 0.2))
        assert found.region.in_words() == "every case"

    def test_one_customers_cases_take_nothing_back(self):
        assert tighten(granted(400, wrong=lambda *_: True, customer=lambda n: "one")) == []
