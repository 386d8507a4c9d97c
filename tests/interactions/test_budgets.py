"""Budgets and velocity over live cases: at a limit a person decides, and what was not given is given back."""

from datetime import time, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.interactions import budgets, execution, settling
from apps.interactions.connectors import Outcome
from apps.interactions.models import Budget, Effect, Interaction, Reservation
from apps.policies import editing, releases
from apps.policies.models import Guardrail
from tests import factories
from tests.conftest import ACTOR, RETURN, reasons
from tests.faults.test_races import committed_refund, limit_a_day


@pytest.fixture
def limited(partner):
    """Release a version with one more guardrail, which can only tighten: one person does."""

    def add(**fields):
        author = factories.ops_manager()
        draft = releases.draft_from(author, partner.boundary)
        editing.save(author, Guardrail(version=draft, **fields))
        return releases.tighten(author, draft)

    return add


@pytest.fixture
def refund(arrive, api, drain):
    """A return that is scanned in, so that its refund is due; gives the case."""

    def go(customer, **fields):
        order = factories.OrderFactory(customer=customer, **fields)
        case = arrive(RETURN, order=order)
        scan = [{"at": timezone.now().isoformat(), "kind": "return_received"}]
        api.post(f"/api/v1/orders/{order.number}/events/", scan, format="json")
        drain()
        return Interaction.objects.get(pk=case.pk)

    return go


class TestVelocity:
    def test_the_nth_refund_of_a_customer_is_a_persons_and_another_customers_is_not(self, limited, refund, customer):
        limited(kind="velocity", actions=["refund"], count=2, days=90)
        assert [refund(customer).state for _ in range(2)] == ["resolved", "resolved"]
        third = refund(customer)
        assert third.state == "awaiting_decision"
        assert "this customer has had as much as the AI may give in 90 days" in reasons(third)
        assert refund(factories.CustomerFactory(partner=customer.partner)).state == "resolved"

    def test_two_customers_of_one_address_count_together(self, limited, refund, customer):
        limited(kind="velocity", actions=["refund"], count=1, days=90, per="address")
        home = {"destination": {"street": "Main Street 1", "city": "Utrecht"}}
        assert refund(customer, **home).state == "resolved"
        neighbour = factories.CustomerFactory(partner=customer.partner)
        assert refund(neighbour, **home).state == "awaiting_decision"

    def test_whom_nobody_knows_is_not_counted_but_goes_to_a_person(self, limited, refund, customer):
        limited(kind="velocity", actions=["refund"], count=9, days=90, per="address")
        case = refund(customer)
        assert case.state == "awaiting_decision"
        assert "whom or what a limit counts is not known here" in reasons(case)

    def test_money_counts_too(self, limited, refund, customer):
        limited(kind="velocity", actions=["refund"], amount=Decimal("100.00"), days=30)
        assert [refund(customer).state for _ in range(2)] == ["resolved", "awaiting_decision"]


class TestRolling:
    def test_what_is_over_is_given_free_again(self, limited, partner, order):
        limited(kind="budget", actions=["refund"], amount=Decimal("100.00"), days=7)
        decision = committed_refund(partner, order, order.total, 1)
        execution.execute()
        assert decision.effects.get(action="refund").state == "done"
        other = committed_refund(partner, factories.OrderFactory(customer=order.customer), order.total, 2)
        Reservation.objects.filter(budget__day=None).update(until=timezone.now() - timedelta(seconds=1))
        execution.execute()
        assert other.effects.get(action="refund").state == "done"
        week = Budget.objects.get(day=None)
        assert (week.spent, week.count) == (order.total, 1)

    def test_inside_the_days_a_person_decides(self, limited, partner, order):
        limited(kind="budget", actions=["refund"], amount=Decimal("100.00"), days=7)
        for number in range(2):
            committed_refund(partner, factories.OrderFactory(customer=order.customer), order.total, number)
        execution.execute()
        assert sorted(Effect.objects.filter(action="refund").values_list("state", flat=True)) == ["done", "refused"]
        assert "in 7 days" in Effect.objects.get(action="refund", state="refused").outcome_reason

    def test_what_was_refused_outside_is_given_back_to_every_limit(self, limited, partner, order):
        limited(kind="budget", actions=["refund"], amount=Decimal("100.00"), days=7)
        partner.connector = "webhook"
        partner.save()
        decision = committed_refund(partner, order, order.total, 1)
        execution.execute()
        refund = decision.effects.get(action="refund")
        assert set(Budget.objects.values_list("spent", "count")) == {(order.total, 1)}
        reserved = budgets.with_reserved(Budget.objects.all()).values_list("reserved", flat=True)
        assert set(reserved) == {order.total}
        settling.settle(refund.pk, Outcome("refused", reason="no"), actor=ACTOR)
        assert set(Budget.objects.values_list("spent", "count")) == {(0, 0)}


class TestQuietHours:
    def test_at_night_people_decide(self, limited, arrive, order, partner):
        night = timezone.now().astimezone(partner.zone).replace(hour=3, minute=10) - timedelta(days=1)
        limited(kind="quiet", quiet_from=time(22), quiet_to=time(6))
        case = arrive(RETURN, order=order, at=night)
        assert "at this hour the AI leaves it to people" in reasons(case)

    def test_by_day_the_ai_goes_on(self, limited, arrive, order, partner):
        noon = timezone.now().astimezone(partner.zone).replace(hour=12, minute=0) - timedelta(days=1)
        limited(kind="quiet", quiet_from=time(22), quiet_to=time(6))
        assert arrive(RETURN, order=order, at=noon).handler == "autonomous"


def test_of_two_limits_with_one_row_the_stricter_holds(partner):
    from apps.policies.gate import compile_policy
    from apps.policies.money import Money
    from apps.policies.specs import LimitSpec

    limits = [
        LimitSpec(key, "budget", frozenset({"refund"}), amount=Money(Decimal(amount), "USD"))
        for key, amount in (("guardrail 1", "100.00"), ("parent guardrail 1", "40.00"))
    ]
    (held,) = budgets.counted(compile_policy([], [], limits), "standard_return", "refund")
    assert held.amount == Money(Decimal("40.00"), "USD")


class TestAcrossReleases:
    @pytest.fixture
    def refunded(self, partner, customer):
        """Carry out the refund of one more order of 84.50; gives what became of it."""
        numbers = iter(range(1, 100))

        def go():
            order = factories.OrderFactory(customer=customer)
            decision = committed_refund(partner, order, order.total, next(numbers))
            execution.execute()
            return decision.effects.get(action="refund").state

        return go

    @pytest.mark.parametrize("narrower", ["200.00", "100.00"], ids=["above what is spent", "below what is spent"])
    def test_a_narrower_limit_holds_at_once_and_keeps_what_was_spent(self, partner, refunded, narrower):
        assert [refunded() for _ in range(2)] == ["done", "done"]
        limit_a_day(partner, Decimal(narrower))
        assert refunded() == "refused"
        assert Budget.objects.get().spent == Decimal("169.00")

    def test_a_limit_in_times_follows_its_version_too(self, limited, partner, refunded):
        limited(kind="velocity", actions=["refund"], count=3, days=90)
        assert [refunded() for _ in range(2)] == ["done", "done"]
        limited(kind="velocity", actions=["refund"], count=1, days=90)
        assert refunded() == "refused"
        assert Budget.objects.exclude(party="").get().count == 2

    def test_a_limit_that_is_for_more_actions_now_knows_what_was_given_today(self, limited, partner, order):
        refund = committed_refund(partner, order, order.total, 1)
        execution.execute()
        assert refund.effects.get(action="refund").state == "done"
        author = factories.ops_manager()
        draft = releases.draft_from(author, partner.boundary)
        day = draft.guardrails.get(kind="budget")
        day.actions, day.amount = ["refund", "goodwill"], Decimal("100.00")
        editing.save(author, day)
        releases.tighten(author, draft)
        other = committed_refund(partner, factories.OrderFactory(customer=order.customer), order.total, 2)
        execution.execute()
        assert other.effects.get(action="refund").state == "refused"

    def test_what_a_limit_refuses_holds_nothing_of_the_order_either(self, partner, order):
        today = budgets.local_day(partner, timezone.now())
        Budget.objects.create(partner=partner, action="refund", day=today, currency="USD", limit=2000, spent=2000)
        decision = committed_refund(partner, order, order.total, 1)
        execution.execute()
        order.refresh_from_db()
        assert decision.effects.get(action="refund").state == "refused"
        assert order.refunds_reserved == sum(line.reserved for line in order.lines.all()) == 0
        assert not Reservation.objects.exists()

    def test_without_a_boundary_any_more_no_money_leaves(self, partner, order):
        decision = committed_refund(partner, order, order.total, 1)
        factories.released(partner, "boundary", boundary=None)
        execution.execute()
        refund = decision.effects.get(action="refund")
        assert (refund.state, "No boundary is in force" in refund.outcome_reason) == ("refused", True)
