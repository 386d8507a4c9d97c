"""What partners hear: signed, at least once, in order per case, and nobody waits for somebody else's server."""

import json
import time
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from apps.interactions.demo import demo_partner
from apps.interactions.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from apps.interactions.webhooks import endpoints, posting, sending, signing, spreading
from apps.policies.errors import Refused
from tests.conftest import STATUS
from tests.interactions.webhooks.conftest import BOT, Listener, listening

HOURS = timedelta(hours=1)


def delivery():
    return WebhookDelivery.objects.get()


class TestWhatIsSent:
    def test_the_library_of_the_standard_accepts_it(self, endpoint, listener, happen, send):
        happen(text="Grüße", amount={"amount": "84.50", "currency": "USD"})
        send()
        (heard,) = listener.heard
        secret = signing.secret_of(endpoint.reference, 1)
        told = Webhook(secret).verify(heard["body"], heard["headers"])
        assert told["type"] == "reply.created"
        assert told["data"] == {"text": "Grüße", "amount": {"amount": "84.50", "currency": "USD"}}
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(heard["body"] + b" ", heard["headers"])

    def test_events_of_a_case_are_numbered(self, endpoint, listener, happen, send):
        for subject in ("a", "b", "a"):
            happen(subject, of_case=subject)
        send()
        happen("a", of_case="a")
        send()
        assert [heard["sequence"] for heard in listener.heard if heard["data"]["of_case"] == "a"] == [1, 2, 3]
        assert [heard["sequence"] for heard in listener.heard if heard["data"]["of_case"] == "b"] == [1]

    def test_it_is_told_once(self, endpoint, listener, happen, send):
        happen()
        send()
        send()
        assert len(listener.heard) == 1
        assert (delivery().status, delivery().attempts) == ("delivered", 1)

    def test_only_who_wants_to_hear_of_it_does(self, partner, listener, happen, send):
        endpoints.register(partner, {"url": listener.url, "kinds": ["action.requested"]}, actor=BOT)
        happen(kind="reply.created")
        happen(kind="action.requested")
        send()
        assert [heard["type"] for heard in listener.heard] == ["action.requested"]

    def test_no_partner_hears_of_another_ones(self, endpoint, listener, happen, send):
        happen(of=demo_partner("oru", "Oru"))
        send()
        assert not listener.heard

    def test_what_was_before_it_was_registered_is_not_sent(self, partner, listener, happen, send):
        happen()
        endpoints.register(partner, {"url": listener.url}, actor=BOT)
        send()
        assert not listener.heard

    def test_for_a_day_after_a_rotation_both_secrets_sign(self, endpoint, listener, happen, send, later):
        old = signing.secret_of(endpoint.reference, 1)
        endpoints.rotate(endpoint.pk, actor=BOT, now=timezone.now())
        new = signing.secret_of(endpoint.reference, 2)
        happen()
        send()
        for secret in (old, new):
            Webhook(secret).verify(listener.heard[0]["body"], listener.heard[0]["headers"])
        with pytest.raises(Refused, match="still signs"):
            endpoints.rotate(endpoint.pk, actor=BOT, now=timezone.now())
        endpoint.refresh_from_db()
        assert signing.secrets_of(endpoint, timezone.now() + 25 * HOURS) == [new]


class TestFailure:
    @pytest.mark.parametrize("status", [199 + 101, 302, 400, 404, 429, 500, 503])
    def test_any_other_answer_than_success_is_tried_again(self, endpoint, listener, happen, send, status):
        listener.status = status
        happen()
        send()
        row = delivery()
        assert (row.status, row.attempts, row.tries.get().status_code) == ("waiting", 1, status)
        assert 4 <= (row.next_at - timezone.now()).total_seconds() <= 6

    def test_a_redirect_is_not_followed(self, endpoint, listener, happen, send):
        listener.status, listener.headers = 307, {"Location": listener.url}
        happen()
        send()
        assert len(listener.heard) == 1

    def test_waits_grow_to_a_day_and_then_it_is_given_up(self, endpoint, listener, happen, send, later):
        listener.status = 500
        happen()
        send()
        began, waits = timezone.now(), []
        while (row := delivery()).status == "waiting":
            waits.append((row.next_at - timezone.now()).total_seconds())
            later(row.next_at - timezone.now() + timedelta(seconds=1))
            WebhookEndpoint.objects.update(stopped_at=None)
            send()
        assert waits == sorted(waits)
        assert row.status == "gave_up"
        assert row.attempts == 11 == len(listener.heard)
        assert 24 * HOURS < timezone.now() - began < 30 * HOURS
        assert {heard["headers"]["webhook-id"] for heard in listener.heard} == {str(row.event.event_id)}

    def test_waits_are_never_the_same_so_that_what_failed_at_once_does_not_come_back_at_once(
        self, endpoint, listener, happen, send
    ):
        listener.status = 503
        for number in range(20):
            happen(f"case {number}")
            send()
        waits = [(row.next_at - row.tries.get().at).total_seconds() for row in WebhookDelivery.objects.all()]
        assert len({round(wait, 3) for wait in waits}) > 10
        assert 4.4 < min(waits) < max(waits) < 5.6

    def test_who_asks_to_wait_is_waited_for_an_hour_at_most(self, endpoint, listener, happen, send):
        listener.status, listener.headers = 503, {"Retry-After": "600"}
        happen()
        send()
        assert 590 < (delivery().next_at - timezone.now()).total_seconds() <= 600
        WebhookDelivery.objects.update(next_at=timezone.now())
        listener.headers = {"Retry-After": "86400"}
        send()
        assert 3590 < (delivery().next_at - timezone.now()).total_seconds() <= 3600

    def test_nobody_there_is_said_in_the_log(self, partner, happen, send):
        endpoints.register(partner, {"url": "http://127.0.0.1:1024/"}, actor=BOT)
        happen()
        send()
        attempt = WebhookAttempt.objects.get()
        assert attempt.status_code is None
        assert "refused" in attempt.fault.lower()

    def test_an_answer_that_trickles_in_ends_in_time(self, endpoint, listener, happen, send, monkeypatch):
        monkeypatch.setattr(posting, "LONGEST_SECONDS", 0.3)
        listener.seconds = 1
        happen()
        send()
        attempt = WebhookAttempt.objects.get()
        assert "no whole answer" in attempt.fault
        assert attempt.milliseconds < 800

    def test_only_the_beginning_of_a_long_answer_is_kept(self, endpoint, listener, happen, send):
        listener.body = b"x" * 1_000_000 + b"\x00"
        happen()
        send()
        assert WebhookAttempt.objects.get().answer == "x" * 500
        assert delivery().status == "delivered"

    def test_what_another_process_took_since_is_not_changed(self, endpoint, listener, happen):
        happen()
        sender = sending.Sender()
        spreading.spread()
        (letter,) = sender._take(False, 5)
        assert sender._take(False, 5) == [], "it is taken"
        WebhookDelivery.objects.update(next_at=timezone.now())  # as after the lease ends
        (other,) = sender._take(False, 5)
        sending._keep([posting.Answered(letter, 200, 5)], timezone.now())
        assert delivery().status == "waiting"
        sending._keep([posting.Answered(other, 200, 5)], timezone.now())
        assert delivery().status == "delivered"
        assert WebhookAttempt.objects.count() == 2

    @pytest.mark.parametrize(("breaks", "status"), [("_keep", "waiting"), ("_health", "delivered")])
    def test_what_the_database_did_not_take_is_recorded_the_next_time_and_nothing_twice(
        self, endpoint, listener, happen, monkeypatch, breaks, status
    ):
        happen()
        sender, real = sending.Sender(), getattr(sending, breaks)
        sender.round()
        until = time.monotonic() + 20
        while sender._answered.empty() and time.monotonic() < until:
            time.sleep(0.01)  # another round would record it

        def refuses(answered, now):
            raise OperationalError("deadlock detected")

        monkeypatch.setattr(sending, breaks, refuses)
        with pytest.raises(OperationalError):
            sender.round()
        assert delivery().status == status
        monkeypatch.setattr(sending, breaks, real)
        sender.finish()
        assert (delivery().status, len(listener.heard)) == ("delivered", 1)
        assert WebhookAttempt.objects.count() == 1


class TestOrder:
    def test_what_is_about_one_case_waits_for_what_came_before(self, endpoint, listener, happen, send):
        listener.answers = [500]
        happen("a", text="first")
        happen("a", text="second")
        happen("b", text="other")
        send()
        assert [heard["data"]["text"] for heard in listener.heard] == ["first", "other"]
        WebhookDelivery.objects.update(next_at=timezone.now())
        send()
        assert [heard["data"]["text"] for heard in listener.heard[2:]] == ["first", "second"]

    def test_but_not_for_ever(self, endpoint, listener, happen, send):
        listener.answers = [400] * sending.IN_ORDER
        happen("a", text="poison")
        happen("a", text="second")
        for _ in range(sending.IN_ORDER):
            WebhookDelivery.objects.filter(status="waiting").update(next_at=timezone.now())
            send()
        assert listener.heard[-1]["data"]["text"] == "second"

    def test_nor_while_an_earlier_one_is_under_way(self, endpoint, happen):
        happen("a")
        happen("a")
        spreading.spread()
        sender = sending.Sender()
        WebhookDelivery.objects.filter(pk=WebhookDelivery.objects.earliest("id").pk).update(
            attempts=sending.IN_ORDER - 1
        )
        assert len(sender._take(False, 9)) == 1
        sender._room[endpoint.pk] = 8
        assert sender._take(False, 9) == []
        WebhookDelivery.objects.update(token=None)
        assert len(sender._take(False, 9)) == 1

    def test_what_failed_or_was_slow_has_threads_of_its_own(self, endpoint, listener, happen, send):
        listener.answers = [500]
        happen("a")
        send()
        WebhookDelivery.objects.update(next_at=timezone.now())
        sender = sending.Sender()
        assert sender._take(False, 5) == []
        (letter,) = sender._take(True, 5)
        for recorded in (sending._keep, sending._health):
            recorded([posting.Answered(letter, 200, 5)], timezone.now())
        happen("b")
        spreading.spread()
        sender._slow.add(endpoint.pk)
        assert sender._take(False, 5) == []
        assert len(sender._take(True, 5)) == 1

    def test_a_slow_endpoint_holds_nobody_up(self, partner, endpoint, listener, happen):
        slow = Listener(seconds=6)
        server = listening(slow)
        endpoints.register(partner, {"url": slow.url}, actor=BOT)
        for number in range(20):
            happen(f"case {number}")
        sender = sending.Sender()
        until = time.monotonic() + 20
        while len(listener.heard) < 20 and time.monotonic() < until:
            sender.round()
        assert len(listener.heard) == 20
        assert len(slow.heard) == 1, "one at a time, until it is fast"
        sender.finish()
        server.shutdown()
        server.server_close()


def test_a_case_tells_what_becomes_of_it(endpoint, listener, arrive, order, send):
    case = arrive(STATUS, order=order)
    send()
    told = {heard["type"]: heard["data"] for heard in listener.heard}
    assert set(told) >= {"reply.created", "interaction.resolved"}
    assert told["reply.created"]["id"] == str(case.reference)
    assert json.dumps(told)


def test_a_round_that_fails_is_not_the_end(endpoint, monkeypatch):
    rounds = iter([ValueError("a fault of ours"), None])

    def round_of(sender):
        if (fault := next(rounds)) is not None:
            raise fault
        return 1

    monkeypatch.setattr(sending.Sender, "round", round_of)
    monkeypatch.setattr(sending.time, "sleep", lambda seconds: None)
    turns = iter([False, False, True])
    sending.run(lambda: next(turns))
    assert next(rounds, "both") == "both"
