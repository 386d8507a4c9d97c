"""One ruling of the gate: 40 rules × 4 conditions, with trace, over a hundred cases that reach the last rule.

Beside it, in the same run, two rules engines from PyPI are given the same rules; their answers are compared.
"""

import json
import timeit
from decimal import Decimal
from statistics import median
from typing import Any

from apps.policies.conditions import Condition
from apps.policies.gate import compile_policy
from apps.policies.money import Money
from apps.policies.specs import GuardrailSpec, Proposal, RuleSpec
from tests.benchmarks.row import at_least, at_most

ROUNDS = 15


def policy_of_40_rules() -> Any:
    """Each rule fails at its last condition, so that all 160 are read; the last one matches."""
    rules = [
        RuleSpec(
            f"rule {number}", "standard_return",
            (
                Condition("sender.verified", "is", True),
                Condition("order.final_sale", "is", False),
                Condition("customer.tier", "in", frozenset({"gold", "vip"})),
                Condition("order.days_past_window", "between", (number * 10 + 1, number * 10 + 10)),
            ),
            "autonomous", "refund", Money(Decimal("100.00"), "USD"),
        )
        for number in range(40)
    ]  # fmt: skip
    return compile_policy(rules, [GuardrailSpec("guardrail 1", (Condition("message.public", "is", True),))])


FACTS = {
    "sender.verified": True, "order.belongs_to_sender": True, "order.final_sale": False, "customer.tier": "gold",
    "order.days_past_window": 395, "message.public": False,
}  # fmt: skip
PROPOSAL = Proposal("refund", Money(Decimal("84.50"), "USD"), ("SKU-1",), discloses_order=True)


def zen_decision() -> Any:
    """The rules as a decision table of zen-engine, first hit."""
    import zen

    inputs = [{"id": letter, "name": field, "field": field} for letter, field in zip("abcd", _FIELDS, strict=True)]
    rules = [
        {
            "_id": f"r{n}",
            "a": "true",
            "b": "false",
            "c": "'gold', 'vip'",
            "d": f"[{n * 10 + 1}..{n * 10 + 10}]",
            "o": f"'rule {n}'",
        }
        for n in range(40)
    ]
    table = {
        "hitPolicy": "first",
        "inputs": inputs,
        "outputs": [{"id": "o", "name": "rule", "field": "rule"}],
        "rules": rules,
    }
    content = {
        "nodes": [
            {"id": "in", "type": "inputNode", "name": "in", "position": {"x": 0, "y": 0}},
            {"id": "t", "type": "decisionTableNode", "name": "t", "position": {"x": 0, "y": 0}, "content": table},
            {"id": "out", "type": "outputNode", "name": "out", "position": {"x": 0, "y": 0}},
        ],
        "edges": [
            {"id": "e1", "sourceId": "in", "targetId": "t", "type": "edge"},
            {"id": "e2", "sourceId": "t", "targetId": "out", "type": "edge"},
        ],
    }
    return zen.ZenEngine().create_decision(json.dumps(content))


def cel_program() -> Any:
    """The rules as one CEL expression: the first that holds gives its name."""
    import cel

    expression = "'none'"
    for n in reversed(range(40)):
        holds = (
            "sender_verified == true && final_sale == false && tier in ['gold', 'vip'] "
            f"&& past_window >= {n * 10 + 1} && past_window <= {n * 10 + 10}"
        )
        expression = f"({holds}) ? 'rule {n}' : ({expression})"
    return cel.compile(expression)


_FIELDS = ("sender_verified", "final_sale", "tier", "past_window")


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    names = ("sender.verified", "order.final_sale", "customer.tier", "order.days_past_window")
    return dict(zip(_FIELDS, (facts[name] for name in names), strict=True))


def rows() -> list[dict[str, Any]]:
    policy, decision, program = policy_of_40_rules(), zen_decision(), cel_program()
    verdict = policy.rule("standard_return", PROPOSAL, FACTS)
    assert verdict.rule == "rule 39"
    assert verdict.handler == "autonomous"
    assert len(verdict.trace) >= 40
    for days in (-3, 1, 55, 391, 400, 401, 490):
        for tier in ("gold", "silver"):
            facts = {**FACTS, "order.days_past_window": days, "customer.tier": tier}
            ours = policy.rule("standard_return", PROPOSAL, facts).rule or "none"
            zens = (decision.evaluate(_plain(facts))["result"] or {}).get("rule", "none")
            assert ours == zens == program.execute(_plain(facts)), (facts, ours, zens)
    many = [{**FACTS, "order.days_past_window": days} for days in range(391, 491)]  # the last rule, or none at all
    plain = [_plain(facts) for facts in many]
    ours, anew, zens, cels = (
        median(seconds / len(cases) / calls * 1e6 for seconds in timeit.Timer(work).repeat(ROUNDS, calls))
        for work, cases, calls in (
            (lambda: [policy.rule("standard_return", PROPOSAL, facts) for facts in many], many, 40),
            (lambda: [policy.work_out("standard_return", PROPOSAL, facts) for facts in many], many, 40),
            (lambda: [decision.evaluate(facts) for facts in plain], plain, 4),
            (lambda: [program.execute(facts) for facts in plain], plain, 4),
        )
    )
    return [
        at_most("one ruling, 40 rules × 4 conditions, with trace", ours, "µs", 20),
        at_most("the same, the first of its kind: nothing remembered", anew, "µs", 20,
                peer="common-expression-language", peer_value=round(cels, 1), ratio=round(cels / anew, 1)),
        at_least("the same against zen-engine: times faster", zens / ours, "×", 5, peer="zen-engine", peer_value=round(zens, 1),
                 ratio=round(zens / ours, 1)),
        at_least("the same against the Rust CEL binding: times faster", cels / ours, "×", 3,
                 peer="common-expression-language", peer_value=round(cels, 1), ratio=round(cels / ours, 1)),
    ]  # fmt: skip
