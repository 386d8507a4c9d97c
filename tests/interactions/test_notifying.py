"""Notices: what is raised, who hears it, that it escalates until somebody sees to it, and that no failure loses one."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.interactions import duty, notifying, tasks
from apps.interactions.models import Delivery, Escalation, Interaction, Notice, Shift
from apps.policies import releases
from apps.policies.errors import Refused
from tests import factories
from tests.conftest import COMPLAINT, browser, page
from tests.policies.conftest import released

HOUR = timedelta(hours=1)


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def public(arrive, order):
    return arrive(COMPLAINT, order=order, public=True, channel="social", audience=48_200).escalations.get()


def on_duty(user, now, kind="on"):
    return Shift.objects.create(user=user, kind=kind, starts_at=now - HOUR, ends_at=now + HOUR)


def round_of(now):
    notifying.watch(now)
    return notifying.send(now)


def written_to():
    return sorted(address for message in mail.outbox for address in message.to)


class TestRaising:
    def test_a_public_complaint_is_told_once_to_seniors_on_shift(self, public, now):
        boss, other = factories.senior(), factories.supervisor()
        on_duty(boss, now)
        on_duty(other, now)
        assert round_of(now) == 1
        assert round_of(now + timedelta(minutes=1)) == 0
        assert written_to() == [boss.email]
        assert "said in public, heard by 48,200" in mail.outbox[0].subject
        assert f"/reach/{public.pk}/" in mail.outbox[0].body

    def test_what_is_said_in_public_is_not_told_again_by_its_clock(self, public, now):
        Escalation.objects.filter(pk=public.pk).update(due_at=now + timedelta(minutes=10))
        notifying.watch(now)
        assert [notice.kind for notice in Notice.objects.all()] == ["public"]

    def test_clocks_that_run_out_are_one_notice_an_hour_and_brand(self, escalated, now):
        Escalation.objects.update(due_at=now + timedelta(minutes=10))
        notifying.watch(now)
        notifying.watch(now)
        (notice,) = Notice.objects.all()
        assert (notice.kind, notice.text) == ("clock", "Lumi Skin: 1 case runs out of time in 15 minutes")
        assert notice.path == "/reach/?brand=lumi&due=hour"

    def test_a_clock_with_time_left_calls_nobody(self, escalated, now):
        Escalation.objects.update(due_at=now + HOUR)
        notifying.watch(now)
        assert not Notice.objects.exists()

    def test_stalled_cases_and_boundaries_that_end(self, escalated, now, author, other, boundary):
        Interaction.objects.update(state="stalled")
        draft = releases.draft_from(author, boundary)
        releases.plan(author, draft, share=100, ends_at=now + timedelta(hours=5))
        released(author, other, draft)
        notifying.watch(now)
        assert {notice.kind for notice in Notice.objects.all()} == {"stalled", "ending"}

    def test_what_was_decided_is_over_and_calls_nobody_any_more(self, public, now):
        notifying.watch(now)
        Escalation.objects.update(state="done")
        boss = factories.senior()
        on_duty(boss, now)
        assert round_of(now) == 0
        assert Notice.objects.get().over_at == now

    def test_the_sweeper_does_it(self, public, now):
        on_duty(factories.senior(), now)
        tasks.sweep()
        assert len(mail.outbox) == 1

    def test_who_comes_back_in_public_is_told_anew(self, public, now):
        notifying.watch(now)
        Escalation.objects.update(state="done")
        notifying.watch(now)
        Escalation.objects.create(
            interaction=public.interaction, partner=public.partner, case_type=public.case_type, handler="human", flagged=True,
            due_at=now, opened_at=now, headline="Again, in public",
        )  # fmt: skip
        notifying.watch(now)
        assert Notice.objects.filter(kind="public", over_at=None).count() == 1

    def test_clocks_that_are_in_time_again_call_nobody_any_more(self, escalated, now):
        Escalation.objects.update(due_at=now + timedelta(minutes=10))
        notifying.watch(now)
        Escalation.objects.update(due_at=now + timedelta(hours=5))
        notifying.watch(now)
        assert Notice.objects.get().over_at == now


class TestWhoHears:
    def test_on_call_that_begins_later_is_called_then(self, public, now):
        round_of(now)
        boss = factories.senior()
        on_duty(boss, now, "on_call")
        round_of(now + timedelta(minutes=1))
        assert written_to() == [boss.email]

    def test_nobody_on_shift_calls_on_call_at_once(self, public, now):
        boss = factories.senior()
        on_duty(boss, now, "on_call")
        round_of(now)
        assert written_to() == [boss.email]

    def test_what_nobody_sees_to_calls_on_call_after_ten_minutes(self, public, now):
        boss, called = factories.senior(), factories.senior()
        on_duty(boss, now)
        on_duty(called, now, "on_call")
        round_of(now)
        assert written_to() == [boss.email]
        round_of(now + timedelta(minutes=9))
        assert len(mail.outbox) == 1
        round_of(now + timedelta(minutes=10))
        assert written_to() == sorted([boss.email, called.email])

    def test_what_somebody_sees_to_calls_nobody_else(self, public, now):
        boss, called = factories.senior(), factories.senior()
        on_duty(boss, now)
        on_duty(called, now, "on_call")
        round_of(now)
        notifying.acknowledge(boss, Notice.objects.get().pk, now)
        round_of(now + timedelta(minutes=30))
        assert written_to() == [boss.email]
        with pytest.raises(Refused, match="sees to it already"):
            notifying.acknowledge(called, Notice.objects.get().pk, now)

    def test_somebody_who_is_away_or_whose_remit_does_not_cover_it_hears_nothing(self, public, now):
        away, stranger = factories.senior(), factories.senior(remit={"all_partners": False})
        on_duty(away, now)
        on_duty(away, now, "away")
        on_duty(stranger, now)
        on_duty(factories.senior(remit={"case_types": ["refund_exception"]}), now)
        assert round_of(now) == 0
        assert away.pk in duty.away(now)
        with pytest.raises(Refused, match="no such notice for you"):
            notifying.acknowledge(stranger, Notice.objects.get().pk, now)

    def test_a_shift_ends_after_it_starts(self, partner, now):
        with pytest.raises(IntegrityError), transaction.atomic():
            Shift.objects.create(user=factories.senior(), starts_at=now, ends_at=now)


class Hears(BaseHTTPRequestHandler):
    """A real server that keeps what it is sent, or answers with an error."""

    got: list[dict[str, str]]
    status = 204

    def do_POST(self):
        self.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def webhook(settings) -> Iterator[type[Hears]]:
    handler = type("Handler", (Hears,), {"got": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.NOTIFY_WEBHOOK = f"http://127.0.0.1:{server.server_port}/"
    yield handler
    server.shutdown()
    server.server_close()


class TestDelivery:
    def test_the_houses_webhook_hears_each_notice_once(self, public, now, webhook):
        round_of(now)
        round_of(now)
        (said,) = webhook.got
        assert (said["kind"], said["url"]) == ("public", f"http://localhost:8000/reach/{public.pk}/")

    def test_a_failure_is_kept_and_tried_again_and_holds_up_nobody(self, public, now, webhook):
        boss = factories.senior()
        on_duty(boss, now)
        webhook.status = 500
        assert round_of(now) == 1, "the e-mail"
        failed = Delivery.objects.get(channel="webhook")
        assert (failed.sent_at, failed.attempts) == (None, 1)
        assert "500" in failed.error
        webhook.status = 204
        assert round_of(now) == 0, "not at once"
        assert round_of(now + timedelta(minutes=1)) == 1
        assert Delivery.objects.get(channel="webhook").error == ""

    def test_it_is_tried_ever_more_seldom_until_somebody_sees_to_it(self, public, now, webhook):
        webhook.status = 500
        notifying.watch(now)
        for minute in range(120):
            notifying.send(now + timedelta(minutes=minute))
        assert Delivery.objects.get().attempts == 7, "after 0, 1, 3, 7, 15, 31 and 63 minutes"
        notifying.acknowledge(factories.senior(), Notice.objects.get().pk, now)
        notifying.send(now + timedelta(hours=4))
        assert Delivery.objects.get().attempts == 7

    def test_two_sweeps_at_once_send_it_once(self, public, now, webhook, monkeypatch):
        deliver, nested = notifying._deliver, []

        def while_another_sweeps(row, at):
            if not nested:
                nested.append(notifying.send(now))
            return deliver(row, at)

        monkeypatch.setattr(notifying, "_deliver", while_another_sweeps)
        assert round_of(now) == 1
        assert (nested, len(webhook.got)) == ([0], 1)

    def test_two_sweeps_that_found_the_same_delivery_send_it_once(self, public, now, webhook):
        notifying.watch(now)
        notifying._plan(Notice.objects.get(), [], now)
        one, other = Delivery.objects.get(), Delivery.objects.get()
        assert [notifying._claim(one, now), notifying._claim(other, now)] == [True, False]


class TestPage:
    def test_a_senior_sees_it_in_the_header_and_sees_to_it(self, public, now):
        boss = factories.senior(first_name="Ines", last_name="M")
        on_duty(boss, now)
        notifying.watch(now)
        client = browser(boss)
        assert "1 notice</a>" in page(client, "/signals/")
        Notice.objects.create(kind="stalled", key="other", text="Two", path="/", raised_at=now)
        assert "2 notices</a>" in page(client, "/signals/")
        Notice.objects.filter(key="other").delete()
        shown = page(client, "/notices/")
        assert "said in public" in shown
        assert "Ines M" in shown
        client.post(f"/notices/{Notice.objects.get().pk}/acknowledge/")
        assert "Nothing calls for anybody." in page(client, "/notices/")
        assert client.post(f"/notices/{Notice.objects.get().pk}/acknowledge/").status_code == 409

    def test_others_see_nothing_of_it_and_who_is_there(self, public, now):
        notifying.watch(now)
        shown = page(browser(factories.supervisor()), "/notices/")
        assert "Nothing calls for anybody." in shown
        assert "nobody" in shown

    def test_ops_managers_plan_shifts(self, partner, now):
        client = browser(factories.ops_manager())
        person = factories.senior()
        data = {"user": person.pk, "kind": "on", "starts_at": "2026-12-01T09:00",
                "ends_at": "2026-12-01T17:00", "note": ""}  # fmt: skip
        client.post("/admin/interactions/shift/add/", data)
        assert Shift.objects.get().user == person

    def test_a_colleague_who_is_away_comes_last(self, escalated, now):
        from apps.interactions import claiming

        user = factories.supervisor()
        first, second = factories.supervisor(first_name="Aa"), factories.supervisor(first_name="Bb")
        on_duty(first, now, "away")
        on_duty(second, now)
        for remit in ({"case_types": ["question"]}, {"languages": ["de"]}, {"all_partners": False}):
            factories.supervisor(remit=remit)  # of other types, languages, brands
        assert claiming.colleagues_for(user, escalated) == [second, first]
        shown = page(browser(user), f"/reach/{escalated.pk}/colleagues/")
        assert "· on shift" in shown
        assert "· away" in shown
