"""How often people differ among themselves, and what a report says of it."""

from decimal import Decimal

import numpy as np

from apps.learning import evidence, practice, refinements
from apps.learning.disagreement import Disagreement
from apps.learning.models import RefinementReport
from apps.policies.specs import LimitSpec
from apps.policies.targets import Targets
from tests.conftest import browser, page


class TestPeople:
    def test_a_target_under_what_people_agree_on_is_said_to_be_out_of_reach(
        self, judged, boundary, now, ops, monkeypatch
    ):
        monkeypatch.setattr(
            evidence,
            "judged_by_two",
            lambda *_: {"complaint": Disagreement(200, 30), "refund_exception": Disagreement(2000, 4)},
        )
        report = refinements.make_report(boundary, now)
        shown = page(browser(ops), f"/admin/learning/refinementreport/{report.pk}/change/")
        assert "They differed in 34 of 2200 cases that two judged (1.5%)." in shown
        assert "Complaint (30 of 200): surely more than twice its target of 2.0%" in shown
        assert "Refund exception (" not in shown

    def test_each_type_is_held_against_its_own_target(self, judged, boundary, now, monkeypatch):
        monkeypatch.setattr(evidence, "judged_by_two", lambda *_: {"complaint": Disagreement(200, 30)})
        looser = LimitSpec("l", "error", case_types=frozenset({"complaint"}), target=Decimal("0.1"))
        monkeypatch.setattr(practice, "targets_in", lambda boundary: Targets(limits=(looser,)))
        assert refinements.make_report(boundary, now).out_of_reach == {}

    def test_at_the_null_hardly_a_year_calls_any_type_out_of_reach(self):
        """Twelve types in which people differ at just twice the target, told week by week."""
        random, years = np.random.default_rng(7), 0
        for _ in range(40):
            weekly = random.binomial(1, 0.04, (52, 12, 8)).cumsum(axis=0)
            years += any(
                RefinementReport(target=0.02, by_two={
                    str(n): [8 * (week + 1), int(weekly[week, n].sum())] for n in range(12)
                }).out_of_reach
                for week in range(52)
            )  # fmt: skip
        assert years <= 4  # two are expected at most

    def test_without_double_judgements_that_is_said(self, judged, boundary, now, ops):
        report = refinements.make_report(boundary, now)
        assert (report.pairs, report.differing) == (0, 0)
        assert "nobody knows how often they differ" in page(
            browser(ops), f"/admin/learning/refinementreport/{report.pk}/change/"
        )
