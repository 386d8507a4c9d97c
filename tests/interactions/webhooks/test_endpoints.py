"""Endpoints over time: stopped and told, replayed, and what is kept for how long."""

import time
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from apps.interactions import forgetting, notifying, tasks
from apps.interactions.models import Notice, OutboxEvent, WebhookDelivery, WebhookEndpoint
from apps.interactions.webhooks import endpoints, sending, spreading, stopping
from apps.policies.errors import Invalid, Refused
from apps.policies.models import Partner
from tests.interactions.webhooks.conftest import BOT

HOURS = timedelta(hours=1)


def delivery():
    return WebhookDelivery.objects.get()


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
        assert stopping.tell(timezone.now()) == 0, "not at once"
        assert stopping.tell(timezone.now() + stopping.TELL_AGAIN) == 1

    def test_one_that_seldom_hears_of_anything_is_not_stopped_for_one_bad_evening(
        self, endpoint, listener, happen, send, later
    ):
        listener.status = 500
        happen("a")
        send()
        later(25 * HOURS)
        WebhookDelivery.objects.update(next_at=timezone.now())
        send()
        endpoint.refresh_from_db()
        assert (endpoint.stopped_at, endpoint.failures) == (None, 2)

    def test_the_sweep_tells_it(self, endpoint, listener, happen, send, later):
        WebhookEndpoint.objects.update(contact="ops@shop.example")
        self.hopeless(endpoint, listener, happen, send, later)
        tasks.sweep()
        assert len(mail.outbox) == 1

    def test_nothing_is_sent_to_it_and_nothing_lost(self, endpoint, listener, happen, send, later, monkeypatch):
        monkeypatch.setattr(endpoints, "AT_ONCE", 4)
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

    def test_what_was_forgotten_is_not_sent_without_its_content(self, endpoint, listener, happen, send):
        happen("a")
        send()
        OutboxEvent.objects.update(payload={})
        a_while = (timezone.now() - HOURS, timezone.now() + HOURS)
        assert endpoints.replay(endpoint.pk, *a_while, actor=BOT, now=timezone.now()) == 0

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

    def test_only_what_it_hears_counts(self, endpoint, happen, monkeypatch):
        monkeypatch.setattr(endpoints, "MOST_REPLAYED", 2)
        for _ in range(5):
            happen("a", kind="reply.created")
        happen("b", kind="action.requested")
        spreading.spread()
        endpoints.change(endpoint.pk, {"kinds": ["action.requested"]}, actor=BOT)
        assert endpoints.replay(endpoint.pk, timezone.now() - HOURS, timezone.now(), actor=BOT, now=timezone.now()) == 1

    def test_a_test_is_not_sent_again(self, endpoint, send):
        endpoints.test(endpoint.pk, actor=BOT, now=timezone.now())
        send()
        assert endpoints.replay(endpoint.pk, timezone.now() - HOURS, timezone.now(), actor=BOT, now=timezone.now()) == 0

    def test_the_test_button_sends_to_it_alone(self, endpoint, partner, listener, send):
        endpoints.register(partner, {"url": listener.url}, actor=BOT)
        endpoints.test(endpoint.pk, actor=BOT, now=timezone.now())
        send()
        assert [heard["type"] for heard in listener.heard] == ["webhook.test"]


class TestReplayToOneThatDoesNotListen:
    def test_what_was_given_up_while_it_failed_is_sent_when_it_listens(self, endpoint, listener, happen, send):
        happen()
        spreading.spread()
        now = timezone.now()
        endpoints.stop(endpoint.pk, actor=BOT, now=now)
        WebhookDelivery.objects.update(status="gave_up", ended_at=now)
        endpoints.listen_again(endpoint.pk, actor=BOT, now=timezone.now())
        send()
        assert len(listener.heard) == 1

    def test_nothing_waits_for_one_that_is_removed(self, endpoint, happen, send):
        happen()
        send()
        endpoints.remove(endpoint.pk, actor=BOT, now=timezone.now())
        with pytest.raises(Refused, match="removed"):
            endpoints.replay_one(WebhookDelivery.objects.get(), actor=BOT, now=timezone.now())

    def test_what_is_for_a_stopped_one_waits_until_it_listens(self, endpoint, listener, happen, send):
        happen()
        send()
        endpoints.stop(endpoint.pk, actor=BOT, now=timezone.now())
        endpoints.replay_one(WebhookDelivery.objects.get(), actor=BOT, now=timezone.now())
        endpoints.replay(endpoint.pk, timezone.now() - HOURS, timezone.now() + HOURS, actor=BOT, now=timezone.now())
        assert not WebhookDelivery.objects.filter(next_at__lte=timezone.now()).exists()
        endpoints.listen_again(endpoint.pk, actor=BOT, now=timezone.now())
        send()
        assert len(listener.heard) == 2


class TestTelling:
    @pytest.fixture
    def stopped(self, partner, listener):
        """Endpoints that were stopped, with these contacts."""

        def make(*contacts):
            for contact in contacts:
                made = endpoints.register(partner, {"url": listener.url}, actor=BOT)
                WebhookEndpoint.objects.filter(pk=made.pk).update(
                    stopped_at=timezone.now(), stopped_because="Gone.", contact=contact
                )

        return make

    @pytest.mark.parametrize("contact", ["a@b。.de", ""])
    def test_of_whom_no_mail_can_reach_those_on_duty_are_told_and_nobody_else_is_hidden(self, stopped, contact):
        stopped(contact, "ops@shop.example")
        assert stopping.tell(timezone.now()) == 1
        assert [letter.to for letter in mail.outbox] == [["ops@shop.example"]]
        (notice,) = Notice.objects.filter(kind="webhook")
        assert "nobody of theirs could be told" in notice.text
        assert stopping.tell(timezone.now()) == 0
        notifying.watch(timezone.now())
        assert Notice.objects.get(pk=notice.pk).over_at is None
        endpoints.listen_again(WebhookEndpoint.objects.get(contact=contact).pk, actor=BOT, now=timezone.now())
        notifying.watch(timezone.now())
        assert Notice.objects.get(pk=notice.pk).over_at is not None

    def test_a_silent_mail_server_holds_up_the_sweep_for_seconds_and_the_next_one_begins_with_the_others(
        self, stopped, monkeypatch
    ):
        stopped("a@shop.example", "b@shop.example", "c@shop.example")
        clock, tried = [0.0], []
        monkeypatch.setattr(time, "monotonic", lambda: clock[0])

        def silent(subject, words, sender, to):
            tried.append(to[0][0])
            clock[0] += 15
            raise TimeoutError

        monkeypatch.setattr(stopping, "send_mail", silent)
        now = timezone.now()
        stopping.tell(now)
        assert tried == ["a", "b"]
        stopping.tell(now + timedelta(seconds=1))
        assert tried == ["a", "b", "c"]

    def test_a_brands_name_may_have_lines(self, stopped, partner):
        Partner.objects.filter(pk=partner.pk).update(name="Glow\nand Co")
        stopped("ops@shop.example")
        assert stopping.tell(timezone.now()) == 1
        assert mail.outbox[0].subject == "Remit stopped a webhook of Glow and Co"

    def test_a_contact_that_no_mail_can_reach_is_refused_when_it_is_given(self, partner, listener):
        with pytest.raises(Invalid, match="No mail can be sent"):
            endpoints.register(partner, {"url": listener.url, "contact": "bücher@shop.example"}, actor=BOT)
