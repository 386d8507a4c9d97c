"""The steps of a ramp, without a database."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from scipy.stats import poisson

from apps.learning.certification import Judged
from apps.learning.steps import DRAWN, WEEKLY_MINIMUM, Step, audit_probability, held_by, next_share


def audits(count, *, wrong=False, probability=0.5, start=0):
    """Of as many customers, by three people, over a week."""
    return [
        Judged(
            str(place), f"customer-{place}", f"person-{place % 3}", date(2026, 3, 2) + timedelta(days=place % 7), wrong,
            probability=probability,
        )
        for place in range(start, start + count)
    ]  # fmt: skip


RIGHT = audits(40)
OTHERS = audits(20, start=40)


def test_it_goes_from_ten_to_fifty_to_all():
    assert next_share(Step(10, 7, RIGHT), 0.02) == 50
    assert next_share(Step(50, 7, RIGHT), 0.02) == 100
    assert next_share(Step(100, 7, RIGHT), 0.02) == 100


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (Step(10, 6, RIGHT), "a week at least"),
        (Step(10, 7, RIGHT, late=1), "audits are late: 1 wait for more than 2 days"),
        (Step(10, 7, RIGHT[: WEEKLY_MINIMUM - 1]), "24 audits are done, and 25 are needed"),
        (Step(10, 7, [*RIGHT, *audits(4, wrong=True, start=40)]), "wrong in 9.1%"),
    ],
)
def test_it_stays_where_it_is(step, why):
    assert why in held_by(step, 0.02)
    assert next_share(step, 0.02) == step.share


@pytest.mark.parametrize(
    "alike", [{"customer": "one"}, {"by": "one"}, {"on": date(2026, 3, 2)}], ids=["customer", "auditor", "day"]
)
def test_no_flood_moves_it(alike):
    """Twenty others would not do, and five hundred of one customer, by one auditor or of one day add too little to them."""
    flood = [replace(one, **alike) for one in audits(500, start=100)]
    assert "count, and 25 are needed" in held_by(Step(10, 7, [*OTHERS[:12], *flood]), 0.02)


def test_a_flood_does_not_hide_what_is_wrong():
    flood = [replace(one, by="one") for one in audits(500, start=100)]
    assert "wrong in" in held_by(Step(10, 7, [*OTHERS, *audits(4, wrong=True, start=60), *flood]), 0.02)


def test_a_customer_for_whom_it_was_wrong_once_is_wrong():
    again = [
        replace(one, customer=f"customer-{place}", wrong=place < 4) for place, one in enumerate(audits(40, start=40))
    ]
    assert "wrong in 10.0%" in held_by(Step(10, 7, [*RIGHT, *again]), 0.02)


def test_one_mistake_among_many_does_not_hold_it():
    assert held_by(Step(10, 7, [*RIGHT, *audits(1, wrong=True, start=40)]), 0.02) == ""


def test_seldom_drawn_audits_count_for_more():
    some = [*audits(300, probability=1.0), *audits(2, wrong=True, probability=0.05, start=300)]
    assert "wrong in" in held_by(Step(10, 7, some), 0.02)


def test_more_are_drawn_than_the_week_needs():
    """By chance some weeks bring fewer than expected: of so many, one of ten brings less than the minimum."""
    assert audit_probability(50, 0.05) == DRAWN / 50
    assert audit_probability(10, 0.05) == 1.0
    assert audit_probability(10_000, 0.05) == 0.05
    assert audit_probability(0, 0.05) == 1.0
    assert poisson.cdf(WEEKLY_MINIMUM - 1, DRAWN) < 0.1
