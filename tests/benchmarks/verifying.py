"""Verification of a version against its predecessor: 40 rules × 4 conditions, spread over 8 types, and 12 guardrails."""

import random
import time
from decimal import Decimal
from statistics import median
from typing import Any

from apps.policies.conditions import Condition
from apps.policies.money import Money
from apps.policies.specs import GuardrailSpec, PolicySpec, RuleSpec
from apps.policies.verification import verify
from apps.policies.words import CaseType
from tests.benchmarks.row import at_most

ROUNDS = 7
TYPES = CaseType.values[:8]
_TIERS = ("bronze", "silver", "gold", "vip")


def _conditions(draw: random.Random) -> tuple[Condition, ...]:
    low = draw.randrange(-10, 60)
    return (
        Condition("sender.verified", "is", True),
        Condition("order.days_past_window", "between", (low, low + draw.randrange(1, 20))),
        draw.choice(
            [
                Condition("customer.tier", "in", frozenset(draw.sample(_TIERS, 2))),
                Condition("customer.refunds_90d", "≤", draw.randrange(5)),
                Condition("order.refundable", "≤", Money(Decimal(draw.randrange(1, 9) * 25), "USD")),
            ]
        ),
        draw.choice(
            [
                Condition("order.final_sale", "is", False),
                Condition("order.days_late", "≥", draw.randrange(1, 10)),
                Condition("customer.orders", ">", draw.randrange(1, 6)),
            ]
        ),
    )


def version(seed: int, changed: int = 0) -> PolicySpec:
    """A version of 40 rules; with `changed` that many of them have other conditions."""
    draw = random.Random(seed)
    rules = []
    for number in range(40):
        conditions = _conditions(draw)
        if number < changed:
            conditions = _conditions(random.Random(1000 * changed + number))
        alone = number % 3 != 2
        rules.append(
            RuleSpec(f"rule {number + 1}", TYPES[number % len(TYPES)], conditions, "autonomous" if alone else "human",
                     "refund" if alone else "", Money(Decimal(50 + 25 * (number % 4)), "USD") if alone else None)
        )  # fmt: skip
    nevers = (
        Condition("message.public", "is", True), Condition("message.injection_suspected", "is", True),
        Condition("customer.refunds_90d", "≥", 5), Condition("order.open_cases", "≥", 1),
        Condition("customer.disputes_12m", "≥", 3), Condition("case.contacts", "≥", 3),
        Condition("order.days_past_window", ">", 60), Condition("order.status", "is", "cancelled"),
        Condition("order.hours_without_scan", "≥", 240), Condition("message.sentiment", "is", "negative"),
    )  # fmt: skip
    guardrails = [GuardrailSpec(f"guardrail {n}", (condition,)) for n, condition in enumerate(nevers, start=1)]
    for amount in ("150.00", "100.00"):
        guardrails.append(GuardrailSpec(f"guardrail {len(guardrails) + 1}", ceiling=Money(Decimal(amount), "USD")))
    return PolicySpec(tuple(rules), tuple(guardrails))


def rows() -> list[dict[str, Any]]:
    took = []
    for seed in range(ROUNDS):
        draft, active = version(seed, changed=3), version(seed)
        began = time.perf_counter()
        verification = verify(draft, active)
        took.append(time.perf_counter() - began)
        assert verification.proved
        assert verification.changes
    return [at_most("verification, 40 rules and 12 guardrails against the version before", median(took), "s", 1)]
