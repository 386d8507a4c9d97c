"""Idempotency keys as Stripe has them: a call under a key happens once, and its answer is given again."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone
from psycopg.errors import DeadlockDetected

from apps.interactions import forgetting
from apps.interactions.api import idempotency, views
from apps.interactions.demo import demo_partner
from apps.interactions.models import ApiKey, IdempotentCall, Interaction, WebhookEndpoint
from apps.policies import pauses
from apps.policies.models import Pause
from tests.conftest import api_client
from tests.interactions.api.test_interactions import URL, interaction

PAUSES, HOOKS = "/api/v1/pauses/", "/api/v1/webhook-endpoints/"


@pytest.fixture
def post(api):
    def send(data, name="key-1", to=PAUSES, by=None):
        return (by or api).post(to, data, format="json", headers={"Idempotency-Key": name})

    return send


class TestOnce:
    def test_the_first_answer_is_given_again(self, post):
        first, second = post({"reason": "sale"}), post({"reason": "sale"})
        assert Pause.objects.count() == 1
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json() == second.json()
        assert second["Idempotent-Replayed"] == "true"
        assert "Idempotent-Replayed" not in first
        assert second["Content-Type"] == first["Content-Type"]

    @pytest.mark.parametrize(("method", "body"), [("delete", None), ("patch", {"listening": False})])
    def test_whatever_changes_something_happens_once(self, api, method, body):
        hook = api.post(HOOKS, {"url": "https://shop.example/remit"}, format="json").json()
        address = f"{HOOKS}{hook['id']}/"
        first, second = (
            getattr(api, method)(address, body, format="json", headers={"Idempotency-Key": "key-1"}) for _ in "ab"
        )
        assert first.status_code == second.status_code < 300
        assert first.content == second.content
        assert second["Idempotent-Replayed"] == "true"

    def test_without_a_key_it_happens_each_time(self, api):
        for _ in range(2):
            api.post(PAUSES, {"reason": "sale"}, format="json")
        assert Pause.objects.count() == 2

    def test_a_refusal_of_validation_is_given_again_too(self, post):
        first, second = post({"reason": "sale", "case_type": 7}), post({"reason": "sale", "case_type": 7})
        assert first.status_code == second.status_code == 422
        assert first.json() == second.json()
        assert second["Content-Type"] == "application/problem+json"

    def test_so_is_a_404(self, post, partner):
        address = "/api/v1/actions/6b1f0e51-6b16-4a52-9b0e-0a52b1a0e6f1/result/"
        answers = [post({"outcome": "done"}, to=address) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[1]["Idempotent-Replayed"] == "true"

    @pytest.mark.parametrize("other", [{"reason": "another"}, {"reason": "sale", "action": "refund"}])
    def test_another_body_under_the_same_key_is_a_mistake(self, post, other):
        post({"reason": "sale"})
        answer = post(other)
        assert answer.status_code == 422
        assert "Idempotency-Key" in answer.json()["errors"]
        assert Pause.objects.count() == 1

    def test_so_is_another_address(self, post, customer):
        post({"reason": "sale"})
        assert post({"reason": "sale"}, to=URL).status_code == 422

    def test_while_the_first_is_under_way_the_second_is_told_to_wait(self, post, partner):
        now = timezone.now()
        body = b'{"reason":"sale"}'
        digest = idempotency.digest_of("POST", PAUSES, body)
        idempotency.begin(ApiKey.objects.get(), "key-1", digest, now)
        answer = post({"reason": "sale"})
        assert answer.status_code == 409
        assert "still under way" in answer.json()["detail"]
        assert answer["Retry-After"], "which tells it from a 409 that stays"

    def test_one_whose_process_died_is_taken_over_after_its_lease(self, post, partner):
        digest = idempotency.digest_of("POST", PAUSES, b'{"reason":"sale"}')
        idempotency.begin(ApiKey.objects.get(), "key-1", digest, timezone.now() - 2 * idempotency.LEASE)
        assert post({"reason": "sale"}).status_code == 201
        assert IdempotentCall.objects.get().status == 201

    def test_who_took_too_long_and_was_taken_over_did_nothing(self, post, partner, monkeypatch):
        real = idempotency.finish

        def taken_over(call, answer):
            IdempotentCall.objects.update(lease_until=timezone.now() + timedelta(minutes=5))
            real(call, answer)

        monkeypatch.setattr(idempotency, "finish", taken_over)
        answer = post({"reason": "sale"})
        assert answer.status_code == 409
        assert not Pause.objects.exists()

    def test_what_breaks_on_our_side_did_nothing_and_can_be_sent_again(self, post, monkeypatch, customer):
        real = views.submitting.submit_interaction

        def breaks(*args, **options):
            real(*args, **options)
            raise RuntimeError("no room left")

        monkeypatch.setattr(views.submitting, "submit_interaction", breaks)
        answer = post(interaction(customer), to=URL)
        assert answer.status_code == 500
        assert answer.json()["title"] == "Something went wrong on our side"
        assert "no room left" not in answer.content.decode()
        assert not Interaction.objects.exists(), "what it did went with it"
        monkeypatch.setattr(views.submitting, "submit_interaction", real)
        assert post(interaction(customer), to=URL).status_code == 202

    def test_another_brands_key_of_the_same_name_is_another(self, post):
        other = api_client(demo_partner("oru", "Oru"))
        assert [post({"reason": "a"}).status_code, post({"reason": "b"}, by=other).status_code] == [201, 201]

    @pytest.mark.parametrize("name", ["", "x" * 256, "käse", "a\tb"])
    def test_a_name_that_is_none_is_refused(self, post, name):
        assert post({"reason": "sale"}, name=name).status_code == 422
        assert not Pause.objects.exists()

    def test_a_secret_is_not_kept_for_who_sends_it_again(self, post):
        hook = {"url": "https://shop.example/remit"}
        first, second = (post(hook, to=HOOKS).json() for _ in "ab")
        assert first["secret"].startswith("whsec_")
        assert second == {**first, "secret": None}
        assert WebhookEndpoint.objects.count() == 1
        assert first["secret"] not in IdempotentCall.objects.get().answer

    def test_it_is_kept_a_day(self, post):
        post({"reason": "sale"})
        IdempotentCall.objects.update(begun_at=timezone.now() - timedelta(hours=23, minutes=59))
        forgetting.forget_old(timezone.now())
        assert post({"reason": "sale"})["Idempotent-Replayed"] == "true"
        IdempotentCall.objects.update(begun_at=timezone.now() - timedelta(hours=24))
        post({"reason": "sale"})
        assert Pause.objects.count() == 2
        IdempotentCall.objects.update(begun_at=timezone.now() - timedelta(hours=24))
        forgetting.forget_old(timezone.now())
        assert not IdempotentCall.objects.exists()


def test_what_may_pass_in_a_moment_is_not_kept(post, monkeypatch):
    real, faults = pauses.pause_as, iter([OperationalError("deadlock detected")])

    def in_the_way(*args, **options):
        for fault in faults:
            fault.__cause__ = DeadlockDetected()
            raise fault
        return real(*args, **options)

    monkeypatch.setattr(pauses, "pause_as", in_the_way)
    first, again = post({"reason": "sale"}), post({"reason": "sale"})
    assert (first.status_code, first["Retry-After"], again.status_code) == (409, "1", 201)
    assert "Idempotent-Replayed" not in again
