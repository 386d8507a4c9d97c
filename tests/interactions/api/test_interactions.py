"""The partner API: shapes, errors that name field and reason, and the same id twice."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.interactions import matching
from apps.interactions.demo import demo_partner
from apps.interactions.models import Customer, Interaction, Message, Order, OrderEvent
from tests.conftest import api_client

URL = "/api/v1/interactions/"


def interaction(customer=None, **fields):
    return {
        "external_id": "ticket-1",
        "channel": "chat",
        "customer": customer.external_id if customer else None,
        "messages": [{"author": "customer", "text": "Where is my order?", "sent_at": timezone.now().isoformat()}],
        **fields,
    }


ORDER = {
    "customer": "",
    "status": "placed",
    "currency": "USD",
    "total": "84.50",
    "placed_at": "2026-01-05T10:00:00Z",
    "lines": [{"sku": "A", "name": "Lamp", "quantity": 1, "unit_price": "84.50"}],
    "payments": [{"kind": "payment", "method": "card", "amount": "84.50"}],
}


class TestAnotherPartner:
    """With every scope and the right id, another partner's rows are not there."""

    @pytest.fixture
    def stranger(self, partner):
        return api_client(demo_partner("oru", "Oru"))

    def test_a_message_cannot_be_added_to_a_case(self, api, stranger, customer):
        reference = api.post(URL, interaction(customer), format="json").json()["id"]
        assert stranger.post(f"{URL}{reference}/messages/", message(), format="json").status_code == 404
        assert Message.objects.count() == 1

    def test_the_list_is_empty(self, api, stranger, customer):
        api.post(URL, interaction(customer), format="json")
        assert stranger.get(URL).json()["results"] == []

    def test_a_customer_is_not_there(self, stranger, customer):
        assert stranger.get(f"/api/v1/customers/{customer.external_id}/").status_code == 404

    def test_a_case_cannot_be_opened_for_a_customer(self, stranger, customer):
        answer = stranger.post(URL, interaction(customer), format="json")
        assert answer.status_code == 422
        assert "customer" in answer.json()["errors"]

    def test_a_scan_cannot_be_added_to_an_order(self, stranger, order):
        scan = [{"at": timezone.now().isoformat(), "kind": "attempted"}]
        assert stranger.post(f"/api/v1/orders/{order.number}/events/", scan, format="json").status_code == 404


class TestInteractions:
    def test_one_is_accepted_and_can_be_read_back(self, api, customer):
        answer = api.post(URL, interaction(customer), format="json")
        assert answer.status_code == 202
        body = answer.json()
        assert body["state"] == "received"
        again = api.get(body["url"]).json()
        assert again["external_id"] == "ticket-1"
        assert [message["text"] for message in again["messages"]] == ["Where is my order?"]

    def test_the_same_id_again_is_the_same_interaction_and_starts_nothing(self, api, customer, drain):
        first = api.post(URL, interaction(customer), format="json")
        drain()
        second = api.post(URL, interaction(customer), format="json")
        assert (first.status_code, second.status_code) == (202, 200)
        assert first.json()["id"] == second.json()["id"]
        case = Interaction.objects.get()
        assert case.messages.filter(author="customer").count() == 1
        assert drain() == 0

    def test_a_known_id_is_answered_before_what_came_with_it_is_looked_at(self, api, customer):
        assert api.post(URL, interaction(customer), format="json").status_code == 202
        answer = api.post(URL, interaction(customer, order="W0000000"), format="json")
        assert (answer.status_code, "sent under this id" in answer.json()["detail"]) == (409, True), (
            "not that of the order"
        )

    def test_a_batch_gives_one_verdict_an_item_and_one_bad_item_spoils_no_other(self, api, customer):
        items = [interaction(customer, external_id="a"), interaction(customer, external_id="b", channel="pigeon"), "no object",
                 interaction(customer, external_id="d", order="W0000000")]  # fmt: skip
        answer = api.post(f"{URL}batch/", {"interactions": items}, format="json")
        results = answer.json()["results"]
        assert [result["status"] for result in results] == [202, 422, 422, 422]
        assert "channel" in results[1]["errors"]
        assert "order" in results[3]["errors"]
        assert Interaction.objects.count() == 1

    def test_a_batch_is_bounded(self, api):
        assert api.post(f"{URL}batch/", {"interactions": []}, format="json").status_code == 422
        too_many = [{"external_id": str(number)} for number in range(501)]
        assert api.post(f"{URL}batch/", {"interactions": too_many}, format="json").status_code == 422

    def test_lists_go_by_cursor_newest_first(self, api, customer):
        for number in range(5):
            api.post(URL, interaction(customer, external_id=f"t{number}"), format="json")
        page = api.get(URL, {"limit": 2}).json()
        assert [row["external_id"] for row in page["results"]] == ["t4", "t3"]
        api.post(URL, interaction(customer, external_id="newer"), format="json")
        older = api.get(page["next"]).json()
        assert [row["external_id"] for row in older["results"]] == ["t2", "t1"]

    def test_a_list_by_an_unknown_state_says_which_there_are(self, api):
        answer = api.get(URL, {"state": "happy"})
        assert answer.status_code == 422
        assert "awaiting_decision" in answer.json()["errors"]["state"][0]

    def test_another_partners_interaction_is_the_404_of_one_that_never_was(self, api, customer):
        other = demo_partner("oru", "Oru")
        foreign = api_client(other).post(URL, interaction(external_id="theirs"), format="json").json()["id"]
        mine, never = api.get(f"{URL}{foreign}/"), api.get(f"{URL}{uuid.uuid4()}/")
        assert mine.status_code == never.status_code == 404
        assert {**mine.json(), "request_id": ""} == {**never.json(), "request_id": ""}

    def test_an_address_that_is_none_is_a_problem_too(self, api):
        answer = api.get("/api/v1/nothing/")
        assert answer.status_code == 404
        assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("address", ["interactions", "customers/", "nothing/at/all/"])
def test_an_address_that_is_off_by_a_slash_is_a_problem_by_post_too(api, address):
    browserlike = APIClient(enforce_csrf_checks=True)
    answer = browserlike.post(f"/api/v1/{address}", {}, format="json")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


class TestMessages:
    def test_more_is_added_to_the_case(self, api, customer, drain):
        reference = api.post(URL, interaction(customer), format="json").json()["id"]
        drain()
        more = {"author": "customer", "text": "Are you there?", "sent_at": timezone.now().isoformat()}
        assert api.post(f"{URL}{reference}/messages/", more, format="json").status_code == 202
        assert Interaction.objects.get().messages.filter(author="customer").count() == 2


class TestMirror:
    def test_customer_and_order_are_made_replaced_and_read(self, api, partner):
        made = api.put("/api/v1/customers/c-1/", {"name": "Mira", "tier": "gold"}, format="json")
        changed = api.put("/api/v1/customers/c-1/", {"name": "Mira S", "tier": "vip"}, format="json")
        assert (made.status_code, changed.status_code) == (201, 200)
        assert api.get("/api/v1/customers/c-1/").json()["tier"] == "vip"
        made = api.put("/api/v1/orders/W1/", {**ORDER, "customer": "c-1"}, format="json")
        assert made.status_code == 201, made.json()
        assert api.get("/api/v1/orders/W1/").json()["refundable"] == "84.50"

    def test_an_older_write_never_replaces_a_newer_one(self, api, partner):
        now = timezone.now()
        api.put("/api/v1/customers/c-1/", {"tier": "gold", "as_of": now.isoformat()}, format="json")
        api.put(
            "/api/v1/customers/c-1/", {"tier": "vip", "as_of": (now - timedelta(hours=1)).isoformat()}, format="json"
        )
        assert Customer.objects.get(external_id="c-1").tier == "gold"

    def test_one_of_the_same_moment_replaces(self, api, customer):
        """A clock that counts whole seconds writes twice within one: the later call is what the partner means."""
        now = timezone.now().replace(microsecond=0).isoformat()
        for tier in ("gold", "vip"):
            api.put("/api/v1/customers/c-1/", {"tier": tier, "as_of": now}, format="json")
        assert Customer.objects.get(external_id="c-1").tier == "vip"
        for status in ("placed", "shipped"):
            data = {**ORDER, "customer": customer.external_id, "status": status, "as_of": now}
            api.put("/api/v1/orders/W6/", data, format="json")
        assert Order.objects.get(number="W6").status == "shipped"

    def test_an_older_order_never_replaces_a_newer_one(self, api, customer):
        now, data = timezone.now(), {**ORDER, "customer": customer.external_id}
        api.put("/api/v1/orders/W5/", {**data, "status": "shipped", "as_of": now.isoformat()}, format="json")
        older = (now - timedelta(hours=1)).isoformat()
        assert api.put("/api/v1/orders/W5/", {**data, "as_of": older}, format="json").status_code == 200
        assert Order.objects.get(number="W5").status == "shipped"

    def test_a_scan_is_added_once(self, api, order):
        scan = {"at": timezone.now().isoformat(), "kind": "attempted", "location": "Utrecht"}
        for _ in range(2):
            assert api.post(f"/api/v1/orders/{order.number}/events/", [scan], format="json").status_code == 202
        assert OrderEvent.objects.filter(order=order, kind="attempted").count() == 1

    def test_two_lines_of_one_sku_at_one_price_are_one(self, api, customer):
        line = {"sku": "A", "name": "Lamp", "quantity": 1, "unit_price": "10.00"}
        data = {**ORDER, "customer": customer.external_id, "lines": [line, line]}
        assert api.put("/api/v1/orders/W2/", data, format="json").status_code == 201
        assert Order.objects.get(number="W2").lines.get().quantity == 2

    def test_more_refunds_than_paid_are_kept_as_the_truth_and_nothing_can_be_refunded(self, api, customer):
        refund = {"kind": "refund", "method": "card", "amount": "90.00"}
        data = {**ORDER, "customer": customer.external_id, "payments": [*ORDER["payments"], refund]}
        assert api.put("/api/v1/orders/W3/", data, format="json").status_code == 201
        assert api.get("/api/v1/orders/W3/").json()["refundable"] == "0.00"

    def test_an_order_of_another_partner_is_not_there(self, api, order):
        stranger = api_client(demo_partner("oru", "Oru"))
        assert stranger.get(f"/api/v1/orders/{order.number}/").status_code == 404
        answer = stranger.post(URL, interaction(order=order.number), format="json")
        assert answer.status_code == 422
        assert "There is no order" in answer.json()["errors"]["order"][0]


def future():
    return (timezone.now() + timedelta(days=1)).isoformat()


def message(**fields):
    return {"author": "customer", "text": "Hello", "sent_at": timezone.now().isoformat(), **fields}


class TestBadInput:
    @pytest.mark.parametrize(
        ("fields", "field", "reason"),
        [
            ({"channel": "pigeon"}, "channel", "pigeon"),
            ({"customer": "nobody"}, "customer", "There is no customer “nobody”"),
            ({"order": "W9"}, "order", "There is no order “W9”"),
            ({"messages": []}, "messages", "empty"),
            ({"messages": [message(sent_at=future())]}, "messages[0].sent_at", "future"),
            ({"messages": [message(text="x" * 1_000_000)]}, "messages[0].text", "20000"),
            ({"messages": [message(text="  ")]}, "messages[0].text", "blank"),
            ({"messages": [message(author="oracle")]}, "messages[0].author", "oracle"),
            ({"messages": [message(text="a\x00b")]}, "messages[0].text", "Null"),
            ({"nonsense": 1}, "nonsense", "no such field"),
            ({"messages": [message(sent_at="0001-01-01T00:00:00Z")]}, "messages[0].sent_at", "year 2000"),
            ({"audience": -1}, "audience", "0"),
            ({"external_id": ""}, "external_id", "blank"),
        ],
    )
    def test_it_names_field_and_reason_and_keeps_nothing(self, api, fields, field, reason):
        answer = api.post(URL, {**interaction(), **fields}, format="json")
        assert answer.status_code == 422
        errors = answer.json()["errors"]
        assert field in errors
        assert reason in errors[field][0]
        assert Interaction.objects.count() == 0

    @pytest.mark.parametrize(
        ("fields", "field", "reason"),
        [
            ({"total": "84.505"}, "total", "more than two decimals"),
            ({"total": 84.5}, "total", "floats are not exact"),
            ({"total": "-1.00"}, "total", "not an amount"),
            ({"currency": "dollars"}, "currency", "Three capital letters"),
            ({"status": "lost"}, "status", "lost"),
            ({"placed_at": future()}, "placed_at", "future"),
            ({"customer": "nobody"}, "customer", "There is no customer"),
            ({"placed_at": "0001-01-01T00:00:00Z"}, "placed_at", "year 2000"),
            ({"total": "9" * 40}, "total", "too large"),
            ({"lines": [{**ORDER["lines"][0], "quantity": 100_000, "unit_price": "999999.00"}]}, "lines", "worth"),
            ({"destination": {"city": "a\x00b"}}, "destination.city", "Null"),
            ({"number": "W8"}, "number", "The address says"),
            ({"lines": [{**ORDER["lines"][0], "quantity": 0}]}, "lines[0].quantity", "1"),
            ({"lines": [ORDER["lines"][0], {**ORDER["lines"][0], "unit_price": "1.00"}]}, "lines", "different prices"),
        ],
    )
    def test_an_order_names_field_and_reason(self, api, customer, fields, field, reason):
        answer = api.put("/api/v1/orders/W7/", {**ORDER, "customer": customer.external_id, **fields}, format="json")
        assert answer.status_code == 422, answer.json()
        assert reason in answer.json()["errors"][field][0]
        assert not Order.objects.filter(number="W7").exists()

    def test_no_json_and_no_object_are_said(self, api):
        broken = api.post(URL, "{", content_type="application/json")
        assert broken.status_code == 400
        assert broken["Content-Type"] == "application/problem+json"
        assert api.post(URL, [1, 2], format="json").status_code == 422

    def test_a_body_over_the_limit_is_refused_before_it_is_read(self, api):
        answer = api.post(URL, b" " * (9 * 1024 * 1024), content_type="application/json")
        assert answer.status_code == 413
        assert answer["Content-Type"] == "application/problem+json"

    @pytest.mark.parametrize(
        "text", ["我的订单在哪里？", "أين طلبي؟", "Где мой заказ?", "🎁📦❓", "ที่ไหน", "a" * 19_999]
    )
    def test_text_in_any_script_is_taken_and_worked_on(self, api, customer, drain, text):
        data = interaction(customer, messages=[message(text=text)])
        assert api.post(URL, data, format="json").status_code == 202
        drain()
        case = Interaction.objects.get()
        assert case.state in ("awaiting_decision", "awaiting_customer")
        assert case.messages.filter(author="customer").get().text == text


@pytest.mark.parametrize("address", ["customers/" + "c" * 101, "customers/a%00b", "orders/" + "W" * 61])
def test_an_id_that_does_not_fit_is_named(api, address):
    answer = api.put(f"/api/v1/{address}/", {**ORDER, "customer": "c"} if "orders" in address else {}, format="json")
    assert answer.status_code == 422
    assert "An id has" in str(answer.json()["errors"])


class TestBounds:
    @pytest.mark.parametrize("count", [0, 501])
    def test_so_many_events_at_once_and_no_more(self, api, order, count):
        event = {"kind": "picked_up", "at": "2026-01-01T10:00:00Z"}
        answer = api.post(f"/api/v1/orders/{order.number}/events/", [event] * count, format="json")
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["body"])

    def test_an_error_in_a_list_says_which_one(self, api, order):
        good = {"kind": "picked_up", "at": "2026-01-01T10:00:00Z"}
        answer = api.post(
            f"/api/v1/orders/{order.number}/events/", [good, {"kind": "x", "at": "yesterday"}], format="json"
        )
        assert list(answer.json()["errors"]) == ["[1].at"]

    def test_of_many_numbers_in_a_text_the_first_are_looked_up(self):
        text = " ".join(str(number) for number in range(10000, 90000))
        found = matching.numbers_in([text], "W1")
        assert found == {"W1", *(str(number) for number in range(10000, 10020))}
