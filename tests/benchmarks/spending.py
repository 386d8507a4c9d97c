"""64 processes under three overlapping limits: what was overspent, and what stayed reserved for nothing."""

from decimal import Decimal
from typing import Any

from apps.interactions import execution
from apps.interactions.demo import demo_partner
from apps.interactions.models import Budget, Effect, Reservation
from apps.policies import editing, releases
from apps.policies.models import Guardrail
from tests import factories
from tests.benchmarks.row import at_most
from tests.faults.processes import race
from tests.faults.test_races import committed_refund

PROCESSES, REFUNDS, AMOUNT = 64, 96, Decimal("40.00")


def rows() -> list[dict[str, Any]]:
    brand = demo_partner("bench", "Bench")
    author = factories.ops_manager()
    draft = releases.draft_from(author, brand.boundary)
    day = draft.guardrails.get(kind=Guardrail.Kind.BUDGET)
    day.amount = Decimal("600.00")
    editing.save(author, day)
    editing.save(author, Guardrail(version=draft, kind="budget", actions=["refund"], amount=Decimal("520.00"), days=7))
    editing.save(author, Guardrail(version=draft, kind="velocity", actions=["refund"], count=5, days=90))
    releases.tighten(author, draft)
    customers = [factories.CustomerFactory(partner=brand) for _ in range(4)]
    for number in range(REFUNDS):
        order = factories.OrderFactory(customer=customers[number % 4], total=AMOUNT)
        committed_refund(brand, order, AMOUNT, number)
    race(lambda _: [execution.execute() for _ in range(4)], PROCESSES)
    over = sum(
        max(Decimal(0), budget.spent - (budget.limit or budget.spent))
        + max(0, budget.count - (budget.most or budget.count))
        for budget in Budget.objects.all()
    )
    done = Effect.objects.filter(action="refund", state="done").count()
    assert done == 13, f"520.00 in a week hold 13 refunds of 40.00, not {done}"
    stuck = Reservation.objects.filter(released_at=None).exclude(effect__state="done").count()
    return [
        at_most("64 processes, three overlapping limits: spent beyond a limit", float(over), "USD", 0, digits=2),
        at_most("64 processes, three overlapping limits: left reserved for nothing", stuck, "rows", 0),
    ]
