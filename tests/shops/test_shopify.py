"""Shopify by its published API: what we ask, and what we make of the answers. Not tried on a live shop."""

from dataclasses import replace
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.interactions.api import serializers as shapes
from apps.interactions.shops import adapter, shopify
from apps.interactions.shops.adapter import Door, Wanted, marked
from apps.interactions.shops.shopify import Shopify
from apps.policies.words import Action
from tests.shops.recorded import recorded_shop

KEY = "0a1b2c3d-0000-4000-8000-000000000001"
ORDER = "gid://shopify/Order/450"


def money(amount):
    return {"presentmentMoney": {"amount": amount, "currencyCode": "EUR"}}


def refund(note="", status="SUCCESS", amount="12.50"):
    return {
        "id": "gid://shopify/Refund/9", "note": note, "createdAt": "2026-11-20T10:00:00Z", "totalRefundedSet": money(amount),
        "transactions": {"nodes": [{"id": "gid://shopify/OrderTransaction/7", "kind": "REFUND", "status": status}]},
    }  # fmt: skip


def order(**more):
    return {
        "id": ORDER, "name": "#1001", "createdAt": "2026-11-10T09:00:00Z", "processedAt": "2026-11-10T09:00:01Z",
        "email": "ada@example.com", "cancelledAt": None, "displayFulfillmentStatus": "FULFILLED", "presentmentCurrencyCode": "EUR",
        "taxesIncluded": True, "totalPriceSet": money("65.00"), "totalReceivedSet": money("65.00"), "totalRefundedSet": money("0.00"),
        "customer": {"id": "gid://shopify/Customer/3", "displayName": "Ada Byron", "tags": ["Newsletter", "VIP"],
                     "defaultEmailAddress": {"emailAddress": "ada@example.com"}},
        "shippingAddress": {"address1": "12 Analytical Row", "city": "Utrecht", "zip": "3511", "countryCodeV2": "NL"},
        "cancellation": None,
        "lineItems": {"pageInfo": {"hasNextPage": False}, "nodes": [
            {"sku": "PAN-L", "name": "Pan - Large", "quantity": 2, "discountedTotalSet": money("60.00"), "taxLines": []}]},
        "transactions": [{"id": "gid://shopify/OrderTransaction/5", "kind": "SALE", "status": "SUCCESS", "gateway": "shopify_payments",
                          "processedAt": "2026-11-10T09:00:02Z", "amountSet": money("65.00")}],
        "fulfillments": [{"createdAt": "2026-11-11T09:00:00Z", "deliveredAt": "2026-11-13T15:00:00Z", "status": "SUCCESS", "displayStatus": "DELIVERED",
                          "trackingInfo": [{"number": "3SABC"}]}],
        **more,
    }  # fmt: skip


@pytest.fixture
def shop():
    with recorded_shop() as there:
        there.says(
            "orders(first: 5",
            {"data": {"orders": {"nodes": [{"id": ORDER, "name": "#1001"}, {"id": "x", "name": "#10011"}]}}},
        )
        there.says("lineItems(first: 50)", {"data": {"order": order()}})
        there.says("refunds(first: 50)", {"data": {"order": {"refunds": []}}})
        there.says("suggestedRefund", {"data": {"order": {"suggestedRefund": {"suggestedTransactions": [
            {"gateway": "shopify_payments", "parentTransaction": {"id": "gid://shopify/OrderTransaction/5"}, "maximumRefundableSet": money("65.00")}]}}}})  # fmt: skip
        there.says("refundCreate", {"data": {"refundCreate": {"refund": refund(), "userErrors": []}}})
        yield there


@pytest.fixture
def connector(shop):
    return Shopify(Door(shop.url, "", "shpat_secret"))


def wanted(action=Action.REFUND, amount="12.50"):
    return Wanted(KEY, action, "1001", Decimal(amount) if amount else None, "EUR" if amount else "")


def asked(shop, what):
    return [one.body["variables"] for one in shop.asked if what in one.body["query"]]


def test_every_call_carries_the_token_to_the_version_it_was_written_for(shop, connector):
    connector.read("1001")
    assert {one.path for one in shop.asked} == {"/admin/api/2026-07/graphql.json"}
    assert {one.headers["X-Shopify-Access-Token"] for one in shop.asked} == {"shpat_secret"}


def test_an_order_reads_as_the_mirror_has_it(connector):
    seen = connector.read("1001")
    for shape, said in ((shapes.CustomerIn, seen.customer), (shapes.OrderIn, seen.order)):
        assert shape(data=said).is_valid(raise_exception=True)
    assert seen.customer["tier"] == "vip"
    assert (seen.order["status"], seen.order["delivered_at"]) == ("delivered", "2026-11-13T15:00:00Z")
    assert [(one["sku"], one["quantity"], one["unit_price"]) for one in seen.order["lines"]] == [
        ("PAN-L", 2, "30.00"),
        ("shipping", 1, "5.00"),
    ]
    assert seen.left == Decimal("65.00")


def test_only_the_exact_number_is_the_order(shop, connector):
    shop.says("orders(first: 5", {"data": {"orders": {"nodes": [{"id": "x", "name": "#10011"}]}}})
    assert connector.read("1001") is None


def test_a_quote_in_a_number_asks_for_nothing_else(shop, connector):
    shop.says("orders(first: 5", {"data": {"orders": {"nodes": []}}})
    connector.read('1" OR name:"2')
    assert all(one["q"].count('"') == 2 for one in asked(shop, "orders(first: 5"))


def test_a_refund_carries_its_key_to_the_shop_twice(shop, connector):
    assert adapter.perform(connector, wanted()).verdict == "done"
    (sent,) = asked(shop, "refundCreate")
    assert sent["key"] == KEY
    assert sent["input"]["note"] == marked(KEY)
    assert sent["input"]["transactions"] == [
        {"orderId": ORDER, "parentId": "gid://shopify/OrderTransaction/5", "gateway": "shopify_payments", "kind": "REFUND", "amount": "12.50"}
    ]  # fmt: skip
    assert any("@idempotent(key: $key)" in one.body["query"] for one in shop.asked)


def test_a_shop_that_took_too_long_to_look_is_asked_for_nothing(shop, connector, monkeypatch):
    monkeypatch.setattr(adapter, "READS_WITHIN", 0.0)
    found = adapter.perform(connector, wanted())
    assert (found.verdict, "too slow" in found.reason) == ("refused", True)
    assert not asked(shop, "refundCreate")


@pytest.mark.parametrize(
    ("status", "verdict"),
    [("SUCCESS", "done"), ("FAILURE", "refused"), ("ERROR", "refused"), ("PENDING", None), ("UNKNOWN", None)],
)
def test_what_stands_under_the_key_is_the_outcome_and_nothing_is_sent(shop, connector, status, verdict):
    shop.says("refunds(first: 50)", {"data": {"order": {"refunds": [refund(marked(KEY), status)]}}})
    found = adapter.perform(connector, wanted())
    assert (found.verdict if found else None) == verdict
    assert adapter.look_up(connector, wanted()) == found
    assert not asked(shop, "refundCreate")


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ({"data": {"refundCreate": {"refund": None, "userErrors": [{"field": None, "message": "Amount is too large"}]}}}, "refused"),
        ({"data": {"refundCreate": {"refund": None, "userErrors": [{"field": None, "message": "This request is currently in progress, please try again."}]}}}, None),
        ({"errors": [{"message": "Access denied", "extensions": {"code": "ACCESS_DENIED"}}]}, "refused"),
        ({"errors": [{"message": "Internal error", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}, None),
        ((401, {"errors": "[API] Invalid API key or access token"}), "refused"),
        ((502, b"<html>bad gateway</html>"), None),
    ],
)  # fmt: skip
def test_only_a_certain_no_is_a_no(shop, connector, answer, verdict):
    shop.says("refundCreate", answer)
    found = adapter.perform(connector, wanted())
    assert (found.verdict if found else None) == verdict
    assert len(asked(shop, "refundCreate")) == 1


def test_too_many_calls_wait_and_ask_once_more(shop, connector, monkeypatch):
    waited = []
    monkeypatch.setattr(shopify.time, "sleep", waited.append)
    busy = {"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
            "extensions": {"cost": {"requestedQueryCost": 300, "throttleStatus": {"currentlyAvailable": 100, "restoreRate": 100}}}}  # fmt: skip
    answers = iter([busy, {"data": {"refundCreate": {"refund": refund(), "userErrors": []}}}])
    shop.says("refundCreate", lambda one: next(answers))
    assert adapter.perform(connector, wanted()).verdict == "done"
    assert waited == [2.0]


def test_cancelling_is_known_when_the_shop_shows_it(shop, connector):
    cancel = wanted(Action.CANCEL_ORDER, "")
    shop.says("lineItems(first: 50)", {"data": {"order": order(fulfillments=[], totalRefundedSet=money("65.00"))}})
    shop.says(
        "orderCancel(", {"data": {"orderCancel": {"job": {"id": "gid://shopify/Job/1"}, "orderCancelUserErrors": []}}}
    )
    assert adapter.perform(connector, cancel) is None
    assert asked(shop, "orderCancel(")[0]["note"] == marked(KEY)
    cancelled = order(fulfillments=[], cancelledAt="2026-11-26T20:00:00Z", cancellation={"staffNote": marked(KEY)})
    shop.says("lineItems(first: 50)", {"data": {"order": cancelled}})
    assert adapter.look_up(connector, cancel).verdict == "done"


def test_what_would_go_back_by_several_payments_is_not_cancelled(shop, connector):
    shop.says("lineItems(first: 50)", {"data": {"order": order(fulfillments=[])}})
    shop.says("suggestedRefund(", {"data": {"order": {"suggestedRefund": None}}})
    paid = connector.read("1001").left
    cancel = replace(wanted(Action.CANCEL_ORDER, ""), pays_back=paid)
    assert "from several" in adapter.perform(connector, cancel).reason
    assert asked(shop, "orderCancel(") == []


def test_what_was_sent_is_not_cancelled(connector):
    assert adapter.perform(connector, wanted(Action.CANCEL_ORDER, "")).verdict == "refused"


def test_orders_that_changed_are_told_once(shop, connector):
    page = {
        "nodes": [{"name": "#1001", "updatedAt": "2026-11-26T20:00:00Z"}],
        "pageInfo": {"hasNextPage": False, "endCursor": None},
    }
    shop.says("orders(first: 50", {"data": {"orders": page}})
    (found,) = connector.changed(timezone.now(), {})
    assert found == ("1001", "2026-11-26T20:00:00Z")
    assert list(connector.changed(timezone.now(), dict([found]))) == []


def test_what_was_called_off_was_not_sent(shop, connector):
    (way,) = order()["fulfillments"]
    off = order(
        fulfillments=[{**way, "status": "CANCELLED", "deliveredAt": None}], displayFulfillmentStatus="UNFULFILLED"
    )
    shop.says("lineItems(first: 50)", {"data": {"order": off}})
    seen = connector.read("1001")
    assert (seen.order["status"], seen.order["events"], seen.order["tracking_number"]) == ("placed", [], "")


@pytest.mark.parametrize(("included", "price"), [(True, "50.00"), (False, "54.13")])
def test_tax_that_stands_beside_the_price_is_of_the_line(shop, connector, included, price):
    line = {
        "sku": "PAN-L",
        "name": "Pan",
        "quantity": 2,
        "discountedTotalSet": money("100.00"),
        "taxLines": [{"priceSet": money("8.26")}],
    }
    taxed = order(
        taxesIncluded=included,
        lineItems={"pageInfo": {"hasNextPage": False}, "nodes": [line]},
        totalPriceSet=money("113.26"),
    )
    shop.says("lineItems(first: 50)", {"data": {"order": taxed}})
    assert connector.read("1001").order["lines"][0]["unit_price"] == price


def test_orders_that_are_unusual_fit_the_mirror(shop, connector):
    (line,) = order()["lineItems"]["nodes"]
    lines = {"pageInfo": {"hasNextPage": False}, "nodes": [line, {**line, "discountedTotalSet": money("0.00")}]}
    shop.says("lineItems(first: 50)", {"data": {"order": order(customer=None, email=None, lineItems=lines)}})
    seen = connector.read("1001")
    for shape, said in ((shapes.CustomerIn, seen.customer), (shapes.OrderIn, seen.order)):
        assert shape(data=said).is_valid(raise_exception=True)
    assert seen.customer["external_id"] == "guest of order 1001"
    assert [one["sku"] for one in seen.order["lines"]][:2] == ["PAN-L", "PAN-L #2"]


def test_an_order_with_more_lines_than_can_be_read_is_a_persons(shop, connector):
    lines = {"pageInfo": {"hasNextPage": True}, "nodes": order()["lineItems"]["nodes"]}
    shop.says("lineItems(first: 50)", {"data": {"order": order(lineItems=lines)}})
    assert "more lines" in adapter.perform(connector, wanted()).reason


def test_the_next_page_of_what_changed_is_read(shop, connector):
    def page(asked):
        is_first = asked.body["variables"]["after"] is None
        name = "#1" if is_first else "#2"
        info = {"hasNextPage": is_first, "endCursor": "next"}
        return {"data": {"orders": {"nodes": [{"name": name, "updatedAt": "2026-11-26T20:00:00Z"}], "pageInfo": info}}}

    shop.says("UPDATED_AT", page)
    assert [number for number, _ in connector.changed(timezone.now(), {})] == ["1", "2"]
