"""Webhooks as partner engineers manage them by API, and as an operator does in the admin."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.interactions.demo import demo_partner
from apps.interactions.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from apps.interactions.webhooks import endpoints, signing
from apps.policies.models import AuditEntry
from tests import factories
from tests.conftest import api_client, browser, page
from tests.interactions.webhooks.conftest import BOT

HOOKS, DELIVERIES = "/api/v1/webhook-endpoints/", "/api/v1/webhook-deliveries/"
HOOK = {
    "url": "https://shop.example/remit",
    "description": "orders",
    "events": ["action.requested"],
    "contact": "ops@shop.example",
}


@pytest.fixture
def made(api):
    return api.post(HOOKS, HOOK, format="json").json()


class TestEndpoints:
    def test_the_secret_is_in_the_answer_to_the_registration_alone(self, api, made):
        assert made["secret"].startswith("whsec_")
        assert made["state"] == "listening"
        for answer in (api.get(HOOKS), api.get(f"{HOOKS}{made['id']}/")):
            assert "secret" not in answer.content.decode()

    def test_no_table_holds_it(self, made):
        assert made["secret"] not in str(WebhookEndpoint.objects.values().get())

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("url", "https://127.0.0.1/"), ("url", "ftp://shop.example/"), ("url", None), ("events", ["order.paid"]),
            ("contact", "nobody"), ("secret", "whsec_x"), ("description", "x" * 121), ("events", "reply.created"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_refused_by_its_field(self, api, settings, field, value):
        settings.WEBHOOKS_MAY_BE_LOCAL = False
        answer = api.post(HOOKS, {**HOOK, field: value}, format="json")
        assert answer.status_code == 422
        assert {name.partition("[")[0].partition(".")[0] for name in answer.json()["errors"]} == {field}

    def test_it_can_be_changed_in_part(self, api, made):
        answer = api.patch(f"{HOOKS}{made['id']}/", {"events": []}, format="json").json()
        assert (answer["events"], answer["url"]) == ([], HOOK["url"])
        assert AuditEntry.objects.get(event="changed").details == {"kinds": [["action.requested"], []]}

    def test_it_can_be_stopped_and_let_listen_again(self, api, made):
        def listening(yes):
            return api.patch(f"{HOOKS}{made['id']}/", {"listening": yes}, format="json").json()["state"]

        assert [listening(False), listening(True)] == ["stopped", "listening"]

    def test_removed_it_is_gone_and_its_log_stays(self, api, made, partner, happen):
        endpoints.test(WebhookEndpoint.objects.get().pk, actor=BOT, now=timezone.now())
        assert api.delete(f"{HOOKS}{made['id']}/").status_code == 204
        assert api.get(f"{HOOKS}{made['id']}/").status_code == 404
        assert api.get(HOOKS).json()["results"] == []
        assert len(api.get(DELIVERIES).json()["results"]) == 1

    def test_a_new_secret_is_shown_once(self, api, made):
        answer = api.post(f"{HOOKS}{made['id']}/rotate/").json()
        assert answer["secret"] not in (made["secret"], None)
        assert answer["secret"] == signing.secret_of(WebhookEndpoint.objects.get().reference, 2)
        assert api.post(f"{HOOKS}{made['id']}/rotate/").status_code == 409

    def test_a_brand_has_so_many_and_no_more(self, api, made, monkeypatch):
        monkeypatch.setattr(endpoints, "MOST_OF_A_PARTNER", 1)
        assert api.post(HOOKS, HOOK, format="json").status_code == 409

    def test_another_brands_is_a_404(self, made):
        other = api_client(demo_partner("oru", "Oru"))
        address = f"{HOOKS}{made['id']}/"
        answers = [other.get(address), other.patch(address, {}, format="json"), other.delete(address)]
        answers += [other.post(f"{address}{act}/", {}, format="json") for act in ("rotate", "test", "replay")]
        assert {answer.status_code for answer in answers} == {404}


class TestDeliveries:
    def test_the_log_tells_every_attempt(self, api, partner, listener, happen, send):
        hook = api.post(HOOKS, {"url": listener.url}, format="json").json()
        listener.answers = [500]
        happen(text="hello")
        send()
        (row,) = api.get(DELIVERIES).json()["results"]
        assert (row["status"], row["attempts"], row["endpoint"], row["event"]) == (
            "waiting",
            1,
            hook["id"],
            "reply.created",
        )
        told = api.get(f"{DELIVERIES}{row['id']}/").json()
        assert told["payload"] == {"text": "hello"}
        assert [(one["status_code"], one["answer"]) for one in told["tries"]] == [(500, "thank you")]
        assert told["tries"][0]["milliseconds"] == WebhookAttempt.objects.get().milliseconds

    def test_outside_of_a_demo_it_has_to_be_https(self, api, settings):
        settings.WEBHOOKS_MAY_BE_LOCAL = False
        refused = api.post(HOOKS, {"url": "http://hooks.example/remit"}, format="json")
        assert (refused.status_code, "begin with https" in refused.content.decode()) == (422, True)
        assert api.post(HOOKS, {"url": "https://hooks.example/remit"}, format="json").status_code == 201

    def test_by_endpoint_state_and_event(self, api, partner, listener, happen, send):
        one, two = (api.post(HOOKS, {"url": listener.url}, format="json").json()["id"] for _ in "ab")
        happen()
        send()
        assert len(api.get(DELIVERIES).json()["results"]) == 2
        assert len(api.get(f"{DELIVERIES}?endpoint={one}&status=delivered&event=reply.created").json()["results"]) == 1
        assert api.get(f"{DELIVERIES}?endpoint={two}&status=gave_up").json()["results"] == []
        assert api.get(f"{DELIVERIES}?endpoint=x").status_code == 422
        assert api.get(f"{DELIVERIES}?state=x").json()["errors"] == {
            "state": [
                "There is no such parameter; use cursor, endpoint, event, fields, limit, made_before, made_from, status."
            ]
        }

    def test_one_can_be_sent_again_and_so_can_a_time(self, api, partner, listener, happen, send):
        hook = api.post(HOOKS, {"url": listener.url}, format="json").json()
        happen()
        send()
        row = api.get(DELIVERIES).json()["results"][0]
        assert api.post(f"{DELIVERIES}{row['id']}/replay/").json()["status"] == "waiting"
        send()
        since = (timezone.now() - timedelta(hours=1)).isoformat()
        assert api.post(f"{HOOKS}{hook['id']}/replay/", {"since": since}, format="json").json() == {"events": 1}
        send()
        assert len(listener.heard) == 3

    def test_another_brands_is_a_404(self, api, partner, listener, happen, send):
        api.post(HOOKS, {"url": listener.url}, format="json")
        happen()
        send()
        other, address = (
            api_client(demo_partner("oru", "Oru")),
            f"{DELIVERIES}{WebhookDelivery.objects.get().reference}/",
        )
        assert [other.get(address).status_code, other.post(f"{address}replay/").status_code] == [404, 404]
        assert other.get(DELIVERIES).json()["results"] == []


class TestAdmin:
    @pytest.fixture
    def operator(self, db):
        return browser(factories.operator())

    @pytest.fixture
    def base(self, partner, endpoint):
        return f"/admin/interactions/webhookendpoint/{endpoint.pk}/"

    def test_it_is_registered_and_its_secret_shown_once(self, operator, partner, listener):
        sent = {
            "partner": partner.pk,
            "url": listener.url,
            "description": "orders",
            "kinds": ["action.requested"],
            "contact": "",
        }
        answer = operator.post("/admin/interactions/webhookendpoint/add/", sent)
        made = WebhookEndpoint.objects.get()
        assert signing.secret_of(made.reference, 1) in answer.content.decode()
        assert "no-store" in answer["Cache-Control"]
        assert made.kinds == ["action.requested"]
        assert signing.secret_of(made.reference, 1) not in page(
            operator, f"/admin/interactions/webhookendpoint/{made.pk}/change/"
        )

    def test_what_is_no_address_is_told_beside_the_field(self, operator, partner):
        sent = {"partner": partner.pk, "url": "https://10.0.0.1/", "description": "", "contact": ""}
        said = operator.post("/admin/interactions/webhookendpoint/add/", sent).content.decode()
        assert "10.0.0.1 is not on the public internet" in said
        assert not WebhookEndpoint.objects.exists()

    def test_one_too_many_is_said_on_the_page(self, operator, partner, endpoint, monkeypatch):
        monkeypatch.setattr(endpoints, "MOST_OF_A_PARTNER", 1)
        sent = {"partner": partner.pk, "url": "https://shop.example/", "description": "", "contact": ""}
        said = operator.post("/admin/interactions/webhookendpoint/add/", sent, follow=True).content.decode()
        assert "at most 1 webhooks" in said
        assert WebhookEndpoint.objects.count() == 1

    def test_the_test_button_shows_what_came_of_it(self, operator, base, listener, send):
        assert "Nothing was sent to it yet" in page(operator, f"{base}change/")
        operator.post(f"{base}test/")
        send()
        shown = page(operator, f"{base}change/")
        assert re.search(r"webhook\.test</td><td>Delivered</td>", shown)

    def test_rotating_shows_the_new_secret(self, operator, base, endpoint):
        assert signing.secret_of(endpoint.reference, 2) in operator.post(f"{base}rotate/").content.decode()
        assert "still signs" in operator.post(f"{base}rotate/", follow=True).content.decode()

    def test_a_stopped_one_says_why_and_listens_again(self, operator, base, endpoint):
        endpoints.stop(endpoint.pk, actor=BOT, now=timezone.now())
        shown = page(operator, f"{base}change/")
        assert "Its owner stopped it." in shown
        assert ">Send a test</button>" not in shown
        operator.post(f"{base}listen/")
        assert WebhookEndpoint.objects.get().state == "listening"

    def test_the_last_day_can_be_sent_again(self, operator, base, happen, send, listener):
        happen()
        send()
        operator.post(f"{base}replay/")
        send()
        assert len(listener.heard) == 2

    def test_deleting_it_keeps_its_log(self, operator, base, happen, send):
        happen()
        send()
        operator.post(f"{base}delete/", {"post": "yes"})
        assert WebhookEndpoint.objects.get().removed_at
        assert "reply.created" in page(operator, "/admin/interactions/webhookdelivery/")

    def test_the_log_has_the_answer_and_the_latency(self, operator, base, happen, send):
        happen(text="hello")
        send()
        row = WebhookDelivery.objects.get()
        shown = page(operator, f"/admin/interactions/webhookdelivery/{row.pk}/change/")
        assert "thank you" in shown
        assert "&quot;text&quot;: &quot;hello&quot;" in shown

    def test_a_supervisor_sees_none_of_it(self, base):
        supervisor = browser(factories.supervisor())
        assert [supervisor.get(f"{base}change/").status_code, supervisor.post(f"{base}rotate/").status_code] == [
            403,
            403,
        ]


def test_who_rules_anew_is_told_to_every_brand_of_the_boundary(endpoint, listener, partner, send):
    from apps.policies import events

    events.boundary_changed.send(sender=None, version=partner.boundary.active_version)
    send()
    (heard,) = listener.heard
    assert heard["type"] == "boundary.changed"
    assert heard["data"]["version"] == partner.boundary.active_version.number
