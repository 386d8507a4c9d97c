"""The gate: what it grants, what it refuses, and the laws it keeps whatever the rules say."""

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.policies.conditions import Condition
from apps.policies.gate import STRICTNESS, compile_policy
from apps.policies.money import Money
from apps.policies.specs import GuardrailSpec, LimitSpec, Proposal, RuleSpec
from tests.policies import strategies

USD = "USD"
VERIFIED = {"sender.verified": True, "order.belongs_to_sender": True}
REFUND_50 = Proposal("refund", Money(Decimal("50.00"), USD), ("SKU-1",), discloses_order=True)
RETURN_RULE = RuleSpec(
    "rule 1", "standard_return", (Condition("order.days_past_window", "≤", 0),), "autonomous", "refund",
    Money(Decimal("100.00"), USD),
)  # fmt: skip


def rule_of(policy, facts, proposal=REFUND_50):
    return policy.rule("standard_return", proposal, facts)


class TestGranting:
    def test_it_grants_the_action_of_the_matching_rule(self):
        verdict = rule_of(compile_policy([RETURN_RULE]), {**VERIFIED, "order.days_past_window": -3})
        assert (verdict.handler, verdict.rule) == ("autonomous", "rule 1")

    def test_another_action_than_the_rules_is_a_persons(self):
        proposal = Proposal("goodwill", Money(Decimal("1.00"), USD))
        verdict = rule_of(compile_policy([RETURN_RULE]), {**VERIFIED, "order.days_past_window": -3}, proposal)
        assert verdict.handler == "human"
        assert [step.outcome for step in verdict.trace if step.key == "rule 1"] == ["not permitted"]

    def test_an_amount_over_the_ceiling_is_a_persons(self):
        proposal = Proposal("refund", Money(Decimal("100.01"), USD))
        assert (
            rule_of(compile_policy([RETURN_RULE]), {**VERIFIED, "order.days_past_window": 0}, proposal).handler
            == "human"
        )

    def test_an_amount_in_another_currency_is_a_persons(self):
        proposal = Proposal("refund", Money(Decimal("1.00"), "EUR"))
        assert (
            rule_of(compile_policy([RETURN_RULE]), {**VERIFIED, "order.days_past_window": 0}, proposal).handler
            == "human"
        )

    def test_money_without_an_amount_is_a_persons(self):
        proposal = Proposal("refund", None)
        assert (
            rule_of(compile_policy([RETURN_RULE]), {**VERIFIED, "order.days_past_window": 0}, proposal).handler
            == "human"
        )

    def test_what_no_rule_covers_is_a_persons(self):
        verdict = compile_policy([RETURN_RULE]).rule("other", REFUND_50, VERIFIED)
        assert (verdict.handler, verdict.rule, verdict.refused_by) == ("human", None, "no rule")

    def test_the_first_match_wins(self):
        person_first = RuleSpec("rule 0", "standard_return", (), "human")
        verdict = rule_of(compile_policy([person_first, RETURN_RULE]), {**VERIFIED, "order.days_past_window": -3})
        assert verdict.rule == "rule 0"


class TestUnknownFacts:
    def test_an_unknown_fact_fails_a_rule_that_grants(self):
        assert rule_of(compile_policy([RETURN_RULE]), VERIFIED).handler == "human"

    def test_an_unknown_fact_halts_at_a_stricter_rule_above(self):
        strict = RuleSpec(
            "rule 0", "standard_return", (Condition("customer.refunds_90d", "≥", 3),), "human", seniority="senior"
        )
        policy = compile_policy([strict, RETURN_RULE])
        known = {**VERIFIED, "order.days_past_window": -3}
        assert rule_of(policy, {**known, "customer.refunds_90d": 0}).handler == "autonomous"
        verdict = rule_of(policy, known)
        assert (verdict.handler, verdict.seniority, verdict.rule) == ("human", "senior", "rule 0")

    def test_an_unknown_fact_fires_a_guardrail(self):
        guardrail = GuardrailSpec("guardrail 1", (Condition("order.final_sale", "is", True),))
        policy = compile_policy([RETURN_RULE], [guardrail])
        known = {**VERIFIED, "order.days_past_window": -3}
        assert rule_of(policy, {**known, "order.final_sale": False}).handler == "autonomous"
        assert rule_of(policy, known).refused_by == "guardrail 1"


class TestGuardrails:
    def test_the_sender_must_be_verified_and_own_the_order_whatever_the_boundary_says(self):
        policy = compile_policy([RuleSpec("rule 1", "standard_return", (), "autonomous", "reply")])
        telling = Proposal("reply", discloses_order=True)
        assert rule_of(policy, VERIFIED, telling).handler == "autonomous"
        for facts in ({}, {**VERIFIED, "sender.verified": None}, {**VERIFIED, "order.belongs_to_sender": False}):
            assert rule_of(policy, facts, telling).handler == "human"
        assert rule_of(policy, {}, Proposal("reply")).handler == "autonomous", "nothing about an order is told"

    def test_an_action_on_an_order_needs_its_owner_even_when_nothing_is_told(self):
        policy = compile_policy([RuleSpec("rule 1", "standard_return", (), "autonomous", "return_label")])
        assert rule_of(policy, VERIFIED, Proposal("return_label")).handler == "autonomous"
        assert rule_of(policy, {}, Proposal("return_label")).handler == "human"

    def test_a_guardrail_never_loosens_what_a_rule_asks_for(self):
        senior = RuleSpec("rule 1", "standard_return", (), "human", seniority="senior")
        policy = compile_policy([senior], [GuardrailSpec("guardrail 1")])
        assert rule_of(policy, VERIFIED, Proposal("reply")).seniority == "senior"

    def test_a_ceiling_holds_over_any_rule(self):
        ceiling = GuardrailSpec("guardrail 1", ceiling=Money(Decimal("40.00"), USD), actions=frozenset({"refund"}))
        verdict = rule_of(compile_policy([RETURN_RULE], [ceiling]), {**VERIFIED, "order.days_past_window": 0})
        assert (verdict.handler, verdict.refused_by) == ("human", "guardrail 1")

    @settings(max_examples=200, deadline=None)
    @given(strategies.rules(), strategies.guardrails(), strategies.proposals, strategies.facts)
    def test_law_guardrails_only_tighten(self, rules, guardrails, proposal, facts):
        free, held = compile_policy(rules), compile_policy(rules, guardrails)
        before, after = rule_of(free, facts, proposal), rule_of(held, facts, proposal)
        assert STRICTNESS[after.handler, after.seniority] >= STRICTNESS[before.handler, before.seniority]


@settings(max_examples=600, deadline=None)
@given(
    strategies.rules(),
    strategies.guardrails(),
    strategies.proposals,
    strategies.facts,
    st.sampled_from(strategies.NAMES),
)
def test_law_making_any_fact_unknown_never_widens(rules, guardrails, proposal, facts, name):
    policy = compile_policy(rules, guardrails)
    known, forgotten = rule_of(policy, facts, proposal), rule_of(policy, {**facts, name: None}, proposal)
    assert STRICTNESS[forgotten.handler, forgotten.seniority] >= STRICTNESS[known.handler, known.seniority]


@settings(max_examples=200, deadline=None)
@given(strategies.rules(), strategies.guardrails(), strategies.proposals, strategies.facts)
def test_law_autonomy_needs_a_matching_rule_for_this_action_and_amount(rules, guardrails, proposal, facts):
    verdict = rule_of(compile_policy(rules, guardrails), facts, proposal)
    if verdict.handler != "autonomous":
        return
    rule = next(rule for rule in rules if rule.key == verdict.rule)
    assert rule.action == proposal.action
    if proposal.amount is not None and rule.ceiling is not None:
        assert proposal.amount.currency == rule.ceiling.currency
        assert proposal.amount.amount <= rule.ceiling.amount


def test_the_trace_names_every_rule_tried_and_the_condition_that_failed():
    other = RuleSpec(
        "rule 0",
        "standard_return",
        (Condition("order.final_sale", "is", False), Condition("customer.tier", "is", "vip")),
    )
    verdict = rule_of(
        compile_policy([other, RETURN_RULE]),
        {**VERIFIED, "order.final_sale": False, "customer.tier": "gold", "order.days_past_window": 0},
    )
    assert [step.as_json() for step in verdict.trace[:2]] == [["rule 0", "failed", 1], ["rule 1", "matched", None]]


_IN_ANOTHER_PROCESS = """
import json, sys
from decimal import Decimal
from apps.policies.conditions import Condition
from apps.policies.gate import compile_policy
from apps.policies.money import Money
from apps.policies.specs import GuardrailSpec, LimitSpec, Proposal, RuleSpec
rules = [RuleSpec("rule 1", "standard_return", (Condition("customer.tier", "in", frozenset({"gold", "vip", "silver"})),), "autonomous", "reply")]
guardrails = [GuardrailSpec("guardrail 1", actions=frozenset({"refund", "goodwill", "store_credit"}), ceiling=Money(Decimal("9.00"), "USD"))]
limits = [LimitSpec("guardrail 2", "budget", frozenset({"refund", "goodwill"}), amount=Money(Decimal("9.00"), "USD"))]
policy = compile_policy(rules, guardrails, limits)
facts = {"customer.tier": "gold", "message.intents": frozenset({"complaint", "order_status"}), "sender.verified": True}
print(policy.content_hash, json.dumps(policy.rule("standard_return", Proposal("reply"), facts).as_json()))
"""


def test_the_same_facts_give_the_same_bytes_in_any_process_and_for_any_hash_seed():
    answers = set()
    for seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "DJANGO_SETTINGS_MODULE": "config.settings_lint"}
        answer = subprocess.run(
            [sys.executable, "-c", _IN_ANOTHER_PROCESS], env=environment, capture_output=True, check=True,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        answers.add(answer.stdout)
    assert len(answers) == 1
    assert json.loads(answers.pop().split(b" ", 1)[1])["handler"] == "autonomous"


def test_the_content_hash_changes_with_any_edit():
    base = compile_policy([RETURN_RULE]).content_hash
    dearer = RuleSpec(
        **{
            **{f: getattr(RETURN_RULE, f) for f in RETURN_RULE.__dataclass_fields__},
            "ceiling": Money(Decimal("100.01"), USD),
        }
    )
    assert compile_policy([dearer]).content_hash != base
    assert (
        compile_policy(
            [RETURN_RULE], limits=[LimitSpec("guardrail 1", "confidence", floor=Decimal("0.50"))]
        ).content_hash
        != base
    )
