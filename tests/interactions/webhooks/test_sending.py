"""What partners hear: signed, at least once, in order per case, and nobody waits for somebody else's server."""

import json
from datetime import timedelta

import pytest
from django.core import mail
from django.db import OperationalError
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from apps.interactions import forgetting
from apps.interactions.demo import demo_partner
from apps.interactions.models import OutboxEvent, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from apps.interactions.webhooks import endpoints, posting, sending, signing, spreading, stopping
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
        _, new = endpoints.rotate(endpoint.pk, actor=BOT, now=timezone.now())
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
        assert timedelta(hours=19) < timezone.now() - began < timedelta(hours=25)
        assert {heard["headers"]["webhook-id"] for heard in listener.heard} == {str(row.event.event_id)}

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
        sending.record([posting.Answered(letter, 200, 5)], timezone.now())
        assert delivery().status == "waiting"
        sending.record([posting.Answered(other, 200, 5)], timezone.now())
        assert delivery().status == "delivered"
        assert WebhookAttempt.objects.count() == 2

    def test_what_the_database_did_not_take_is_recorded_the_next_time(self, endpoint, listener, happen, monkeypatch):
        happen()
        sender, real = sending.Sender(), sending.record
        while not sender._answered.qsize():
            sender.round()

        def refuses(answered, now):
            raise OperationalError("deadlock detected")

        monkeypatch.setattr(sending, "record", refuses)
        with pytest.raises(OperationalError):
            sender.round()
        monkeypatch.setattr(sending, "record", real)
        sender.finish()
        assert (delivery().status, len(listener.heard)) == ("delivered", 1)


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

    def test_a_slow_endpoint_holds_nobody_up(self, partner, endpoint, listener, happen):
        slow = Listener(seconds=1.2)
        server = listening(slow)
        endpoints.register(partner, {"url": slow.url}, actor=BOT)
        for number in range(20):
            happen(f"case {number}")
        sender = sending.Sender()
        while len(listener.heard) < 20:
            sender.round()
        assert len(slow.heard) == 1, "one at a time, until it is fast"
        sender.finish()
        server.shutdown()
        server.server_close()


class TestStopped:
    def hopeless(self, endpoint, listener, happen, send, later):
        listener.status = 500
        for number in range(5):
            happen(f"case {number}")
        send()
        later(24 * HOURS)
        WebhookDelivery.objects.update(next_at=timezone.now())
        send()
        endpoint.refresh_from_db()

    def test_what_never_answers_for_a_day_is_stopped_and_its_owner_told(self, endpoint, listener, happen, send, later):
        WebhookEndpoint.objects.update(contact="ops@shop.example")
        self.hopeless(endpoint, listener, happen, send, later)
        assert endpoint.state == "stopped"
        assert stopping.tell(timezone.now()) == 1
        assert stopping.tell(timezone.now()) == 0
        (letter,) = mail.outbox
        assert letter.to == ["ops@shop.example"]
        assert "Nothing came through since" in letter.body

    def test_a_mail_that_cannot_be_sent_is_sent_later(self, endpoint, listener, happen, send, later, settings):
        WebhookEndpoint.objects.update(contact="ops@shop.example")
        self.hopeless(endpoint, listener, happen, send, later)
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
        assert stopping.tell(timezone.now()) == 0
        settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
        assert stopping.tell(timezone.now()) == 1

    def test_nothing_is_sent_to_it_and_nothing_lost(self, endpoint, listener, happen, send, later):
        self.hopeless(endpoint, listener, happen, send, later)
        count = len(listener.heard)
        happen("while it was stopped")
        send()
        assert len(listener.heard) == count
        listener.status = 200
        endpoints.listen_again(endpoint.pk, actor=BOT, now=timezone.now())
        send()
        assert {row.status for row in WebhookDelivery.objects.all()} == {"delivered"}
        assert WebhookDelivery.objects.count() == 6
        endpoint.refresh_from_db()
        assert (endpoint.state, endpoint.failures) == ("listening", 0)

    def test_one_success_begins_the_day_anew(self, endpoint, listener, happen, send, later):
        listener.answers = [500] * 5
        for number in range(5):
            happen(f"case {number}")
        send()
        WebhookDelivery.objects.update(next_at=timezone.now())
        send()
        endpoint.refresh_from_db()
        assert (endpoint.failures, endpoint.failing_since) == (0, None)

    def test_one_that_says_it_is_gone_is_stopped_at_once(self, endpoint, listener, happen, send):
        listener.status = 410
        happen()
        send()
        endpoint.refresh_from_db()
        assert endpoint.stopped_because == "It answered that it is gone (410)."


class TestLongRunning:
    def test_numbers_go_on_when_old_events_are_forgotten(self, endpoint, listener, happen, send, later):
        happen("boundary 7", text="secret")
        happen("boundary 7", text="secret")
        send()
        later(31 * 24 * HOURS)
        forgetting.forget_old(timezone.now())
        assert OutboxEvent.objects.count() == 1
        assert OutboxEvent.objects.get().payload == {}, "of the last one only the number is kept"
        happen("boundary 7")
        send()
        assert listener.heard[-1]["sequence"] == 3

    def test_what_a_removed_one_did_not_hear_is_over(self, endpoint, listener, happen, send, later):
        listener.status = 500
        happen()
        send()
        endpoints.remove(endpoint.pk, actor=BOT, now=timezone.now())
        assert delivery().status == "gave_up"

    def test_what_waits_for_a_stopped_one_is_not_looked_at(self, endpoint, happen):
        happen("a")
        spreading.spread()
        endpoints.stop(endpoint.pk, actor=BOT, now=timezone.now())
        happen("b")
        spreading.spread()
        assert not WebhookDelivery.objects.filter(next_at__lte=timezone.now() + 1000 * HOURS).exists()
        endpoints.listen_again(endpoint.pk, actor=BOT, now=timezone.now())
        assert WebhookDelivery.objects.filter(next_at__lte=timezone.now()).count() == 2

    def test_after_a_restart_those_that_fail_are_known_from_before(self, partner, endpoint, happen):
        happen()
        spreading.spread()
        WebhookEndpoint.objects.update(failures=3)
        sender = sending.Sender()
        assert sender._take(False, 9) == []
        assert len(sender._take(True, 9)) == 1

    def test_what_waits_for_an_earlier_one_is_due_when_that_is(self, endpoint, listener, happen, send):
        listener.status = 500
        happen("a")
        happen("a")
        happen("b")
        send()
        first, second = WebhookDelivery.objects.filter(subject="a").order_by("id")
        assert second.next_at == first.next_at
        assert second.attempts == 0


class TestReplay:
    def test_events_of_a_time_are_sent_once_more_under_their_ids(self, endpoint, listener, happen, send):
        event = happen()
        send()
        count = endpoints.replay(endpoint.pk, timezone.now() - HOURS, timezone.now(), actor=BOT, now=timezone.now())
        send()
        assert count == 1
        assert [heard["headers"]["webhook-id"] for heard in listener.heard] == [str(event.event_id)] * 2

    def test_also_those_from_before_it_was_registered(self, partner, listener, happen, send):
        happen()
        spreading.spread()
        new = endpoints.register(partner, {"url": listener.url}, actor=BOT)
        endpoints.replay(new.pk, timezone.now() - HOURS, timezone.now(), actor=BOT, now=timezone.now())
        send()
        assert len(listener.heard) == 1

    def test_one_alone(self, endpoint, listener, happen, send):
        happen("a")
        happen("b")
        send()
        endpoints.replay_one(WebhookDelivery.objects.first(), actor=BOT, now=timezone.now())
        send()
        assert len(listener.heard) == 3

    def test_more_than_can_be_looked_through_is_refused(self, endpoint, happen, send, monkeypatch):
        monkeypatch.setattr(endpoints, "MOST_REPLAYED", 1)
        happen("a")
        happen("b")
        send()
        with pytest.raises(Refused, match="shorter time"):
            endpoints.replay(endpoint.pk, timezone.now() - HOURS, timezone.now(), actor=BOT, now=timezone.now())

    def test_the_test_button_sends_to_it_alone(self, endpoint, partner, listener, send):
        endpoints.register(partner, {"url": listener.url}, actor=BOT)
        endpoints.test(endpoint.pk, actor=BOT, now=timezone.now())
        send()
        assert [heard["type"] for heard in listener.heard] == ["webhook.test"]


def test_a_case_tells_what_becomes_of_it(endpoint, listener, arrive, order, send):
    case = arrive(STATUS, order=order)
    send()
    told = {heard["type"]: heard["data"] for heard in listener.heard}
    assert set(told) >= {"reply.created", "interaction.resolved"}
    assert told["reply.created"]["id"] == str(case.reference)
    assert json.dumps(told)
