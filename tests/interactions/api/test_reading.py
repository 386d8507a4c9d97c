"""Reading by API: filters, chosen fields, pages, ETags, the decision log."""

import base64
import uuid
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from apps.interactions.api.answers import InteractionOut
from apps.interactions.demo import demo_partner
from apps.interactions.models import Customer, DecisionRecord
from apps.policies.models import Ruling
from tests.conftest import STATUS, api_client
from tests.deciding import decide
from tests.interactions.api.test_interactions import ORDER, URL, interaction

CUSTOMER = "/api/v1/customers/c-1/"


class TestLists:
    @pytest.fixture
    def three(self, api, customer):
        for number in range(3):
            sent = interaction(
                customer if number else None, external_id=f"t{number}", channel="chat" if number else "email"
            )
            assert api.post(URL, sent, format="json").status_code == 202

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ({"channel": "email"}, 1), ({"external_id": "t1"}, 1), ({"external_id": "t9"}, 0),
            ({"received_from": "2000-01-01T00:00:00Z"}, 3), ({"received_before": "2000-01-01T00:00:00Z"}, 0),
            ({"channel": "chat", "external_id": "t0"}, 0),
        ],
    )  # fmt: skip
    def test_by_filters(self, api, three, query, count):
        assert len(api.get(URL, query).json()["results"]) == count

    def test_by_customer(self, api, customer, three):
        found = api.get(URL, {"customer": customer.external_id}).json()["results"]
        assert {row["customer"] for row in found} == {customer.external_id}

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({"colour": "red"}, "colour"), ({"received_from": "yesterday"}, "received_from"), ({"type": "x"}, "type"),
            ({"received_from": "2026-01-01T00:00:00"}, "received_from"), ({"limit": "0"}, "limit"), ({"limit": "201"}, "limit"),
            ({"limit": "x"}, "limit"), ({"received_from": "0001-01-01T00:00:00+23:59"}, "received_from"),
            ({"received_before": "9999-12-31T23:59:59-23:59"}, "received_before"), ({"cursor": "x"}, "cursor"), ({"fields": "id,colour"}, "fields"), ({"fields": ""}, "fields"),
            ({"order": "a\x00b"}, "order"), ({"cursor": base64.b64encode(b"p=abc").decode()}, "cursor"),
            ({"cursor": base64.b64encode(b"p=99999999999999999999999").decode()}, "cursor"), ({"cursor": ""}, "cursor"),
            ({"type": ["complaint", "order_status"]}, "type"), ({"limit": ["1", "2"]}, "limit"),
        ],
    )  # fmt: skip
    def test_what_is_not_understood_is_refused_by_its_name(self, api, query, field):
        answer = api.get(URL, query)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])

    def test_only_the_fields_that_are_wanted(self, api, three):
        rows = api.get(URL, {"fields": "external_id,state"}).json()["results"]
        assert {tuple(row) for row in rows} == {("external_id", "state")}
        whole = api.get(URL).json()["results"][0]
        assert list(whole) == list(InteractionOut().fields)

    def test_of_one_row_too(self, api, customer):
        made = api.post(URL, interaction(customer), format="json").json()
        assert api.get(f"{URL}{made['id']}/", {"fields": "id"}).json() == {"id": made["id"]}

    def test_a_cursor_is_of_one_list(self, api, three):
        following = api.get(URL, {"limit": "1"}).json()["next"]
        assert api.get(following).status_code == 200
        cursor = parse_qs(urlsplit(following).query)["cursor"]
        assert list(api.get("/api/v1/rulings/", {"cursor": cursor}).json()["errors"]) == ["cursor"]

    def test_every_row_comes_once_while_new_ones_come_in(self, api, customer):
        for number in range(7):
            api.post(URL, interaction(customer, external_id=f"t{number}"), format="json")
        address, seen = f"{URL}?limit=2", []
        while address:
            page = api.get(address).json()
            seen += [row["external_id"] for row in page["results"]]
            api.post(URL, interaction(customer, external_id=f"new{len(seen)}"), format="json")
            address = page["next"]
        assert seen == [f"t{number}" for number in range(6, -1, -1)]


class TestETags:
    @pytest.fixture
    def tag(self, api):
        return api.put(CUSTOMER, {"name": "Mira"}, format="json")["ETag"]

    def test_it_changes_with_the_content_alone(self, api, tag):
        assert api.get(CUSTOMER)["ETag"] == tag
        assert api.put(CUSTOMER, {"name": "Mira S."}, format="json")["ETag"] != tag

    def test_what_is_known_already_is_not_sent(self, api, tag):
        answer = api.get(CUSTOMER, headers={"If-None-Match": f'"other", {tag}'})
        assert (answer.status_code, answer.content) == (304, b"")
        assert api.get(CUSTOMER, headers={"If-None-Match": '"other"'}).status_code == 200

    def test_who_replaces_what_changed_meanwhile_is_refused(self, api, tag):
        api.put(CUSTOMER, {"name": "Mira S."}, format="json")
        answer = api.put(CUSTOMER, {"name": "Lost update"}, format="json", headers={"If-Match": tag})
        assert (answer.status_code, Customer.objects.get().name) == (412, "Mira S.")
        assert answer["Content-Type"] == "application/problem+json"
        new = api.get(CUSTOMER)["ETag"]
        assert api.put(CUSTOMER, {"name": "Mira T."}, format="json", headers={"If-Match": new}).status_code == 200

    def test_what_is_older_than_what_is_there_is_refused_to_who_asks_for_just_that(self, api, tag):
        older = (timezone.now() - timedelta(days=1)).isoformat()
        answer = api.put(CUSTOMER, {"name": "Old", "as_of": older}, format="json", headers={"If-Match": tag})
        assert (answer.status_code, Customer.objects.get().name) == (412, "Mira")

    def test_each_part_of_an_order_changes_it(self, api, customer):
        def put(**other):
            line = {
                "sku": "A",
                "name": "Lamp",
                "quantity": 1,
                "unit_price": "84.50",
                "options": other.pop("options", {}),
            }
            sent = ORDER | {"customer": customer.external_id, "lines": [line], "as_of": moment, **other}
            return api.put("/api/v1/orders/W9/", sent, format="json")

        moment = timezone.now().isoformat()
        puts = [put(), put(destination={"city": "Utrecht"}), put(options={"colour": "red"}), put(tracking_number="T")]
        assert len({one["ETag"] for one in puts}) == 4
        assert (puts[1].json()["destination"], puts[2].json()["lines"][0]["options"]) == (
            {"city": "Utrecht"},
            {"colour": "red"},
        )

    def test_who_only_wants_to_make_what_is_not_there(self, api, tag):
        answer = api.put(CUSTOMER, {"name": "x"}, format="json", headers={"If-None-Match": "*"})
        assert (answer.status_code, Customer.objects.get().name) == (412, "Mira")
        assert api.put("/api/v1/customers/c-2/", {}, format="json", headers={"If-None-Match": "*"}).status_code == 201

    def test_nothing_there_is_not_as_expected(self, api, partner):
        assert api.put(CUSTOMER, {}, format="json", headers={"If-Match": "*"}).status_code == 412
        assert not Customer.objects.exists()


class TestDecisionLog:
    @pytest.fixture
    def case(self, arrive, order):
        return arrive(STATUS, order=order)

    def test_a_decision_says_who_on_what_and_under_which_authority(self, api, case):
        decision = DecisionRecord.objects.get()
        told = api.get(f"/api/v1/decisions/{decision.reference}/").json()
        assert told["interaction"] == str(case.reference)
        assert (told["by"], told["action"], told["rule"]) == ("ai", "reply", case.ruling.rule)
        assert told["content_hash"] == case.ruling.content_hash
        assert [effect["state"] for effect in told["effects"]] == ["done"]

    def test_no_persons_name_leaves(self, api, held, drain):
        decide(held)
        told = api.get(f"/api/v1/decisions/{DecisionRecord.objects.get().reference}/").json()
        assert told["by"] == f"person {held[0].pk}"
        assert held[0].username not in str(told)

    def test_rulings_by_filters(self, api, case):
        (row,) = api.get("/api/v1/rulings/", {"interaction": str(case.reference), "handler": "autonomous"}).json()[
            "results"
        ]
        assert (row["case_type"], row["version"]) == ("order_status", case.ruling.version.number)
        assert row["facts"] == case.ruling.facts
        assert api.get("/api/v1/rulings/", {"handler": "human"}).json()["results"] == []
        assert api.get("/api/v1/rulings/", {"interaction": "x"}).status_code == 422

    def test_another_brands_are_not_there(self, case):
        stranger = api_client(demo_partner("oru", "Oru"))
        assert stranger.get(f"/api/v1/decisions/{DecisionRecord.objects.get().reference}/").status_code == 404
        assert stranger.get("/api/v1/rulings/").json()["results"] == []
        assert Ruling.objects.exists()


class TestBodies:
    @pytest.mark.parametrize(
        "body",
        [b"{", b"", b'{"a": NaN}', b'{"a": "\\ud800"}', b"\xff\xfe", b'{"a":' + b"[" * 30 + b"]" * 30 + b"}", b"[" * 5000,
         b'{"n": 99999999999999999999999999}'],
    )  # fmt: skip
    def test_what_is_no_json_that_we_take_is_a_400(self, api, body):
        answer = api.post(URL, body, content_type="application/json")
        assert answer.status_code in (400, 422)
        assert answer["Content-Type"] == "application/problem+json"

    def test_nesting_ends_somewhere(self, api):
        deep = b'{"facts":' + b'{"a":' * 25 + b"1" + b"}" * 25 + b"}"
        answer = api.post("/api/v1/rulings/dry-run/", deep, content_type="application/json")
        assert "nested deeper than 20" in answer.json()["detail"]

    def test_a_404_is_byte_for_byte_the_same(self, api, partner):
        other = api_client(demo_partner("oru", "Oru"))
        theirs = other.post(URL, interaction(external_id="theirs"), format="json").json()["id"]
        assert api.get(f"{URL}{theirs}/").content == api.get(f"{URL}{uuid.uuid4()}/").content
