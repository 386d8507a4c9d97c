"""The gate remembers verdicts by class of case: two cases of one class must never be told apart by a condition."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.policies import gate, placing
from apps.policies.conditions import Condition, compiled
from apps.policies.facts import VOCABULARY, Kind
from apps.policies.gate import compile_policy
from apps.policies.money import Money
from apps.policies.specs import Proposal, RuleSpec
from tests.policies import strategies

TYPE = "standard_return"


@st.composite
def conditions_and_values(draw):
    """Conditions on one fact, and values of it: those the conditions name, and others."""
    asked = draw(strategies.conditions())
    more = [other for other in draw(st.lists(strategies.conditions(), max_size=6)) if other.fact == asked.fact]
    return [asked, *more], draw(st.lists(strategies.values_of(asked.fact), min_size=2, max_size=8))


def hold_apart(drawn):
    conditions, values = drawn
    place = placing.placer(conditions[0].fact, conditions)
    outcomes = {}
    for value in values:
        told = tuple(compiled(condition)(value) for condition in conditions)
        assert outcomes.setdefault(place(value), told) == told


@settings(max_examples=600, deadline=None)
@given(conditions_and_values())
def test_law_values_of_one_class_are_alike_to_every_condition(drawn):
    hold_apart(drawn)


@pytest.mark.parametrize(
    ("kinds", "part", "broken"),
    [
        ({Kind.DAYS, Kind.INTEGER}, "bisect_right", lambda bounds, value: 0),
        ({Kind.DAYS, Kind.INTEGER}, "bisect_left", lambda bounds, value: 0),
        ({Kind.MONEY}, "_place_of_number", lambda bounds: lambda value: 0),
        ({Kind.SET}, "_place_of_set", lambda lists: lambda value: 0),
        ({Kind.BOOL, Kind.CHOICE}, "_place_of_choice", lambda numbers: lambda value: 0),
    ],
)
def test_the_law_catches_a_bug_in_any_kind_of_class(kinds, part, broken, monkeypatch):
    monkeypatch.setattr(placing, part, broken)

    @settings(max_examples=1500, deadline=None, database=None)
    @given(conditions_and_values().filter(lambda drawn: VOCABULARY[drawn[0][0].fact].kind in kinds))
    def law(drawn):
        hold_apart(drawn)

    with pytest.raises(AssertionError):
        law()


def test_unknown_is_a_class_of_its_own_for_every_kind():
    for name in strategies.NAMES:
        place = placing.placer(name, [Condition(name, "is known")])
        value = next(iter(VOCABULARY[name].choices), None) or {
            Kind.BOOL: False, Kind.MONEY: Money(Decimal(0), "USD"), Kind.SET: frozenset(),
        }.get(VOCABULARY[name].kind, 0)  # fmt: skip
        assert place(None) != place(value), name


cases = st.lists(st.tuples(strategies.proposals, strategies.facts), min_size=2, max_size=12)


@settings(max_examples=500, deadline=None)
@given(strategies.rules(), strategies.guardrails(), cases)
def test_law_a_remembered_verdict_is_the_one_the_rules_give(rules, guardrails, cases):
    policy = compile_policy(rules, guardrails)
    for proposal, facts in cases * 2:
        assert policy.rule(TYPE, proposal, facts) == policy.work_out(TYPE, proposal, facts)


@pytest.mark.parametrize(
    "other",
    [
        Proposal("refund", Money(Decimal("50.01"), "USD")),
        Proposal("refund", Money(Decimal("50.00"), "EUR")),
        Proposal("refund"),
        Proposal("goodwill", Money(Decimal("50.00"), "USD")),
        Proposal("refund", Money(Decimal("50.00"), "USD"), discloses_order=True),
    ],
)
def test_another_amount_currency_action_or_disclosure_is_ruled_anew(other):
    rule = RuleSpec("rule 1", TYPE, (), "autonomous", "refund", Money(Decimal("50.00"), "USD"))
    policy = compile_policy([rule])
    known = {"sender.verified": True, "order.belongs_to_sender": True}
    assert policy.rule(TYPE, Proposal("refund", Money(Decimal("50.00"), "USD")), known).handler == "autonomous"
    assert policy.rule(TYPE, other, known) == policy.work_out(TYPE, other, known)


def test_disclosing_an_order_is_remembered_apart_from_keeping_it():
    rule = RuleSpec("rule 1", TYPE, (), "autonomous", "reply")
    policy = compile_policy([rule])
    assert policy.rule(TYPE, Proposal("reply"), {}).handler == "autonomous"
    assert policy.rule(TYPE, Proposal("reply", discloses_order=True), {}).handler == "human"


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(gate, "MOST_REMEMBERED", 10)
    rules = [
        RuleSpec(f"rule {day}", TYPE, (Condition("order.days_past_window", "is", day),), "autonomous", "reply")
        for day in range(40)
    ]
    policy = compile_policy(rules)
    for day in range(40):
        assert policy.rule(TYPE, Proposal("reply"), {"order.days_past_window": day}).rule == f"rule {day}"
        assert len(policy._remembered[TYPE][1]) <= 10
