"""WooCommerce by its published API: what we ask, and what we make of the answers. Not tried on a live shop."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from apps.interactions.api import serializers as shapes
from apps.interactions.shops import adapter
from apps.interactions.shops.adapter import Denied, Door, Wanted, marked
from apps.interactions.shops.woocommerce import WooCommerce
from apps.policies.words import Action
from tests.shops.recorded import recorded_shop

KEY = "0a1b2c3d-0000-4000-8000-000000000002"
ADDRESS = {
    "first_name": "Ada",
    "last_name": "Byron",
    "address_1": "12 Analytical Row",
    "city": "Utrecht",
    "postcode": "3511",
    "country": "NL",
}


def refund(reason="", paid=True, amount="12.50"):
    return {
        "id": 77,
        "amount": amount,
        "reason": reason,
        "refunded_payment": paid,
        "date_created_gmt": "2026-11-20T10:00:00",
    }


def order(**more):
    return {
        "id": 727, "number": "727", "status": "completed", "currency": "EUR", "total": "65.00", "date_created_gmt": "2026-11-10T09:00:00",
        "date_modified_gmt": "2026-11-26T20:00:00", "date_paid_gmt": "2026-11-10T09:00:05", "customer_id": 12, "payment_method": "stripe",
        "transaction_id": "pi_1", "billing": {**ADDRESS, "email": "ada@example.com"}, "shipping": ADDRESS,
        "line_items": [{"id": 311, "name": "Pan - Large", "product_id": 5, "sku": "PAN-L", "quantity": 2, "total": "50.00", "total_tax": "10.00"}],
        **more,
    }  # fmt: skip


@pytest.fixture
def shop():
    with recorded_shop() as there:
        there.says("GET /wp-json/wc/v3/orders/727 ", order())
        there.says("GET /wp-json/wc/v3/orders/727/refunds", [])
        there.says("POST /wp-json/wc/v3/orders/727/refunds", (201, refund(marked(KEY))))
        yield there


@pytest.fixture
def connector(shop):
    return WooCommerce(Door(f"{shop.url}/", "ck_1", "cs_2"))


def wanted(action=Action.REFUND, amount="12.50"):
    return Wanted(KEY, action, "727", Decimal(amount) if amount else None, "EUR" if amount else "")


def sent(shop, method):
    return [one.body for one in shop.asked if one.method == method]


def test_it_signs_in_with_its_key(shop, connector):
    connector.read("727")
    assert {one.headers["Authorization"] for one in shop.asked} == {"Basic " + base64.b64encode(b"ck_1:cs_2").decode()}


def test_an_order_reads_as_the_mirror_has_it(connector):
    seen = connector.read("727")
    for shape, said in ((shapes.CustomerIn, seen.customer), (shapes.OrderIn, seen.order)):
        assert shape(data=said).is_valid(raise_exception=True)
    assert (seen.order["status"], seen.order["placed_at"], seen.left) == (
        "shipped",
        "2026-11-10T09:00:00Z",
        Decimal("65.00"),
    )
    assert [(one["sku"], one["unit_price"]) for one in seen.order["lines"]] == [
        ("PAN-L", "30.00"),
        ("shipping", "5.00"),
    ]


def test_a_number_that_a_plug_in_made_is_searched_for_and_compared(shop, connector):
    shop.says("search=", [order(number="A-727"), order(id=9, number="A-7270")])
    assert connector.read("A-727").number == "A-727"
    shop.says("search=", [order(number="A-727"), order(id=9, number="A-727")])
    with pytest.raises(Denied, match="more than one"):
        connector.read("A-727")


def test_the_id_of_another_order_is_not_its_number(shop, connector):
    shop.says("GET /wp-json/wc/v3/orders/727 ", order(number="A-1"))
    shop.says("search=", [])
    assert connector.read("727") is None


def test_a_refund_carries_its_key_where_it_is_saved_first(shop, connector):
    assert adapter.perform(connector, wanted()).verdict == "done"
    assert sent(shop, "POST") == [{"amount": "12.50", "reason": marked(KEY), "api_refund": True, "api_restock": False}]


@pytest.mark.parametrize(("paid", "verdict"), [(True, "done"), (False, None)])
def test_what_the_provider_has_not_said_yes_to_is_not_done(shop, connector, paid, verdict):
    shop.says("GET /wp-json/wc/v3/orders/727/refunds", [refund(marked(KEY), paid)])
    found = adapter.perform(connector, wanted())
    assert (found.verdict if found else None) == verdict
    assert sent(shop, "POST") == []


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (
            (
                500,
                {"code": "woocommerce_rest_cannot_create_order_refund", "message": "The provider is busy", "data": 500},
            ),
            None,
        ),
        ((403, {"code": "woocommerce_rest_cannot_create", "message": "Sorry, you are not allowed"}), "refused"),
        ((502, b"<html></html>"), None),
    ],
)
def test_every_other_error_may_have_moved_money(shop, connector, answer, verdict):
    shop.says("POST /wp-json/wc/v3/orders/727/refunds", answer)
    found = adapter.perform(connector, wanted())
    assert (found.verdict if found else None) == verdict
    assert len(sent(shop, "POST")) == 1


def test_nothing_is_asked_for_more_than_is_left(shop, connector):
    shop.says("GET /wp-json/wc/v3/orders/727/refunds", [refund(amount="60.00")])
    assert "5.00 EUR left" in adapter.perform(connector, wanted()).reason
    assert sent(shop, "POST") == []


def test_an_order_is_cancelled_before_it_is_sent_and_its_state_proves_it(shop, connector):
    cancel = wanted(Action.CANCEL_ORDER, "")
    assert "65.00 EUR is paid" in adapter.perform(connector, cancel).reason
    shop.says("GET /wp-json/wc/v3/orders/727/refunds", [refund(amount="65.00")])
    assert adapter.perform(connector, cancel).verdict == "refused"
    shop.says("GET /wp-json/wc/v3/orders/727 ", order(status="processing"))
    shop.says("PUT /wp-json/wc/v3/orders/727 ", order(status="cancelled"))
    assert adapter.perform(connector, cancel).verdict == "done"
    assert sent(shop, "PUT") == [{"status": "cancelled"}]
    shop.says("GET /wp-json/wc/v3/orders/727 ", order(status="cancelled"))
    assert adapter.look_up(connector, cancel).verdict == "done"


def test_what_cannot_be_paid_back_here_is_not_cancelled(shop, connector):
    shop.says("GET /wp-json/wc/v3/orders/727 ", order(status="processing", payment_method=""))
    cancel = replace(wanted(Action.CANCEL_ORDER, ""), pays_back=Decimal("65.00"))
    assert "no way of payment" in adapter.perform(connector, cancel).reason
    assert sent(shop, "PUT") == []


@pytest.mark.parametrize(("completed", "status"), [(None, "cancelled"), ("2026-11-12T09:00:00", "shipped")])
def test_what_is_refunded_in_full_was_sent_or_never_will_be(shop, connector, completed, status):
    shop.says("GET /wp-json/wc/v3/orders/727 ", order(status="refunded", date_completed_gmt=completed))
    assert connector.read("727").order["status"] == status


def test_orders_that_changed_are_told_once(shop, connector):
    shop.says("modified_after=", [order()])
    (found,) = connector.changed(timezone.now(), {})
    assert found == ("727", "2026-11-26T20:00:00")
    assert list(connector.changed(timezone.now(), dict([found]))) == []


def as_wordpress(orders):
    """What it gives of them: those changed after a time by its own clock, which may not have a zone, page by page."""

    def answer(asked):
        said = {name: value for name, (value,) in parse_qs(urlsplit(asked.path).query).items()}
        after = datetime.fromisoformat(said["modified_after"])
        assert after.tzinfo is None, "of a time with a zone it makes one of the shop's zone"
        fitting = [one for one in orders if datetime.fromisoformat(one["date_modified_gmt"]) > after]
        fitting.sort(key=lambda one: one["date_modified_gmt"])
        begins = (int(said["page"]) - 1) * int(said["per_page"])
        return fitting[begins : begins + int(said["per_page"])]

    return answer


@pytest.mark.parametrize("of_one_second", [60, 250])
def test_none_is_left_out_where_many_change_in_one_second(shop, connector, of_one_second):
    seconds = [*range(90), *[90] * of_one_second, *range(91, 151)]
    at = datetime(2026, 11, 26, 20, tzinfo=UTC)
    orders = [
        order(id=n, number=str(n), date_modified_gmt=f"{at + timedelta(seconds=second):%Y-%m-%dT%H:%M:%S}")
        for n, second in enumerate(seconds)
    ]
    shop.says("modified_after=", as_wordpress(orders))
    told = [number for number, _ in connector.changed(at.astimezone(ZoneInfo("Europe/Berlin")), {})]
    assert sorted(told, key=int) == [str(n) for n in range(len(orders))], "each once"


def test_what_changed_two_minutes_before_the_last_look_is_read_again(shop, connector):
    shop.says("modified_after=", as_wordpress([order()]))
    at = datetime(2026, 11, 26, 20, tzinfo=UTC)
    assert len(list(connector.changed(at + timedelta(seconds=119), {}))) == 1
    assert list(connector.changed(at + timedelta(seconds=121), {})) == []


def test_orders_that_are_unusual_fit_the_mirror(shop, connector):
    line = {"name": "Pan", "product_id": 5, "sku": "PAN-L", "quantity": 1, "total": "20.00", "total_tax": "0.00"}
    lines = [
        line,
        {**line, "total": "0.00"},
        {**line, "sku": "", "variation_id": 8},
        {**line, "sku": "", "variation_id": 9},
    ]
    nobody = {**ADDRESS, "email": "", "first_name": "A" * 150, "last_name": "B" * 150}
    shop.says("GET /wp-json/wc/v3/orders/727 ", order(customer_id=0, billing=nobody, line_items=lines))
    seen = connector.read("727")
    for shape, said in ((shapes.CustomerIn, seen.customer), (shapes.OrderIn, seen.order)):
        assert shape(data=said).is_valid(raise_exception=True)
    assert seen.customer["external_id"] == "guest of order 727"
    assert [one["sku"] for one in seen.order["lines"]] == [
        "PAN-L",
        "PAN-L #2",
        "product 5-8",
        "product 5-9",
        "shipping",
    ]


def test_without_a_way_of_payment_nothing_is_paid_back(shop, connector):
    shop.says("GET /wp-json/wc/v3/orders/727 ", order(payment_method=""))
    assert "no way of payment" in adapter.perform(connector, wanted()).reason
    assert sent(shop, "POST") == []


def test_another_currency_is_never_paid_back(shop, connector):
    shop.says("GET /wp-json/wc/v3/orders/727 ", order(currency="USD"))
    assert adapter.perform(connector, wanted()).verdict == "refused"
    assert sent(shop, "POST") == []
