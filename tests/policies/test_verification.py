"""Verification says in words what a draft changes, what is wrong with it, and what it could not prove."""

import random
from decimal import Decimal

import pytest
from pysat.solvers import Solver

from apps.policies import checking, differences, editing, releases
from apps.policies.conditions import Condition
from apps.policies.errors import Refused
from apps.policies.models import BoundaryVersion
from apps.policies.money import Money
from apps.policies.specs import GuardrailSpec, LimitSpec, PolicySpec, RuleSpec
from apps.policies.verification import findings_of_rule, verify
from tests.policies.conftest import refund_rule
from tests.policies.test_verification_laws import OWN, POOL, TYPE, some_boundary, usd


def test_a_version_that_is_written_differently_and_grants_the_same_changes_nothing():
    one = PolicySpec((
        RuleSpec("rule 1", TYPE, (*OWN, Condition("order.days_past_window", "≤", 15)), "autonomous", "refund", usd("50.00")),
    ))  # fmt: skip
    other = PolicySpec((
        RuleSpec("rule 1", TYPE, (*OWN, Condition("order.days_past_window", "≤", 0)), "autonomous", "refund", usd("50.00")),
        RuleSpec("rule 2", TYPE, (*OWN, Condition("order.days_past_window", "between", (1, 15))), "autonomous", "refund", usd("50.00")),
    ))  # fmt: skip
    verification = verify(other, one)
    assert verification.changes == ()
    assert verification.proved
    assert not verification.widens


def test_a_widening_is_said_in_words_with_an_example():
    before = PolicySpec((RuleSpec("rule 1", TYPE, (), "human"),))
    gold = (
        *OWN,
        Condition("order.days_past_window", "between", (1, 15)),
        Condition("customer.tier", "in", frozenset({"gold", "vip"})),
    )
    draft = PolicySpec((RuleSpec("rule 1", TYPE, gold, "autonomous", "refund", usd("100.00")), *before.rules))
    (change,) = verify(draft, before).changes
    assert (change.kind, change.widens) == (differences.NEWLY, True)
    assert change.where.startswith("days past the window is 1 day to 15 days and customer tier is gold, VIP")
    assert change.before == "a person decides"
    assert change.after == "the AI alone may refund up to 100.00 USD"
    assert "100.00 USD" in change.example


def test_a_lower_ceiling_narrows_and_a_higher_one_widens():
    low, high = (
        PolicySpec((RuleSpec("rule 1", TYPE, OWN, "autonomous", "refund", usd(c)),)) for c in ("50.00", "80.00")
    )
    (narrower,) = verify(low, high).changes
    (wider,) = verify(high, low).changes
    assert (narrower.kind, narrower.widens) == (differences.CHANGED, False)
    assert (wider.widens, wider.after) == (True, "the AI alone may refund up to 80.00 USD")


@pytest.mark.parametrize(
    ("before", "after", "widens"),
    [
        ([("100.00", {"refund"})], [("200.00", {"refund"})], True),
        ([("100.00", {"refund"})], [("50.00", {"refund"})], False),
        ([("100.00", {"refund"})], [], True),
        ([], [("100.00", {"refund"})], False),
        ([("100.00", {"refund", "goodwill"})], [("100.00", {"refund"}), ("100.00", {"goodwill"})], True),
        ([("100.00", {"refund"})], [("100.00", set())], False),
        ([("100.00", set())], [("100.00", {"refund"})], True),
        ([("100.00", {"refund", "goodwill"})], [("100.00", {"refund"})], True),
    ],
)
def test_a_limit_that_is_loosened_or_dropped_widens(before, after, widens):
    def policy(limits):
        specs = tuple(
            LimitSpec(f"guardrail {n}", "budget", frozenset(actions), amount=usd(amount))
            for n, (amount, actions) in enumerate(limits)
        )
        return PolicySpec(limits=specs)

    assert verify(policy(after), policy(before)).widens is widens


def budget(amount, **more):
    return LimitSpec("g", "budget", frozenset({"refund"}), amount=usd(amount), **more)


def velocity(**more):
    return LimitSpec("g", "velocity", frozenset({"refund"}), **{"days": 90, "per": "customer", **more})


@pytest.mark.parametrize(
    ("before", "after", "widens"),
    [
        (budget("1000.00", days=30), budget("1000.00"), True),
        (budget("1000.00"), budget("1000.00", days=30), False),
        (budget("1000.00"), budget("1000.00", case_types=frozenset({TYPE})), True),
        (budget("1000.00", case_types=frozenset({TYPE})), budget("1000.00"), False),
        (
            budget("1000.00", case_types=frozenset({TYPE, "complaint"})),
            budget("1000.00", case_types=frozenset({TYPE})),
            True,
        ),
        (
            budget("1000.00"),
            LimitSpec("g", "budget", frozenset({"refund"}), amount=Money(Decimal("1000.00"), "EUR")),
            True,
        ),
        (velocity(count=1, amount=usd("5.00")), velocity(count=50, amount=usd("5.00")), True),
        (velocity(count=1, amount=usd("5.00")), velocity(amount=usd("5.00")), True),
        (velocity(count=2), velocity(count=2, days=1), True),
        (velocity(count=2), velocity(count=2, per="payment"), True),
        (velocity(count=2), velocity(count=2), False),
        (velocity(count=2), velocity(count=1), False),
        (LimitSpec("g", "quiet", hours=(1320, 360)), LimitSpec("g", "quiet", hours=(1320, 360)), False),
        (LimitSpec("g", "quiet", hours=(1320, 360)), LimitSpec("g", "quiet", hours=(1260, 420)), False),
        (LimitSpec("g", "quiet", hours=(1320, 360)), LimitSpec("g", "quiet", hours=(1320, 359)), True),
        (
            LimitSpec("g", "confidence", floor=Decimal("0.80")),
            LimitSpec("g", "confidence", floor=Decimal("0.79")),
            True,
        ),
    ],
)
def test_each_kind_of_limit_is_compared_by_what_it_stops(before, after, widens):
    assert verify(PolicySpec(limits=(after,)), PolicySpec(limits=(before,))).widens is widens


def test_dropping_one_of_two_limits_widens():
    both = PolicySpec(limits=(budget("5000.00", days=30), budget("1000.00")))
    assert verify(PolicySpec(limits=(budget("1000.00"),)), both).widens
    assert verify(PolicySpec(limits=(budget("5000.00", days=30),)), both).widens


@pytest.mark.parametrize(
    "guardrail",
    [
        GuardrailSpec("g", actions=frozenset({"goodwill"}), conditions=(POOL[5],)),
        GuardrailSpec("g", actions=frozenset({"refund"}), conditions=(POOL[5],), seniority="senior"),
        GuardrailSpec("g", ceiling=usd("50.00"), actions=frozenset({"refund"}), seniority="senior"),
    ],
)
def test_dropping_a_guardrail_that_asks_for_a_person_or_a_senior_is_said(guardrail):
    drafts = RuleSpec("rule 1", TYPE, (), "collaborative")
    refunds = RuleSpec("rule 1", TYPE, (POOL[0],), "autonomous", "refund", usd("100.00"))
    rules = (refunds, drafts) if guardrail.ceiling else (drafts,)
    before, after = PolicySpec(rules, (guardrail,)), PolicySpec(rules)
    assert verify(after, before).widens
    assert not verify(before, after).widens


def test_dropping_a_hard_guardrail_and_going_beyond_it_is_a_problem():
    hard = GuardrailSpec("guardrail 1", ceiling=usd("50.00"), actions=frozenset({"refund"}), hard=True)
    before = PolicySpec((RuleSpec("rule 1", TYPE, OWN, "autonomous", "refund", usd("50.00")),), (hard,))
    beyond = PolicySpec((RuleSpec("rule 1", TYPE, OWN, "autonomous", "refund", usd("80.00")),))
    assert "goes beyond a hard guardrail of the active version" in " ".join(verify(beyond, before).problems)
    assert verify(PolicySpec(before.rules), before).problems == []


@pytest.mark.parametrize(("before", "after", "widens"), [("100.00", "150.00", True), ("150.00", "100.00", False)])
def test_a_ceiling_over_every_rule_counts_as_the_rules_own(before, after, widens):
    rules = (RuleSpec("rule 1", TYPE, OWN, "autonomous", "refund", usd("200.00")),)
    low, high = (
        PolicySpec(rules, (GuardrailSpec("guardrail 1", ceiling=usd(amount), actions=frozenset({"refund"})),))
        for amount in (before, after)
    )
    (change,) = verify(high, low).changes
    assert (change.kind, change.widens) == (differences.CHANGED, widens)
    assert f"up to {after} USD" in change.after


def test_a_question_that_the_solver_gives_up_is_not_proved_and_keeps_the_draft_back(boundary, author, monkeypatch):
    draft = releases.draft_from(author, boundary)
    editing.save(author, refund_rule(draft))
    monkeypatch.setattr(checking, "_verified", verify)  # what another test proved is remembered
    monkeypatch.setattr(Solver, "solve_limited", lambda *args, **kwargs: None)
    verification = verify(draft.policy(), PolicySpec())
    assert not verification.proved
    assert verification.widens
    with pytest.raises(Refused, match="Not proved"):
        releases.submit(author, draft)
    assert BoundaryVersion.objects.get(pk=draft.pk).state == "draft"


def test_what_cannot_be_decided_in_time_is_not_proved_and_counts_as_widening():
    draw = random.Random(3)
    verification = verify(some_boundary(draw), some_boundary(draw), questions=2)
    assert not verification.proved
    assert verification.widens
    assert "Not proved" in verification.problems[0]


def test_a_rule_that_grants_by_the_customers_words_is_a_problem():
    rule = RuleSpec(
        "rule 1", TYPE, (Condition("message.sentiment", "is", "positive"),), "autonomous", "refund", usd("5.00")
    )
    assert "which the customer writes" in findings_of_rule(rule)[0].sentence


def test_a_condition_that_is_always_true_is_said():
    rule = RuleSpec("rule 1", TYPE, (Condition("order.days_late", "≥", -365),), "human")
    assert "always true" in findings_of_rule(rule)[0].sentence
