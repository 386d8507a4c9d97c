"""What a caller may have meant otherwise is not guessed: it is refused, by name."""

import uuid

import pytest
from django.utils import timezone

from apps.interactions import intake
from apps.interactions.models import Customer, Interaction, Message
from apps.policies import audit
from tests import factories
from tests.conftest import STATUS, api_client
from tests.interactions.api.test_interactions import ORDER, URL, interaction

WIDGET = ["interactions:write"]  # of a key that stands on a public page


@pytest.fixture
def widget(partner):
    return api_client(partner, scopes=WIDGET)


class TestBodies:
    def test_an_empty_body_makes_nothing_empty(self, api, customer):
        name = customer.name
        answer = api.put(f"/api/v1/customers/{customer.external_id}/")
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["body"])
        assert Customer.objects.get(pk=customer.pk).name == name

    def test_a_name_that_stands_twice(self, api):
        body = '{"name": "Mira", "tier": "", "name": "Mara"}'
        answer = api.put("/api/v1/customers/c-9/", body, content_type="application/json")
        assert (answer.status_code, "“name” stands twice" in answer.json()["detail"]) == (400, True)

    @pytest.mark.parametrize(
        ("address", "body"),
        [
            ("interactions/batch/", {"interactions": [{}], "atomic": True}),
            ("history/", {"cases": [{}], "atomic": True}),
            ("key/rotate/", {"atomic": True}),
        ],
    )
    def test_a_field_that_is_not_known_beside_the_list(self, api, address, body):
        answer = api.post(f"/api/v1/{address}", body, format="json")
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["atomic"])

    @pytest.mark.parametrize("method", ["options", "patch", "delete"])
    def test_a_method_that_is_not_offered(self, api, customer, method):
        answer = getattr(api, method)(f"/api/v1/customers/{customer.external_id}/")
        assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD, PUT")

    def test_what_is_read_can_be_asked_for_without_its_body(self, partner, customer):
        reader = api_client(partner, scopes=["interactions:read"])
        assert reader.head(URL).status_code == 200
        assert api_client(partner, scopes=["oms:write"]).head(URL).status_code == 403


class TestValues:
    @pytest.mark.parametrize("amount", ["1e3", "+10.00", "10_0.00", " 10.00", "-0", "١٠.٠٠"])
    def test_amounts_are_plain_digits(self, api, customer, amount):
        answer = api.put(
            "/api/v1/orders/W9/", ORDER | {"customer": customer.external_id, "total": amount}, format="json"
        )
        assert (answer.status_code, "total" in answer.json()["errors"]) == (422, True)

    @pytest.mark.parametrize("at", ["2026-01-05T10:00:00", "2026-01-05"])
    def test_times_have_a_zone(self, api, customer, at):
        answer = api.put(
            "/api/v1/orders/W9/", ORDER | {"customer": customer.external_id, "placed_at": at}, format="json"
        )
        assert answer.status_code == 422
        assert "with its zone" in answer.json()["errors"]["placed_at"][0]

    @pytest.mark.parametrize("said", ["yes", 1, "true"])
    def test_that_a_sender_is_verified_is_true_or_not(self, api, customer, said):
        answer = api.post(URL, interaction(customer, sender_verified=said), format="json")
        assert (answer.status_code, answer.json()["errors"]) == (422, {"sender_verified": ["Send true or false."]})

    def test_what_there_is_to_choose_from_is_said(self, api, customer):
        answer = api.post(URL, interaction(customer, channel="fax"), format="json")
        assert "email" in answer.json()["errors"]["channel"][0]


class TestOneIdTwoInteractions:
    def test_other_words_under_a_known_id_are_refused_and_not_dropped(self, api, customer):
        api.post(URL, interaction(customer), format="json")
        told = {"author": "customer", "text": "And it is broken!", "sent_at": timezone.now().isoformat()}
        answer = api.post(URL, interaction(customer, messages=[told]), format="json")
        assert (answer.status_code, "/messages/" in answer.json()["detail"]) == (409, True)
        assert api.post(URL, interaction(customer, channel="email"), format="json").status_code == 409

    def test_the_same_with_what_came_since_is_the_same(self, api, customer):
        sent = interaction(customer)
        first = api.post(URL, sent, format="json").json()
        more = {"author": "customer", "text": " And it is broken! ", "sent_at": timezone.now().isoformat()}
        api.post(f"{URL}{first['id']}/messages/", more, format="json")
        again = api.post(URL, {**sent, "messages": [*sent["messages"], more]}, format="json")
        assert (again.status_code, again.json()["id"]) == (200, first["id"])

    def test_a_batch_says_so_too(self, api, customer):
        api.post(URL, interaction(customer), format="json")
        told = {"author": "customer", "text": "Other words", "sent_at": timezone.now().isoformat()}
        batch = {"interactions": [interaction(customer, messages=[told]), interaction(customer)]}
        results = api.post(f"{URL}batch/", batch, format="json").json()["results"]
        assert [one["status"] for one in results] == [409, 200]

    def test_a_public_key_cannot_swallow_a_ticket_by_its_id(self, api, widget, customer):
        widget.post(URL, interaction(messages=[_said("x")]), format="json")
        assert api.post(URL, interaction(customer), format="json").status_code == 409


def _said(text):
    return {"author": "customer", "text": text, "sent_at": timezone.now().isoformat()}


class TestPublicKeys:
    """A key that vouches for nobody names whom it likes: it joins no case, and learns of nobody."""

    def test_it_joins_nobodys_case(self, api, widget, customer):
        api.post(URL, interaction(customer, sender_verified=True), format="json")
        answer = widget.post(URL, interaction(customer, external_id="w-1", messages=[_said("thanks")]), format="json")
        assert answer.status_code == 202
        assert [row.sender_verified for row in Interaction.objects.order_by("id")] == [True, False]
        assert not Interaction.objects.exclude(merged_into=None).exists()

    def test_nor_later_when_it_is_read(self, arrive_both, drain):
        drain()
        assert not Interaction.objects.exclude(merged_into=None).exists()

    @pytest.fixture
    def arrive_both(self, api, widget, customer):
        words = [_said("I want to send my shoes back, how does it work?")]
        api.post(URL, interaction(customer, channel="email", messages=words), format="json")
        widget.post(URL, interaction(customer, external_id="w-1", messages=words), format="json")

    @pytest.mark.parametrize("claim", [{"public": True}, {"audience": 1_000_000}])
    def test_it_says_not_how_many_hear_it(self, api, widget, customer, claim):
        """What was said in public comes first and calls people: nobody on a web page may say so."""
        answer = widget.post(URL, interaction(customer, **claim), format="json")
        assert (answer.status_code, list(answer.json()["errors"])) == (422, list(claim))
        assert api.post(URL, interaction(customer, public=True, audience=1000), format="json").status_code == 202

    def test_whether_there_is_a_customer_is_not_told(self, widget, customer):
        known = widget.post(URL, interaction(customer, external_id="w-1"), format="json")
        unknown = widget.post(URL, interaction(customer, external_id="w-2") | {"customer": "nobody"}, format="json")
        assert (known.status_code, unknown.status_code) == (202, 202)
        assert set(known.json()) == set(unknown.json())

    def test_it_is_told_of_its_own_case_only(self, api, widget, customer):
        case = Interaction.objects.get(reference=api.post(URL, interaction(customer), format="json").json()["id"])
        own = widget.post(URL, interaction(external_id="w-1"), format="json").json()
        Interaction.objects.filter(reference=own["id"]).update(merged_into=case, state="merged")
        told = widget.post(f"{URL}{own['id']}/messages/", _said("hello?"), format="json").json()
        assert (told["id"], told["external_id"]) == (own["id"], "w-1")
        assert Message.objects.filter(interaction=case, text="hello?").exists()

    def test_names_of_calls_are_its_own(self, api, widget, customer):
        def call(client, sent):
            return client.post(URL, sent, format="json", headers={"Idempotency-Key": "ticket-1"})

        sent = interaction(customer, order="W1", sender_verified=True)
        assert call(widget, sent).status_code == 422
        answer = call(api, interaction(customer))
        assert (answer.status_code, "Idempotent-Replayed" in answer) == (202, False)
        assert call(widget, sent).status_code == 422

    def test_who_knows_its_words_has_no_case_of_others(self, api, widget, customer, order, drain):
        """The commonest sentence there is, and an id that can be guessed: it is told nothing, and its words go nowhere."""
        sent = interaction(customer, order=order.number, sender_verified=True)
        reference = api.post(URL, sent, format="json").json()["id"]
        drain()
        assert widget.post(URL, interaction(), format="json").status_code == 409
        (result,) = widget.post(f"{URL}batch/", {"interactions": [interaction()]}, format="json").json()["results"]
        assert result["status"] == 409
        added = widget.post(f"{URL}{reference}/messages/", _said("Please cancel my order"), format="json")
        nobodys = widget.post(f"{URL}{uuid.uuid4()}/messages/", _said("Please cancel my order"), format="json")
        assert (added.status_code, added.content) == (404, nobodys.content)
        assert Message.objects.filter(author="customer").count() == 1

    def test_a_ticket_under_an_id_that_it_took_is_refused_and_not_dropped(self, api, widget, customer):
        widget.post(URL, interaction(), format="json")
        assert api.post(URL, interaction(), format="json").status_code == 409
        assert api.post(URL, interaction(customer, sender_verified=True), format="json").status_code == 409

    def test_whom_it_names_joins_none_of_its_cases(self, api, widget, customer, order):
        words = [_said(f"Where is my order {order.number}?")]
        widget.post(URL, interaction(customer, external_id="w-1", messages=words), format="json")
        sent = interaction(customer, order=order.number, messages=words, sender_verified=True)
        for _ in range(2):
            assert api.post(URL, sent, format="json").json()["merged_into"] is None
        batch = {"interactions": [{**sent, "external_id": "t-5"}]}
        (result,) = api.post(f"{URL}batch/", batch, format="json").json()["results"]
        assert result["merged_into"] == str(Interaction.objects.get(external_id=sent["external_id"]).reference)

    def test_what_it_says_on_a_case_makes_its_sender_uncertain(self, partner, customer, arrive, order):
        case = arrive(STATUS, order=order)
        assert case.sender_verified
        words = intake.Words("customer", "And now?", timezone.now(), timezone.now())
        intake.add_message(case, words, actor=audit.system("test"), vouched=False)
        assert Interaction.objects.get(pk=case.pk).sender_verified is False

    @pytest.mark.parametrize(
        "other",
        [{"subject": "Another"}, {"public": True}, {"audience": 12}, {"sender_verified": False}, {"locale": "de"}, {"order": "W2"},
         {"customer": "c-2"}],
    )  # fmt: skip
    def test_what_is_said_otherwise_is_another_interaction(self, api, partner, customer, order, other):
        factories.OrderFactory(customer=factories.CustomerFactory(partner=partner, external_id="c-2"), number="W2")
        sent = interaction(customer, order=order.number, sender_verified=True, subject="Mine")
        assert [api.post(URL, sent, format="json").status_code for _ in "ab"] == [202, 200]
        assert api.post(URL, {**sent, **other}, format="json").status_code == 409
        (result,) = api.post(f"{URL}batch/", {"interactions": [{**sent, **other}]}, format="json").json()["results"]
        assert result["status"] == 409


class TestParameters:
    @pytest.mark.parametrize(
        "address", ["pauses/", "webhook-endpoints/", "customers/{}/", "interactions/", "interactions/?limit=2"]
    )
    def test_one_that_is_not_known_is_refused_by_its_name(self, api, customer, address):
        asked = f"/api/v1/{address.format(customer.external_id)}"
        answer = api.get(f"{asked}{'&' if '?' in asked else '?'}colour=red")
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["colour"])

    @pytest.mark.parametrize("number", [12345678901234567890123, 7, 1.5])
    def test_a_number_is_no_text(self, api, number):
        answer = api.post(URL, interaction(external_id=number), format="json")
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["external_id"])
        assert not Interaction.objects.exists()
