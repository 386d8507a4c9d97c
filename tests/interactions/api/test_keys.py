"""API keys: who they open the API for, and what each of their scopes opens."""

import uuid
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from apps.interactions.api.urls import urlpatterns
from apps.interactions.models import Message, Scope
from apps.policies.models import Pause
from tests import factories
from tests.conftest import api_client
from tests.interactions.api.test_interactions import URL, interaction, message

READ, WRITE, MIRROR, HOOKS = "interactions:read", "interactions:write", "oms:write", "webhooks:write"
NEEDED = {
    ("interactions", "GET"): READ, ("interactions", "POST"): WRITE, ("interaction-batch", "POST"): WRITE,
    ("interaction", "GET"): READ, ("messages", "POST"): WRITE, ("customer", "GET"): MIRROR, ("customer", "PUT"): MIRROR,
    ("customer-events", "POST"): MIRROR, ("product", "GET"): MIRROR, ("product", "PUT"): MIRROR,
    ("article", "GET"): MIRROR, ("article", "PUT"): MIRROR, ("order", "GET"): MIRROR, ("order", "PUT"): MIRROR,
    ("order-events", "POST"): MIRROR, ("dry-run", "POST"): "rulings:read", ("pauses", "GET"): "pauses:write",
    ("outcomes", "GET"): READ, ("outcomes", "POST"): "outcomes:write", ("history", "POST"): "outcomes:write",
    ("pauses", "POST"): "pauses:write", ("action-result", "POST"): "actions:result",
    ("webhook-endpoints", "GET"): HOOKS, ("webhook-endpoints", "POST"): HOOKS, ("webhook-endpoint", "GET"): HOOKS,
    ("webhook-endpoint", "PATCH"): HOOKS, ("webhook-endpoint", "DELETE"): HOOKS, ("webhook-rotate", "POST"): HOOKS,
    ("webhook-test", "POST"): HOOKS, ("webhook-replay", "POST"): HOOKS, ("webhook-deliveries", "GET"): HOOKS,
    ("decision", "GET"): "rulings:read", ("rulings", "GET"): "rulings:read", ("key-rotate", "POST"): "keys:rotate",
    ("webhook-delivery", "GET"): HOOKS, ("webhook-delivery-replay", "POST"): HOOKS,
}  # fmt: skip
OPEN = {"packet-schema"}  # says nothing of any brand
PATTERNS = {pattern.name: pattern for pattern in urlpatterns if pattern.name not in OPEN}
UNNAMED = [
    (name, method)
    for name in PATTERNS
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
    if (name, method) not in NEEDED
]
ANYTHING = {"reason": "because", "case_type": "standard_return", "action": "refund"}


def send(client, name, method):
    places = PATTERNS[name].pattern.converters
    kwargs = {place: uuid.uuid4() if place in ("reference", "key") else "x" for place in places}
    return getattr(client, method.lower())(reverse(f"api:{name}", kwargs=kwargs), ANYTHING, format="json")


class TestKeys:
    def test_no_key_is_a_401_that_says_how(self, partner):
        answer = APIClient().get(URL)
        assert answer.status_code == 401
        assert answer["Content-Type"] == "application/problem+json"
        assert answer["WWW-Authenticate"].startswith("Bearer")

    @pytest.mark.parametrize("key", ["rk_nope_nope", "rk_", "x", "rk_a_b_c"])
    def test_an_unknown_key_is_a_401(self, partner, key):
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
        assert client.get(URL).status_code == 401

    def test_a_wrong_secret_a_revoked_and_an_expired_key_open_nothing(self, partner):
        now = timezone.now()
        revoked = api_client(partner, revoked_at=now)
        expired = api_client(partner, expires_at=now - timedelta(seconds=1))
        wrong = APIClient()
        wrong.credentials(HTTP_AUTHORIZATION=f"Bearer rk_{factories.ApiKeyFactory(partner=partner).prefix}_guess")
        assert [client.get(URL).status_code for client in (revoked, expired, wrong)] == [401, 401, 401]

    def test_a_key_opens_only_its_scopes(self, partner, customer):
        reader = api_client(partner, scopes=["interactions:read"])
        assert reader.get(URL).status_code == 200
        answer = reader.post(URL, interaction(customer), format="json")
        assert answer.status_code == 403
        assert "interactions:write" in answer.json()["detail"]

    def test_only_the_hash_of_a_secret_is_stored(self, partner):
        key = factories.ApiKeyFactory(partner=partner)
        secret = key.issued.split("_", 2)[2]
        stored = type(key).objects.filter(pk=key.pk).values().get()
        assert secret not in str(stored)

    def test_a_chat_widgets_key_cannot_speak_for_the_staff(self, partner, customer):
        widget = api_client(partner, scopes=["interactions:write"])
        data = interaction(customer)
        data["messages"][0]["author"] = "agent"
        answer = widget.post(URL, data, format="json")
        assert answer.status_code == 422
        assert "messages[0].author" in answer.json()["errors"]

    @pytest.mark.parametrize("said", [{"order": "1047"}, {"sender_verified": True}])
    def test_nor_vouch_for_who_types_there(self, partner, customer, said):
        widget = api_client(partner, scopes=["interactions:write"])
        answer = widget.post(URL, interaction(customer, **said), format="json")
        assert (answer.status_code, list(answer.json()["errors"])) == (422, list(said))
        (result,) = widget.post(
            f"{URL}batch/", {"interactions": [interaction(customer, **said)]}, format="json"
        ).json()["results"]
        assert (result["status"], list(result["errors"])) == (422, list(said))

    def test_it_learns_nothing_of_a_case_whose_id_it_guesses(self, api, partner, customer):
        api.post(URL, interaction(customer, messages=[message(text="My secret")]), format="json")
        widget = api_client(partner, scopes=["interactions:write"])
        guess = widget.post(URL, interaction(), format="json")
        assert guess.status_code == 409
        (result,) = widget.post(f"{URL}batch/", {"interactions": [interaction()]}, format="json").json()["results"]
        assert result["status"] == 409
        assert customer.external_id not in str([guess.json(), result])

    def test_it_may_send_its_own_twice_and_is_told_no_more_than_it_sent(self, partner):
        widget = api_client(partner, scopes=["interactions:write"])
        first, second = (widget.post(URL, interaction(), format="json") for _ in "ab")
        assert [first.status_code, second.status_code] == [202, 200]
        assert first.json() == second.json()
        assert set(first.json()) == {"id", "external_id", "url", "state"}

    def test_nor_in_a_batch_nor_in_a_case(self, partner, customer):
        widget = api_client(partner, scopes=["interactions:write"])
        reference = widget.post(URL, interaction(customer), format="json").json()["id"]
        batch = {"interactions": [interaction(customer, external_id="t-2", messages=[message(author="agent")])]}
        (result,) = widget.post(f"{URL}batch/", batch, format="json").json()["results"]
        assert result["status"] == 422
        added = widget.post(f"{URL}{reference}/messages/", message(author="agent"), format="json")
        assert added.status_code == 422
        assert set(Message.objects.values_list("author", flat=True)) == {"customer"}


def test_a_method_that_is_not_offered_says_which_are(api):
    answer = api.get(f"{URL}batch/")
    assert "POST" in answer["Allow"]


class TestScopes:
    def test_every_address_says_here_what_it_needs(self):
        views = {name: pattern.callback.view_class for name, pattern in PATTERNS.items()}
        assert {
            (name, method): scope for name, view in views.items() for method, scope in view.scopes.items()
        } == NEEDED

    @pytest.mark.parametrize(("name", "method"), NEEDED)
    def test_with_every_other_scope_a_key_is_refused(self, partner, name, method):
        needed = NEEDED[name, method]
        answer = send(api_client(partner, scopes=[scope for scope in Scope.values if scope != needed]), name, method)
        assert answer.status_code == 403
        assert answer.json()["detail"] == f"This key lacks the scope {needed}."

    @pytest.mark.parametrize(("name", "method"), NEEDED)
    def test_with_this_scope_alone_it_gets_in(self, partner, name, method):
        assert send(api_client(partner, scopes=[NEEDED[name, method]]), name, method).status_code != 403

    @pytest.mark.parametrize(("name", "method"), UNNAMED)
    def test_what_names_no_scope_is_open_to_nobody(self, api, name, method):
        refused = send(api, name, method)
        assert (refused.status_code, method in refused["Allow"]) == (405, False)

    @pytest.mark.parametrize("name", OPEN)
    def test_what_is_open_to_anyone_can_only_be_read(self, db, name):
        address = reverse(f"api:{name}")
        codes = {
            method: getattr(APIClient(), method)(address).status_code for method in ("get", "post", "put", "delete")
        }
        assert codes == {"get": 200, "post": 405, "put": 405, "delete": 405}

    @pytest.mark.parametrize(
        ("said", "field"), [({}, "reason"), ({"reason": " "}, "reason"), ({"reason": "x", "action": "dance"}, "action"),
                            ({"reason": "x", "why": "y"}, "why")],
    )  # fmt: skip
    def test_a_pause_that_cannot_be_is_refused_by_its_field(self, api, said, field):
        answer = api.post("/api/v1/pauses/", said, format="json")
        assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])

    def test_a_key_without_the_scope_pauses_nothing_and_sees_no_pause(self, partner):
        client = api_client(partner, scopes=[scope for scope in Scope.values if scope != "pauses:write"])
        assert client.post("/api/v1/pauses/", {"reason": "wrong dates"}, format="json").status_code == 403
        assert client.get("/api/v1/pauses/").status_code == 403
        assert not Pause.objects.exists()

    @pytest.mark.parametrize("method", ["put", "patch", "delete"])
    def test_no_key_lifts_or_rewrites_a_pause(self, api, method):
        made = api.post("/api/v1/pauses/", {"reason": "wrong dates"}, format="json").json()
        for address in ("/api/v1/pauses/", f"/api/v1/pauses/{made['id']}/", f"/api/v1/pauses/{made['id']}/lift/"):
            assert getattr(api, method)(address, {"reason": "mended"}, format="json").status_code in (404, 405)
        pause = Pause.objects.get()
        assert (pause.reason, pause.lift_asked_by, pause.lifted_at) == ("wrong dates", None, None)
