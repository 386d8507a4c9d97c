"""Limits over past cases: in time order, as the accounts of live cases keep them."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from apps.policies import limits
from apps.policies.money import Money
from apps.policies.specs import LimitSpec
from apps.policies.vector_gate import ACTIONS
from apps.policies.words import CaseType

START = datetime(2026, 3, 1, tzinfo=UTC).timestamp()
DAY, WEEK = 24, 24 * 7


def case(hours, dollars=60, **more):
    return {"hours": hours, "dollars": dollars, "currency": "USD", "partner": 1, "type": "standard_return",
            "action": "refund", "customer": "a", "address": "x", "payment": "p", "alone": True, **more}  # fmt: skip


def held(specs, cases, zone="UTC"):
    """Which of the cases still act alone."""
    arrays = {
        "at": np.array([START + one["hours"] * 3600 for one in cases]),
        "partner": np.array([one["partner"] for one in cases], np.int32),
        "case type": np.array([CaseType.values.index(one["type"]) for one in cases]),
        "action": np.array([ACTIONS.index(one["action"]) for one in cases]),
        "amount": np.array([one["dollars"] * 100 for one in cases]),
    }
    texts = {name: [one[name] for one in cases] for name in ("currency", "customer", "address", "payment")}
    alone = np.array([one["alone"] for one in cases])
    limits.hold(specs if isinstance(specs, tuple) else (specs,), alone, arrays, texts, {1: ZoneInfo(zone)})
    return alone.tolist()


def budget(dollars=100, **more):
    return LimitSpec("g", "budget", amount=Money(Decimal(dollars), "USD"), **more)


def velocity(**more):
    return LimitSpec("g", "velocity", **{"count": 1, "days": 90, "per": "customer", **more})


class TestBudgets:
    def test_one_of_a_day_begins_anew_at_the_partners_midnight(self):
        assert held(budget(), [case(1), case(2), case(3, 40), case(25)]) == [True, False, True, True]
        assert held(budget(), [case(3), case(6)], "America/New_York") == [True, True], "22:00 and 01:00"
        assert held(budget(), [case(3), case(6)], "Europe/Berlin") == [True, False]

    def test_one_of_several_days_counts_the_last_days_to_the_second(self):
        cases = [case(0), case(WEEK - 0.001), case(WEEK)]
        assert held(budget(days=7), cases) == [True, False, True]

    def test_what_was_first_in_time_is_first_to_spend_whatever_its_number(self):
        assert held(budget(), [case(5), case(4), case(1, 40)]) == [False, True, True]

    def test_each_brand_has_its_own(self):
        assert held(budget(), [case(1), case(2, partner=2), case(3)]) == [True, True, False]

    def test_its_last_cent_is_given_and_none_more(self):
        assert held(budget(120), [case(1), case(2)]) == [True, True]
        assert held(budget(119), [case(1), case(2)]) == [True, False]

    def test_money_of_another_currency_never_fits_and_none_at_all_spends_nothing(self):
        cases = [case(1, currency="EUR"), case(2, 0, currency=""), case(3)]
        assert held(budget(), cases) == [False, True, True]

    @pytest.mark.parametrize("other", [{"type": "complaint"}, {"action": "goodwill"}])
    def test_what_it_does_not_look_at_neither_spends_nor_is_held(self, other):
        narrow = budget(actions=frozenset({"refund"}), case_types=frozenset({"standard_return"}))
        assert held(narrow, [case(1, **other), case(2), case(3, 500, **other)]) == [True, True, True]

    def test_what_a_person_decides_spends_nothing(self):
        assert held(budget(), [case(1, alone=False), case(2)]) == [False, True]


class TestVelocity:
    @pytest.mark.parametrize("per", ["customer", "address", "payment"])
    def test_it_counts_for_each_one(self, per):
        assert held(velocity(per=per), [case(1), case(2), case(3, **{per: "another"})]) == [True, False, True]

    def test_who_is_unknown_never_fits(self):
        assert held(velocity(), [case(1, customer="")]) == [False]

    def test_it_counts_money_too(self):
        amount = Money(Decimal(100), "USD")
        assert held(velocity(count=None, amount=amount), [case(1), case(2), case(3, 40)]) == [True, False, True]

    def test_after_its_days_it_begins_anew(self):
        assert held(velocity(days=7), [case(0), case(WEEK - 1), case(WEEK)]) == [True, False, True]


def test_what_one_limit_holds_spends_nothing_of_another():
    assert held((velocity(), budget(120)), [case(1), case(2), case(3, customer="b")]) == [True, False, True]


class TestQuietHours:
    NIGHT = LimitSpec("g", "quiet", hours=(22 * 60, 6 * 60))

    def test_they_run_over_midnight(self):
        assert held(self.NIGHT, [case(1), case(6), case(21.98), case(22)]) == [False, True, True, False]

    def test_by_the_clock_of_the_brand(self):
        assert held(self.NIGHT, [case(11), case(12)], "America/New_York") == [True, True]
        assert held(self.NIGHT, [case(11), case(12)], "Asia/Tokyo") == [True, True]
        assert held(self.NIGHT, [case(14)], "Asia/Tokyo") == [False], "23:00"

    def test_only_for_what_they_look_at(self):
        narrow = LimitSpec("g", "quiet", hours=(22 * 60, 6 * 60), case_types=frozenset({"complaint"}))
        assert held(narrow, [case(1), case(1, type="complaint")]) == [True, False]

    def test_what_they_stop_spends_nothing(self):
        assert held((self.NIGHT, budget()), [case(5), case(7)]) == [False, True]
