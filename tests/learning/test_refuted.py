"""Proposals that what is judged later refutes."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import numpy as np

from apps.learning import refinements
from apps.learning.region import Region
from tests.learning.labelled import NOW
from tests.learning.test_refining import pieces

SAMPLE = [one for one in pieces(400) if (one.case_type, one.action) == ("refund_exception", "refund")][:20]


class TestRefuted:
    """A proposal that is open is held week by week against what is judged since."""

    def refuted(self, rate, runs=40):
        random, found = np.random.default_rng(29), 0
        row = SimpleNamespace(
            as_region=Region, case_type="refund_exception", action="refund", steps=[{"target": 0.02}],
            report=SimpleNamespace(made_at=NOW),
        )  # fmt: skip
        for run in range(runs):
            later, over = [], False
            for week in range(13):
                later += [
                    replace(one, amount=None, judged=replace(
                        one.judged, on=NOW.date() + timedelta(days=7 * week + n % 5), wrong=bool(random.random() < rate),
                        customer=f"{run} {week} {n}", by=f"person {n % 4}",
                    ))
                    for n, one in enumerate(SAMPLE)
                ]  # fmt: skip
                over = over or refinements._is_refuted(row, later)
            found += over
        return found / runs

    def test_at_its_target_it_stays_open(self):
        assert self.refuted(0.02) <= 0.05 + 0.07  # two of 40 are expected at most

    def test_far_over_it_it_ends(self):
        assert self.refuted(0.12) > 0.9
