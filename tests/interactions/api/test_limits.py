"""How often, from where and how long a key may be used: limits, networks, rotation; and the id of every request."""

import logging
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.interactions import forgetting, keys
from apps.interactions.models import ApiKey, CallCount
from apps.policies import audit
from apps.policies.correlation import RequestId
from apps.policies.errors import Refused
from apps.policies.models import AuditEntry
from tests import factories
from tests.conftest import ACTOR, api_client, browser, page
from tests.interactions.api.test_interactions import URL

ROTATE = "/api/v1/key/rotate/"


def by(issued):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {issued}")
    return client


class TestLimit:
    @pytest.fixture
    def slow(self, partner):
        return api_client(partner, calls_a_minute=2)

    @pytest.fixture(autouse=True)
    def _mid_minute(self, time_machine):
        time_machine.move_to("2026-11-26T18:00:20Z", tick=False)

    def test_every_answer_says_what_is_left(self, slow):
        answer = slow.get(URL)
        assert answer["RateLimit-Policy"] == '"key";q=2;w=60'
        assert answer["RateLimit"] == '"key";r=1;t=40'

    def test_an_error_says_it_too(self, slow):
        assert slow.get(URL, {"state": "x"})["RateLimit"] == '"key";r=1;t=40'

    def test_one_more_is_a_429_that_says_when(self, slow):
        answer = [slow.get(URL) for _ in range(3)][-1]
        assert (answer.status_code, answer["Retry-After"], answer["RateLimit"]) == (429, "40", '"key";r=0;t=40')
        assert answer.json()["title"] == "Too many requests"

    def test_the_next_minute_is_another(self, slow, time_machine):
        for _ in range(3):
            slow.get(URL)
        time_machine.move_to("2026-11-26T18:01:00Z", tick=False)
        assert slow.get(URL).status_code == 200

    def test_another_key_has_its_own(self, slow, partner):
        for _ in range(3):
            slow.get(URL)
        assert api_client(partner, calls_a_minute=2).get(URL).status_code == 200

    def test_calls_that_are_refused_count_too(self, partner):
        reader = api_client(partner, scopes=["oms:write"], calls_a_minute=2)
        answers = [reader.get(URL) for _ in range(3)]
        assert [one.status_code for one in answers] == [403, 403, 429]
        assert all("RateLimit" in one for one in answers)

    def test_counts_are_forgotten(self, slow, time_machine):
        slow.get(URL)
        time_machine.move_to("2026-11-26T18:10:00Z", tick=False)
        forgetting.forget_old(timezone.now())
        assert not CallCount.objects.exists()


class TestNetworks:
    @pytest.mark.parametrize(
        ("networks", "address", "status"),
        [
            ([], "198.51.100.1", 200),
            (["203.0.113.0/24"], "203.0.113.9", 200),
            (["203.0.113.0/24"], "203.0.114.9", 403),
            (["203.0.113.7", "2001:db8::/32"], "2001:db8::5", 200),
            (["203.0.113.7"], "", 403),
            (["203.0.113.0/24"], "::ffff:203.0.113.7", 200),
        ],
    )
    def test_a_key_opens_from_its_networks_alone(self, partner, networks, address, status):
        client = api_client(partner, networks=networks)
        assert client.get(URL, REMOTE_ADDR=address).status_code == status
        assert (ApiKey.objects.get().last_used_at is not None) == (status == 200), "used is what opens"

    @pytest.mark.parametrize(
        ("proxies", "forwarded", "status"),
        [(0, "203.0.113.7", 403), (1, "203.0.113.7", 200), (1, "203.0.113.7, 10.9.9.9", 403), (1, "6.6.6.6, 203.0.113.7", 200),
         (2, "6.6.6.6, 203.0.113.7, 10.0.0.2", 200), (1, "", 403)],
    )  # fmt: skip
    def test_behind_proxies_of_ours_the_first_of_them_says_who_calls(
        self, partner, settings, proxies, forwarded, status
    ):
        settings.TRUSTED_PROXIES = proxies
        client = api_client(partner, networks=["203.0.113.7"])
        answer = client.get(URL, REMOTE_ADDR="10.0.0.1", headers={"X-Forwarded-For": forwarded})
        assert answer.status_code == status

    def test_what_is_no_network_is_refused_where_it_is_written(self, partner):
        operator = browser(factories.operator())
        sent = {
            "partner": partner.pk,
            "name": "shop",
            "scopes": ["oms:write"],
            "networks": "203.0.113.0/99",
            "calls_a_minute": 60,
        }
        assert "is no address or network" in operator.post("/admin/interactions/apikey/add/", sent).content.decode()
        operator.post("/admin/interactions/apikey/add/", {**sent, "networks": "203.0.113.0/24\n2001:db8::1"})
        assert ApiKey.objects.get().networks == ["203.0.113.0/24", "2001:db8::1"]


class TestRotation:
    @pytest.fixture
    def key(self, partner):
        return factories.ApiKeyFactory(partner=partner, networks=["127.0.0.0/8"], calls_a_minute=77)

    def test_for_a_day_both_open(self, key, time_machine):
        answer = by(key.issued).post(ROTATE)
        assert answer.status_code == 201
        new = answer.json()
        assert (new["scopes"], new["networks"], new["calls_a_minute"]) == (key.scopes, ["127.0.0.0/8"], 77)
        assert [by(one).get(URL).status_code for one in (key.issued, new["key"])] == [200, 200]
        time_machine.move_to(timezone.now() + timedelta(hours=24, minutes=1))
        assert [by(one).get(URL).status_code for one in (key.issued, new["key"])] == [401, 200]

    def test_it_is_replaced_once_the_new_one_is_in_use(self, key):
        by(by(key.issued).post(ROTATE).json()["key"]).get(URL)
        answer = by(key.issued).post(ROTATE)
        assert answer.status_code == 409
        assert "replaced already" in answer.json()["detail"]

    def test_one_whose_answer_was_lost_is_replaced_again(self, key):
        lost, second = (by(key.issued).post(ROTATE).json()["key"] for _ in "ab")
        assert [by(one).get(URL).status_code for one in (lost, second)] == [401, 200]

    def test_who_revokes_a_key_revokes_what_was_made_in_its_place(self, key):
        new = by(key.issued).post(ROTATE).json()["key"]
        newest = by(new).post(ROTATE).json()["key"]
        keys.revoke(ApiKey.objects.get(pk=key.pk), actor=ACTOR, now=timezone.now())
        assert [by(one).get(URL).status_code for one in (key.issued, new, newest)] == [401, 401, 401]

    def test_the_day_that_both_open_can_end_before_its_time(self, key):
        new = by(key.issued).post(ROTATE).json()["key"]
        operator, asked = browser(factories.operator()), {"action": "end_overlap", "_selected_action": [key.pk]}
        assert (
            "the one in its place does"
            in operator.post("/admin/interactions/apikey/", asked, follow=True).content.decode()
        )
        assert [by(one).get(URL).status_code for one in (key.issued, new)] == [401, 200]

    def test_one_that_was_not_replaced_has_no_such_day(self, key):
        with pytest.raises(Refused, match="was replaced"):
            keys.end_overlap(key.pk, actor=ACTOR, now=timezone.now())

    def test_who_revokes_is_told_how_many_end(self, key):
        by(key.issued).post(ROTATE)
        asked = {"action": "revoke", "_selected_action": [key.pk]}
        told = browser(factories.operator()).post("/admin/interactions/apikey/", asked, follow=True).content.decode()
        assert "2 keys open nothing any more" in told

    def test_one_that_opens_nothing_is_not_replaced(self, key):
        keys.revoke(key, actor=ACTOR, now=timezone.now())
        with pytest.raises(Refused, match="opens nothing"):
            keys.replace(key.pk, actor=ACTOR, now=timezone.now())

    def test_it_opens_no_longer_than_it_did(self, key):
        key.expires_at = timezone.now() + timedelta(hours=1)
        key.save()
        keys.replace(key.pk, actor=ACTOR, now=timezone.now())
        assert ApiKey.objects.get(pk=key.pk).expires_at == key.expires_at

    def test_the_admin_shows_the_new_one_once(self, key):
        operator = browser(factories.operator())
        sent = {"action": "replace", "_selected_action": [key.pk]}
        shown = operator.post("/admin/interactions/apikey/", sent).content.decode()
        new = ApiKey.objects.get(replaces=key)
        assert f"rk_{new.prefix}_" in shown
        assert AuditEntry.objects.get(event="replaced").details == {"by": new.prefix}
        assert new.secret_hash not in page(operator, "/admin/interactions/apikey/")


@pytest.mark.parametrize(
    ("address", "kind"), [(URL, "application/problem+json"), ("/sign-in/", "text/html; charset=utf-8")]
)
def test_a_host_that_is_not_ours_is_told_as_the_address_has_it(client, address, kind):
    answer = client.get(address, headers={"Host": "evil.example"})
    assert (answer.status_code, answer["Content-Type"]) == (400, kind)


class TestRequestId:
    def test_every_answer_has_one_and_each_another(self, api):
        ids = {api.get(URL)["X-Request-Id"] for _ in range(3)}
        assert len(ids) == 3

    def test_so_have_refusals(self, client, db):
        assert client.get(URL)["X-Request-Id"]

    def test_every_line_of_the_log_has_it(self):
        line = logging.LogRecord("x", logging.WARNING, "", 0, "hello", (), None)
        with audit.correlated("abc"):
            RequestId().filter(line)
        assert line.request_id == "abc"

    def test_what_is_logged_of_a_refused_call_has_the_id_of_its_answer(self, api, caplog):
        answer = api.get(f"{URL}?colour=red")
        (line,) = [one for one in caplog.records if one.name == "django.request"]
        RequestId().filter(line)
        assert line.request_id == answer["X-Request-Id"]

    def test_every_call_is_a_line_for_who_wants_to_read_it(self, api, caplog):
        caplog.set_level(logging.INFO, "apps.policies.middleware")
        api.get(URL)
        assert any(one.getMessage().startswith(f"GET {URL} 200 ") for one in caplog.records)

    def test_the_log_as_it_is_set_up_says_it(self, settings):
        made = logging.config.DictConfigurator(settings.LOGGING)
        line = logging.LogRecord("x", logging.WARNING, "", 0, "hello", (), None)
        made.config["filters"] = {"request": made.configure_filter(settings.LOGGING["filters"]["request"])}
        made.config["formatters"] = {"line": made.configure_formatter(settings.LOGGING["formatters"]["line"])}
        handler = made.configure_handler(dict(settings.LOGGING["handlers"]["console"]))
        with audit.correlated("abc"):
            assert handler.filter(line)
            assert " WARNING abc x hello" in handler.format(line)
