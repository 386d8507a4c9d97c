"""Replay of a million rulings, all in: load, rule twice, limits, summarise; from the column store and from cold."""

import random
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils import timezone

from apps.policies import columnar
from apps.policies.compiled import policies_in_force
from apps.policies.facts import VOCABULARY, Fact, Facts, vocabulary_hash
from apps.policies.models import Partner, Ruling, RulingChunk
from apps.policies.money import Money
from apps.policies.replay import facts_asked, replay
from apps.policies.replay_summary import Evidence, summarise
from apps.policies.rulings import ruling_of
from apps.policies.specs import PolicySpec, Proposal
from tests.benchmarks.row import at_least, at_most

RULINGS, KINDS = 1_000_000, 2_000


def rows(partner: Partner) -> list[dict[str, Any]]:
    """Fill the log with a million rulings of the partner's active version and replay a draft over them."""
    active = partner.boundary.active_version
    _fill(partner, active)
    now = timezone.now() + timedelta(hours=1)
    draft = _draft(active.policy())
    began = time.perf_counter()
    columnar.build(now, most=100)
    result = _replay(partner, draft, active)
    cold = time.perf_counter() - began
    warm = min(_timed(partner, draft, active) for _ in range(3))
    exact = 100 * (1 - result["exact"]["wrong"] / result["exact"]["checked"])
    assert result["exact"]["checked"] == result["rulings"] == Ruling.objects.filter(version=active).count() >= RULINGS
    assert result["flips"]
    return [
        at_most("replay of 1,000,000 rulings from the column store", warm, "s", 2),
        at_most("replay of 1,000,000 rulings from cold", cold, "s", 20),
        at_least("stored rulings that the replay reproduces", exact, "%", 100, digits=4),
    ]


def _timed(partner: Partner, draft: PolicySpec, active: Any) -> float:
    began = time.perf_counter()
    _replay(partner, draft, active)
    return time.perf_counter() - began


def _replay(partner: Partner, draft: PolicySpec, active: Any) -> dict[str, Any]:
    policy = active.policy()
    since, until = datetime(2026, 1, 1, tzinfo=UTC), timezone.now() + timedelta(hours=2)
    batches = columnar.batches(since, until, facts_asked(draft, policy), [partner.pk])
    vocabularies = {vocabulary_hash(): frozenset(VOCABULARY)}
    replayed = replay(
        batches, draft, policy, active_id=active.pk, vocabularies=vocabularies, zones={partner.pk: partner.zone}
    )
    evidence = Evidence({}, {"refund_exception": 90.0}, [8.0] * 24, ZoneInfo("UTC"))
    return summarise(replayed, evidence)


def _draft(policy: PolicySpec) -> PolicySpec:
    """Refunds up to 15 days past the window, and a budget that holds more."""
    from dataclasses import replace

    from apps.policies.conditions import Condition
    from apps.policies.specs import RuleSpec

    late = (
        Condition("order.days_past_window", "between", (1, 15)),
        Condition("customer.tier", "in", frozenset({"gold", "vip"})),
    )
    rule = RuleSpec("rule new", "refund_exception", late, "autonomous", "refund", Money(Decimal("100.00"), "USD"))
    limits = tuple(
        replace(limit, amount=Money(Decimal("9000.00"), "USD")) if limit.kind == "budget" else limit
        for limit in policy.limits
    )
    return replace(policy, rules=(rule, *policy.rules), limits=limits)


def _fill(partner: Partner, active: Any) -> None:
    """A few thousand different rulings, each copied until there are a million, spread over 30 days."""
    draw = random.Random(5)
    released = policies_in_force([partner])[partner.pk].active
    rulings = [_ruling(draw, partner, released, number) for number in range(KINDS)]
    Ruling.objects.bulk_create(rulings)
    names = [f.column for f in Ruling._meta.fields if f.column not in ("id", "at", "subject")]
    listed = ", ".join(names)
    copies = RULINGS // KINDS
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO policies_ruling (at, subject, {listed}) "
            f"SELECT at - random() * interval '30 days', subject || '-' || n, {listed} "
            f"FROM policies_ruling, generate_series(1, %s) n WHERE subject LIKE 'bench-%%'",
            [copies],
        )
        cursor.execute("ANALYZE policies_ruling")
    assert not RulingChunk.objects.exists()


def _ruling(draw: random.Random, partner: Partner, released: Any, number: int) -> Ruling:
    case_type = draw.choice(["standard_return", "refund_exception", "order_status", "delivery_dispute", "complaint"])
    action = {"order_status": "reply", "complaint": "goodwill"}.get(case_type, "refund")
    amount = None if action == "reply" else Money(Decimal(draw.randrange(500, 30_000)) / 100, "USD")
    proposal = Proposal(action, amount, (), True)
    now = timezone.now()
    values = {
        "sender.verified": draw.random() < 0.9, "order.belongs_to_sender": draw.random() < 0.9,
        "order.identified": True, "order.status": "delivered", "order.dispatched": True,
        "order.total": Money(Decimal(draw.randrange(1000, 90_000)) / 100, "USD"),
        "order.refundable": amount or Money(Decimal("10.00"), "USD"), "order.days_since_delivery": draw.randrange(90),
        "order.days_past_window": draw.randrange(-30, 60), "order.days_late": draw.randrange(-5, 10),
        "order.final_sale": draw.random() < 0.1, "order.return_received": draw.random() < 0.3,
        "order.open_cases": draw.randrange(2), "order.duplicate_payments": 0,
        "customer.tier": draw.choice(["bronze", "silver", "gold", "vip"]), "customer.orders": draw.randrange(1, 40),
        "customer.lifetime_value": Money(Decimal(draw.randrange(1000, 900_000)) / 100, "USD"),
        "customer.refunds_90d": draw.randrange(5), "customer.disputes_12m": draw.randrange(4),
        "customer.open_cases": 0, "case.contacts": draw.randrange(1, 4), "message.public": draw.random() < 0.05,
        "message.audience": 0, "message.sentiment": "neutral", "message.injection_suspected": draw.random() < 0.01,
        "message.intents": frozenset({draw.choice(["complaint", "order_status", "return_or_refund"])}),
    }  # fmt: skip
    facts = Facts({n: Fact(n, v, "shop", now) for n, v in values.items() if draw.random() < 0.97})
    verdict = released.policy.rule(case_type, proposal, facts.known_at(now))
    stage = [] if case_type in ("standard_return", "order_status") else [
        {"question": "earned", "code": "stage", "reason": "the AI only drafts so far", "handler": "collaborative"}
    ]  # fmt: skip
    return ruling_of(
        at=now, facts=facts, facts_at=now, proposal=proposal, verdict=verdict, made_with={},
        downgrades=stage if draw.random() < 0.6 else [], partner=partner, subject=f"bench-{number}",
        parties={"customer": str(number % 700)}, version_id=released.version_id,
        content_hash=released.policy.content_hash, case_type=case_type, confidence=Decimal("0.9"),
        handler=verdict.handler, seniority=verdict.seniority,
    )  # fmt: skip
