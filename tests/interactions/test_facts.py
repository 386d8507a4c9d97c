"""Facts: what is known of a case at the moment the customer wrote, and what is left unknown."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from apps.interactions import gathering, mirror, own_conditions
from apps.interactions.classification import language
from apps.interactions.models import Interaction, OrderEvent, OrderLine, Payment, Product
from apps.interactions.pipeline import load
from apps.interactions.playbooks.base import return_fee
from apps.policies.facts import VOCABULARY, Fact, Facts
from apps.policies.models import Partner, Terms
from apps.policies.models.terms import read_window
from apps.policies.words import Action
from tests import factories
from tests.conftest import RETURN, STATUS


def facts_of(case: Interaction) -> Facts:
    (loaded,) = load([case])
    gathering.gather(loaded, gathering.counts_for([loaded]))
    return loaded.facts


@pytest.fixture
def case(arrive, order):
    return arrive(STATUS, order=order, work=False)


def scan(order, kind, *, hours_ago=24, **fields):
    return OrderEvent.objects.create(order=order, kind=kind, at=timezone.now() - timedelta(hours=hours_ago), **fields)


class TestCourier:
    def test_attempts_are_counted_once_there_is_a_scan(self, case, order):
        order.events.all().delete()
        assert facts_of(case).value("order.delivery_attempts") is None
        scan(order, "in_transit")
        assert facts_of(case).value("order.delivery_attempts") == 0
        scan(order, "attempted", hours_ago=20)
        assert facts_of(case).value("order.delivery_attempts") == 1

    @pytest.mark.parametrize(
        ("destination", "place", "matches"),
        [
            ({"city": "Utrecht", "postcode": "3511"}, "Utrecht", True),
            ({"city": "Utrecht"}, "Depot Utrecht-Noord", True),
            ({"city": "Utrecht"}, "Ghent", False),
            ({}, "Utrecht", None),
            ({"city": "Utrecht"}, "", None),
        ],
    )
    def test_where_it_was_delivered_is_held_against_the_address(self, case, order, destination, place, matches):
        order.events.all().delete()
        scan(order, "delivered", location=place)
        order.destination = destination
        order.save()
        assert facts_of(case).value("order.address_matches") is matches

    def test_a_proof_that_is_not_in_the_list_is_unknown_to_the_gate(self, case, order):
        order.events.all().delete()
        scan(order, "delivered", proof="left in the rain")
        found = facts_of(case)
        assert found.known_at(timezone.now())["order.proof_of_delivery"] is None


class TestPayments:
    def test_failed_payments_and_an_open_chargeback_are_seen(self, case, order):
        assert facts_of(case).value("order.chargeback_open") is False
        Payment.objects.create(order=order, kind="failed", method="credit_card", amount=Decimal("84.50"))
        Payment.objects.create(order=order, kind="chargeback", method="credit_card", amount=Decimal("84.50"))
        found = facts_of(case)
        assert found.value("order.failed_payments") == 1
        assert found.value("order.chargeback_open") is True
        Payment.objects.create(order=order, kind="chargeback_lost", method="credit_card", amount=Decimal("84.50"))
        assert facts_of(case).value("order.chargeback_open") is False

    @pytest.mark.parametrize(
        ("ended", "left"), [(None, "0.00"), ("chargeback_lost", "0.00"), ("chargeback_won", "84.50")]
    )
    def test_what_a_bank_took_back_cannot_be_refunded_once_more(self, partner, order, ended, left):
        def payment(kind):
            return {"kind": kind, "method": "credit_card", "amount": Decimal("84.50")}

        payments = [payment("payment"), payment("failed"), payment("chargeback"), *([payment(ended)] if ended else [])]
        data = {
            "customer": order.customer.external_id, "status": "delivered", "currency": "USD", "total": Decimal("84.50"),
            "placed_at": order.placed_at, "lines": [], "payments": payments,
        }  # fmt: skip
        stored = mirror.put_order(partner, order.number, data, as_of=timezone.now()).row
        assert str(stored.refundable.amount) == left

    def test_items_that_we_refunded_are_not_refundable_again(self, case, order):
        OrderLine.objects.create(order=order, sku="SKU-2", name="Candle", quantity=2, unit_price=1, paid=2, reserved=2)
        assert facts_of(case).value("order.items_refundable") == 1


class TestCustomer:
    def test_returns_of_the_last_year_are_counted(self, case, order, customer):
        assert facts_of(case).value("customer.returns_12m") == 0
        factories.OrderFactory(customer=customer, return_received_at=timezone.now() - timedelta(days=40))
        factories.OrderFactory(customer=customer, return_received_at=timezone.now() - timedelta(days=400))
        assert facts_of(case).value("customer.returns_12m") == 1

    def test_refunds_are_counted_in_30_and_in_90_days(self, case, order, customer):
        for days in (10, 60, 100):
            factories.OrderFactory(
                customer=customer, refunds_reported=Decimal("1.00"), placed_at=timezone.now() - timedelta(days=days)
            )
        found = facts_of(case)
        assert (found.value("customer.refunds_30d"), found.value("customer.refunds_90d")) == (1, 2)


class TestReturnWindows:
    def test_the_most_exact_line_counts_and_a_category_before_a_tier(self):
        terms = Terms(return_window_days=30, return_windows=["vip: 60", "electronics: 14", "Electronics, vip: 21"])
        windows = [
            terms.window_for(*of) for of in (("", "gold"), ("", "vip"), ("electronics", "gold"), ("electronics", "vip"))
        ]
        assert windows == [30, 60, 14, 21]

    def test_of_two_that_are_as_exact_the_shorter_counts(self):
        assert Terms(return_windows=["toys: 40", "toys: 20"]).window_for("toys", "") == 20

    def test_an_order_comes_back_in_the_shortest_window_of_its_lines(self, case, order, partner):
        factories.released(partner, "terms", **factories.terms(partner, return_windows=["electronics: 3", "toys: 90"]))
        Product.objects.create(partner=partner, sku="SKU-1", name="Set", category="Toys", price=1, currency="USD",
                               as_of=timezone.now())  # fmt: skip
        assert facts_of(case).value("order.days_past_window") == 5 - 90
        OrderLine.objects.create(order=order, sku="SKU-2", name="Radio", quantity=1, unit_price=1, paid=1)
        assert facts_of(case).value("order.days_past_window") == 5 - 30
        Product.objects.create(partner=partner, sku="SKU-2", name="Radio", category="electronics", price=1,
                               currency="USD", as_of=timezone.now())  # fmt: skip
        assert facts_of(case).value("order.days_past_window") == 5 - 3

    @pytest.mark.parametrize(
        "line", ["electronics", ": 3", "a, b: 3", "gold, vip: 3", "toys: many", "toys: -1", "toys: 9999", ""]
    )
    def test_a_line_that_is_none_says_how_to_write_one(self, line):
        with pytest.raises(ValidationError):
            read_window(line)


class TestOwnConditions:
    def test_they_stand_on_facts_that_may_grant(self):
        for conditions in own_conditions.OWN_CONDITIONS.values():
            assert all(VOCABULARY[condition.fact].grants for condition in conditions)

    def test_a_fact_that_is_unknown_does_not_hold(self):
        assert own_conditions.lacking(Action.REFUND, Facts())
        known = Facts({"order.chargeback_open": Fact("order.chargeback_open", False, "shop")})
        assert not own_conditions.lacking(Action.REFUND, known)

    def test_no_label_for_an_order_whose_bank_took_the_money_back(self, arrive, order):
        Payment.objects.create(order=order, kind="chargeback", method="credit_card", amount=Decimal("1.00"))
        case = arrive(RETURN, order=order)
        assert case.handler == "human"
        assert "own condition" in [down["code"] for down in case.ruling.downgrades]


def test_a_tier_whose_returns_are_free_pays_no_fee(arrive, order, customer, partner):
    terms = {"return_fee": "5.00", "free_return_tiers": ["gold"]}
    factories.released(partner, "terms", **factories.terms(partner, **terms))
    (case,) = load([arrive(RETURN, order=order, work=False)])
    assert return_fee(case, order).amount == Decimal("5.00")
    case.customer.tier = "gold"
    assert return_fee(case, order).amount == 0


def test_the_languages_that_can_be_told_are_those_a_fact_can_have():
    assert set(language.NAMES) == set(VOCABULARY["message.language"].choices)


class TestOldWordOfAnOrder:
    @pytest.mark.parametrize(
        ("status", "hours", "most", "alone"),
        [("shipped", 30, 24, False), ("shipped", 23, 24, True), ("placed", 30, 24, False), ("shipped", 300, None, True),
         ("delivered", 300, 24, True), ("shipped", 1, 0, False)],
    )  # fmt: skip
    def test_goes_to_a_person_when_the_brand_says_so(self, arrive, customer, partner, status, hours, most, alone):
        Partner.objects.update(order_hours=most)
        known_at = timezone.now() - timedelta(hours=hours)
        order = factories.OrderFactory(customer=customer, status=status, as_of=known_at)
        case = arrive(STATUS, order=order)
        assert (case.handler == "autonomous") is alone
        assert (f"last word of the order is {hours} hours old" in str(case.ruling.downgrades)) is not alone
