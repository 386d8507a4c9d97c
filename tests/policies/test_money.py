from decimal import Decimal

import pytest

from apps.policies.money import BadAmount, exact_amount, rounded


@pytest.mark.parametrize("text", ["84.5", "84.50", "84", " 84.50 "])
def test_an_amount_has_two_decimals(text):
    assert exact_amount(text) in (Decimal("84.50"), Decimal("84.00"))
    assert exact_amount(text).as_tuple().exponent == -2


@pytest.mark.parametrize(
    ("text", "says"),
    [("84.505", "more than two decimals"), ("-1", "not an amount"), ("ten", "not an amount"), ("NaN", "not an amount"),
     ("Infinity", "not an amount"), ("1e20", "too large")],
)  # fmt: skip
def test_what_money_cannot_hold_is_refused_with_the_reason(text, says):
    with pytest.raises(BadAmount, match=says):
        exact_amount(text)


def test_halves_are_rounded_away_from_zero():
    assert rounded(Decimal("0.005")) == Decimal("0.01")
    assert rounded(Decimal("-0.005")) == Decimal("-0.01")
