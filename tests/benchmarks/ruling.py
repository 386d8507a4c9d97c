"""One ruling of the gate: 40 rules × 4 conditions, with trace, over facts that reach the last rule."""

import timeit
from decimal import Decimal
from statistics import median
from typing import Any

from apps.policies.conditions import Condition
from apps.policies.gate import compile_policy
from apps.policies.money import Money
from apps.policies.specs import GuardrailSpec, Proposal, RuleSpec
from tests.benchmarks.row import at_most

ROUNDS, CALLS = 15, 4000


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


def rows() -> list[dict[str, Any]]:
    policy = policy_of_40_rules()
    verdict = policy.rule("standard_return", PROPOSAL, FACTS)
    assert verdict.rule == "rule 39"
    assert verdict.handler == "autonomous"
    assert len(verdict.trace) >= 40
    timer = timeit.Timer(lambda: policy.rule("standard_return", PROPOSAL, FACTS))
    micros = median(seconds / CALLS * 1e6 for seconds in timer.repeat(ROUNDS, CALLS))
    return [at_most("one ruling, 40 rules × 4 conditions, with trace", micros, "µs", 50)]
