"""The steps of a ramp, without a database."""

import pytest

from apps.learning.betting import Audit
from apps.learning.steps import WEEKLY_MINIMUM, Step, audit_probability, held_by, next_share

RIGHT = [Audit(False, 0.5)] * 40


def test_it_goes_from_ten_to_fifty_to_all():
    assert next_share(Step(10, 7, RIGHT), 0.02) == 50
    assert next_share(Step(50, 7, RIGHT), 0.02) == 100
    assert next_share(Step(100, 7, RIGHT), 0.02) == 100


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (Step(10, 6, RIGHT), "a week at least"),
        (Step(10, 7, RIGHT, late=1), "audits are late: 1 wait for more than 2 days"),
        (Step(10, 7, RIGHT[: WEEKLY_MINIMUM - 1]), "24 audits are done"),
        (Step(10, 7, [*RIGHT, *[Audit(True, 0.5)] * 4]), "wrong in 9.1%"),
    ],
)
def test_it_stays_where_it_is(step, why):
    assert why in held_by(step, 0.02)
    assert next_share(step, 0.02) == step.share


def test_one_mistake_among_many_does_not_hold_it():
    assert held_by(Step(10, 7, [*RIGHT, Audit(True, 0.5)]), 0.02) == ""


def test_seldom_drawn_audits_count_for_more():
    some = [*[Audit(False, 1.0)] * 300, *[Audit(True, 0.05)] * 2]
    assert "wrong in" in held_by(Step(10, 7, some), 0.02)


def test_as_many_are_audited_as_the_week_needs():
    assert audit_probability(50, 0.05) == WEEKLY_MINIMUM / 50
    assert audit_probability(10, 0.05) == 1.0
    assert audit_probability(10_000, 0.05) == 0.05
    assert audit_probability(0, 0.05) == 1.0
