"""A customer or an order told beside its reference: people see it, the AI goes by none of it, and the shop's word replaces it."""

import pytest
from django.utils import timezone

from apps.interactions import blind, intake, sent_along
from apps.interactions.demo import demo_partner
from apps.interactions.models import ContextPacket, Customer, Interaction, Order
from tests import factories
from tests.conftest import ACTOR, STATUS, api_client, reasons
from tests.interactions.api.test_interactions import ORDER, URL, interaction

CUSTOMER_SENT = {"external_id": "c-new", "name": "Mira Solano", "tier": "vip", "since": "2019-04-01"}
ORDER_SENT = {
    "number": "W2001", "status": "shipped", "currency": "USD", "total": "84.50", "placed_at": "2026-01-05T10:00:00Z",
    "lines": [{"sku": "A", "name": "Lamp", "quantity": 2, "unit_price": "42.25"}],
}  # fmt: skip


def told(**fields):
    said = {"author": "customer", "text": STATUS, "sent_at": "2026-11-20T10:00:00Z"}
    whole = {"customer": CUSTOMER_SENT, "order": ORDER_SENT, "messages": [said], "sender_verified": True}
    return interaction() | whole | fields


@pytest.fixture
def send(api, drain):
    def post(**fields):
        answer = api.post(URL, told(**fields), format="json")
        assert answer.status_code == 202, answer.json()["errors"]
        drain()
        return Interaction.objects.get(reference=answer.json()["id"])

    return post


def packet(case):
    return case.packets.filter(state=ContextPacket.State.READY).get().content


class TestGrantsNothing:
    def test_no_row_of_the_mirror_is_made(self, send):
        send()
        assert (Customer.objects.count(), Order.objects.count()) == (0, 0)

    def test_a_person_decides_and_is_told_why(self, send):
        case = send()
        assert (case.state, case.handler) == ("awaiting_decision", "human")
        assert any("order W2001 came with the message alone" in reason for reason in reasons(case))

    def test_nobody_is_asked_which_order_is_meant(self, send):
        assert packet(send())["proposal"]["action"] != "ask_customer"

    def test_the_facts_are_those_of_a_case_without_it(self, send):
        bare = facts(send(external_id="bare", customer=None, order=None))
        assert facts(send()) == bare != {}

    def test_what_the_shop_says_stands(self, send, customer):
        case = send(customer={"external_id": customer.external_id, "tier": "vip"}, order=None)
        assert facts(case)["customer.tier"] == customer.tier == Customer.objects.get().tier

    def test_another_order_of_the_customer_is_not_taken_for_it(self, send, order):
        case = send(customer=order.customer.external_id)
        assert (case.order, case.order_candidates) == (None, [])

    def test_nor_one_that_the_text_names(self, send, order):
        said = told()["messages"][0] | {"text": f"Where is {order.number}?"}
        assert send(customer=order.customer.external_id, messages=[said]).order is None

    def test_two_orders_that_nobody_knows_are_two_cases(self, send, customer):
        cases = [send(external_id=name, customer=customer.external_id, order={"number": name}) for name in ("W1", "W2")]
        assert [case.merged_into for case in cases] == [None, None]
        assert send(external_id="again", customer=customer.external_id, order={"number": "W2"}).merged_into == cases[1]

    def test_another_order_that_is_written_about_later_does_not_take_its_place(self, send, order, drain):
        case = send(customer=order.customer.external_id)
        intake.add_message(case, _words(f"And {order.number}?"), actor=ACTOR)
        drain()
        later = send(external_id="later", customer=order.customer.external_id, order=order.number)
        case = Interaction.objects.get(pk=case.pk)
        assert (case.order, later.merged_into) == (None, None)
        assert packet(case)["sent_along"] != []

    def test_an_order_that_is_known_is_not_called_unknown_where_the_text_names_one_more(self, send, order):
        other = factories.OrderFactory(customer=order.customer)
        said = told()["messages"][0] | {"text": f"Will {order.number} come with {other.number}?"}
        case = send(customer=order.customer.external_id, order={"number": order.number}, messages=[said])
        assert case.order_candidates == sorted([order.number, other.number])
        assert packet(case)["sent_along"] == []

    def test_it_goes_to_no_case_on_another_order(self, send, order):
        send(external_id="first", customer=order.customer.external_id, order=order.number, channel="whatsapp")
        case = send(customer=order.customer.external_id, channel="whatsapp")
        assert (case.merged_into, case.state) == (None, "awaiting_decision")

    @pytest.mark.parametrize("kind", ["customer", "order"])
    def test_a_key_on_a_public_page_tells_of_nobody(self, partner, kind):
        widget = api_client(partner, scopes=["interactions:write"])
        answer = widget.post(URL, interaction() | {kind: told()[kind]}, format="json")
        assert (answer.status_code, list(answer.json()["errors"])) == (422, [kind])


class TestShown:
    def test_people_see_it_in_words(self, send):
        assert packet(send())["sent_along"] == [
            "Customer c-new: Mira Solano, vip tier, a customer since 1 Apr 2019",
            "Order W2001: shipped, 84.50 USD, placed 5 Jan 2026, 2 × Lamp at 42.25",
        ]

    def test_whatever_the_api_takes_can_be_put_into_words(self, send):
        line = {"sku": "A", "name": "Lamp", "options": {"size": 4}, "quantity": 1, "unit_price": 42}
        place = {"destination": {"zip": 1012, "city": "Utrecht", "note": None}, "tracking_number": "1Z9"}
        said = packet(send(order={"number": "W7", "total": 42, "lines": [line], **place}))["sent_along"]
        assert said[1] == "Order W7: 42, 1 × Lamp at 42, tracking 1Z9, to 1012, Utrecht"

    def test_so_does_who_judges_first(self, send):
        assert len(blind.view(packet(send()))["sent_along"]) == 2

    def test_what_the_shop_knows_is_not_shown_again(self, send, order):
        case = send(
            customer={"external_id": order.customer.external_id, "tier": "gold"}, order={"number": order.number}
        )
        assert (case.customer, case.order) == (order.customer, order)
        assert case.ruling is not None
        assert not case.packets.exists() or packet(case)["sent_along"] == []


class TestTheShopTells:
    def test_the_case_is_read_anew_and_answered(self, api, send, drain):
        case = send()
        api.put("/api/v1/customers/c-new/", {"name": "Mira Solano", "tier": "silver"}, format="json")
        api.put("/api/v1/orders/W2001/", ORDER | {"customer": "c-new", "status": "shipped"}, format="json")
        drain()
        case = Interaction.objects.get(pk=case.pk)
        assert (case.customer.external_id, case.order.number) == ("c-new", "W2001")
        assert (case.handler, case.state) == ("autonomous", "resolved")
        assert not case.escalations.filter(state="open").exists()

    def test_another_brands_order_of_that_number_is_none_of_it(self, send):
        case = send()
        stranger = api_client(demo_partner("oru", "Oru"))
        stranger.put("/api/v1/customers/c-new/", {"name": "Somebody"}, format="json")
        assert Interaction.objects.get(pk=case.pk).customer is None

    def test_what_is_told_with_blanks_around_is_found(self, send, order):
        assert send(customer=order.customer.external_id, order={"number": f" {order.number} "}).order == order

    def test_who_writes_on_after_the_end_is_linked_then(self, api, send, drain):
        case = send()
        Interaction.objects.filter(pk=case.pk).update(state="closed")
        api.put("/api/v1/customers/c-new/", {"name": "Mira Solano"}, format="json")
        again = intake.add_message(Interaction.objects.get(pk=case.pk), _words("It is still not here!"), actor=ACTOR)
        assert (again.linked_to, again.customer.external_id, again.order) == (case, "c-new", None)
        assert list(sent_along.unknown(again)) == ["order"]

    def test_a_case_that_is_over_is_linked_and_left_alone(self, api, send):
        case = send()
        Interaction.objects.filter(pk=case.pk).update(state="resolved")
        api.put("/api/v1/customers/c-new/", {"name": "Mira Solano"}, format="json")
        case = Interaction.objects.get(pk=case.pk)
        assert (case.customer.external_id, case.state) == ("c-new", "resolved")


class TestSentAgain:
    def test_the_same_is_the_same(self, api, send):
        send()
        again = api.post(URL, told(), format="json")
        assert (again.status_code, again.json()["id"]) == (200, str(Interaction.objects.get().reference))
        detail = api.get(f"{URL}{again.json()['id']}/").json()
        assert (detail["order"], detail["sent_along"]["order"]) == (None, ORDER_SENT)

    @pytest.mark.parametrize(
        "other",
        [
            {"customer": CUSTOMER_SENT | {"tier": "gold"}},
            {"order": ORDER_SENT | {"total": "85.00"}},
            {"order": "W2002"},
        ],
    )
    def test_something_else_is_refused(self, api, send, other):
        send()
        assert api.post(URL, told(**other), format="json").status_code == 409


class TestBounds:
    @pytest.mark.parametrize(
        ("sent", "place"),
        [
            ({"customer": {"name": "Mira"}}, "customer.external_id"),
            ({"customer": {"external_id": "c-1", "vip": True}}, "customer.vip"),
            ({"order": {"number": "W1", "payments": []}}, "order.payments"),
            ({"order": {"number": "W1", "lines": [{"sku": "A"}]}}, "order.lines[0].name"),
            ({"order": ["W1"]}, "order"),
        ],
    )
    def test_each_field_is_named(self, api, sent, place):
        answer = api.post(URL, told(**sent), format="json")
        assert (answer.status_code, place in answer.json()["errors"]) == (422, True), answer.json()

    def test_one_customers_items_of_a_batch_stay_in_their_order(self, api, order):
        first = told(
            external_id="a", customer={"external_id": order.customer.external_id}, order={"number": order.number}
        )
        second = first | {"external_id": "b", "customer": order.customer.external_id, "order": order.number}
        api.post(f"{URL}batch/", {"interactions": [first, second]}, format="json")
        assert Interaction.objects.get(external_id="b").merged_into == Interaction.objects.get(external_id="a")

    def test_in_a_batch(self, api, drain):
        items = [told(), told(external_id="t-2", order={"number": "W9"}), told(external_id="t-3", customer="nobody")]
        answer = api.post(f"{URL}batch/", {"interactions": items}, format="json")
        assert [one["status"] for one in answer.json()["results"]] == [202, 202, 422]
        assert sorted(case.sent_along["order"]["number"] for case in Interaction.objects.all()) == ["W2001", "W9"]


def _words(text):
    return intake.Words("customer", text, timezone.now(), timezone.now())


def facts(case):
    return {name: fact["value"] for name, fact in case.ruling.facts.items()}
