"""Conditions: read from what was written, refused with a reason, three-valued, and the same in words."""

from decimal import Decimal

import pytest
from hypothesis import given, settings

from apps.policies.conditions import BadCondition, Condition, evaluate, parse
from apps.policies.money import Money
from tests.policies import strategies


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ({"fact": "order.nonsense", "operator": "is", "value": 1}, "There is no fact"),
        ({"fact": "customer.tier", "operator": "≤", "value": "gold"}, "does not fit customer tier"),
        ({"fact": "customer.tier", "operator": "is", "value": "platinum"}, "never “platinum”"),
        ({"fact": "order.days_past_window", "operator": "≤", "value": "soon"}, "is a number"),
        ({"fact": "order.days_past_window", "operator": "≤", "value": "2.5"}, "is a whole number"),
        ({"fact": "order.days_past_window", "operator": "≤", "value": "99999"}, "never above 3650"),
        ({"fact": "sender.verified", "operator": "is", "value": "maybe"}, "is yes or no"),
        ({"fact": "order.refundable", "operator": "≤", "value": "100"}, "amount and its currency"),
        (
            {"fact": "order.refundable", "operator": "≤", "value": {"amount": "1.234", "currency": "USD"}},
            "two decimals",
        ),
        ({"fact": "order.days_late", "operator": "between", "value": [5, 1]}, "must come first"),
        ({"fact": "customer.tier", "operator": "in", "value": []}, "Say which values"),
        ({"fact": "order.days_late", "operator": "between", "value": 4}, "needs two values"),
        ({}, "There is no fact"),
    ],
)
def test_a_condition_that_cannot_be_used_says_why(written, says):
    with pytest.raises(BadCondition, match=says):
        parse(written)


@settings(max_examples=300, deadline=None)
@given(strategies.conditions())
def test_law_what_was_parsed_reads_back_the_same(condition):
    assert parse(condition.as_json()) == condition
    assert condition.in_words()


@settings(max_examples=300, deadline=None)
@given(strategies.conditions(), strategies.facts)
def test_law_an_unknown_fact_is_never_true_or_false(condition, facts):
    assert evaluate(condition, {**facts, condition.fact: None}) is None


def test_money_of_another_currency_is_unknown():
    limit = Condition("order.refundable", "≤", Money(Decimal("10.00"), "USD"))
    assert evaluate(limit, {"order.refundable": Money(Decimal("5.00"), "USD")}) is True
    assert evaluate(limit, {"order.refundable": Money(Decimal("5.00"), "EUR")}) is None


def test_a_condition_reads_as_words():
    assert (
        parse({"fact": "order.days_past_window", "operator": "between", "value": [1, 15]}).in_words()
        == "days past the window is 1 day to 15 days"
    )
    assert (
        parse({"fact": "customer.tier", "operator": "in", "value": ["vip", "gold"]}).in_words()
        == "customer tier is gold, VIP"
    )
