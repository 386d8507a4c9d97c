"""Webhooks when processes race and die: every event is numbered once, taken once at a time, and lost never."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.utils import timezone

from apps.interactions.demo import demo_partner
from apps.interactions.models import OutboxEvent, WebhookDelivery
from apps.interactions.webhooks import endpoints, posting, sending, spreading
from tests.faults.processes import environment_of_test_database, race
from tests.interactions.webhooks.conftest import BOT, Listener, listening

pytestmark = pytest.mark.django_db(transaction=True)
PROJECT = Path(__file__).parents[2]


@pytest.fixture
def listener():
    found = Listener()
    server = listening(found)
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def partner(transactional_db):
    return demo_partner("lumi", "Lumi Skin")


def events(partner, count, cases):
    OutboxEvent.objects.bulk_create(
        [
            OutboxEvent(partner=partner, kind="reply.created", subject=f"case {n % cases}", payload={"n": n})
            for n in range(count)
        ]
    )


def test_processes_that_spread_at_once_give_every_number_once(partner, listener):
    endpoints.register(partner, {"url": listener.url}, actor=BOT)
    events(partner, 400, cases=7)

    def spread_all(number):
        until = time.monotonic() + 30
        while OutboxEvent.objects.filter(number__isnull=True).exists() and time.monotonic() < until:
            spreading.spread(limit=10)

    race(spread_all, 4)
    assert WebhookDelivery.objects.count() == 400
    for case in range(7):
        numbers = list(
            OutboxEvent.objects.filter(subject=f"case {case}").order_by("id").values_list("number", flat=True)
        )
        assert numbers == list(range(1, len(numbers) + 1))


def test_processes_that_take_at_once_take_each_once(partner, listener):
    endpoints.register(partner, {"url": listener.url}, actor=BOT)
    events(partner, 200, cases=200)
    spreading.spread()

    def take(number):
        sender, taken = sending.Sender(), []
        sender._room.default_factory = lambda: 8
        for _ in range(40):
            taken += [letter.delivery_id for letter in sender._take(False, 8)]
        return taken

    taken = [one for each in race(take, 4) for one in each]
    assert len(taken) == len(set(taken)) > 100


def test_who_replays_and_who_records_do_not_wait_for_each_other(partner, listener):
    endpoint = endpoints.register(partner, {"url": listener.url}, actor=BOT)
    events(partner, 300, cases=300)
    spreading.spread()
    since = timezone.now() - timedelta(hours=1)

    def work(number):
        for _ in range(10):
            if number % 2:
                endpoints.replay(endpoint.pk, since, timezone.now(), actor=BOT, now=timezone.now())
            else:
                answered, now = [posting.Answered(letter, 500, 5) for letter in taken()], timezone.now()
                sending._follow_up(sending._keep(answered, now), answered, now)

    def taken():
        sender = sending.Sender()
        sender._room[endpoint.pk] = 50
        return [*sender._take(False, 50), *sender._take(True, 50)]

    race(work, 4)
    assert WebhookDelivery.objects.count() == 300


def test_one_that_begins_to_listen_hears_what_is_spread_at_that_moment(partner, listener):
    endpoint = endpoints.register(partner, {"url": listener.url}, actor=BOT)
    endpoints.stop(endpoint.pk, actor=BOT, now=timezone.now())
    events(partner, 1, 1)

    def spread():
        try:
            spreading.spread()
        finally:
            connection.close()

    other = threading.Thread(target=spread)
    with transaction.atomic():
        endpoints.listen_again(endpoint.pk, actor=BOT, now=timezone.now())
        other.start()
        time.sleep(0.5)  # it has read that the endpoint is stopped
    other.join(timeout=20)
    assert WebhookDelivery.objects.get().next_at <= timezone.now()


def test_what_is_taken_is_read_before_anybody_may_take_its_token_away(partner, listener, monkeypatch):
    endpoints.register(partner, {"url": listener.url}, actor=BOT)
    events(partner, 1, cases=1)
    spreading.spread()
    read, free_meanwhile = sending._letters_of, []

    def elsewhere():
        with transaction.atomic():
            free_meanwhile.append(len(WebhookDelivery.objects.select_for_update(skip_locked=True)))
        connection.close()

    def reading(deliveries, now):
        other = threading.Thread(target=elsewhere)
        other.start()
        other.join(20)
        return read(deliveries, now)

    monkeypatch.setattr(sending, "_letters_of", reading)
    assert len(sending.Sender()._take(False, 5)) == 1
    assert free_meanwhile == [0]


def test_what_can_never_be_recorded_holds_up_no_other(partner, listener):
    endpoint = endpoints.register(partner, {"url": listener.url}, actor=BOT)
    events(partner, 2, cases=2)
    spreading.spread()
    sender = sending.Sender()
    sender._room[endpoint.pk] = 8
    gone, kept = sender._take(False, 8)
    WebhookDelivery.objects.filter(pk=gone.delivery_id).delete()
    for letter in (gone, kept):
        sender._answered.put((False, posting.Answered(letter, 200, 5)))
    assert sender._record() == 2
    assert WebhookDelivery.objects.get().status == "delivered"
    assert sender._record() == 0


def test_a_sender_that_is_killed_loses_nothing(partner, listener):
    endpoints.register(partner, {"url": listener.url}, actor=BOT)
    listener.seconds = 0.05
    events(partner, 120, cases=30)
    environment = environment_of_test_database()

    def start():
        return subprocess.Popen([sys.executable, "manage.py", "sendwebhooks"], cwd=PROJECT, env=environment)

    first = start()
    try:
        wait_until(lambda: len(listener.heard) > 20)
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert WebhookDelivery.objects.filter(status="waiting").exists()
    WebhookDelivery.objects.filter(status="waiting").update(next_at=timezone.now())  # as when its leases have ended
    second = start()
    try:
        wait_until(lambda: not WebhookDelivery.objects.filter(status="waiting").exists())
        second.terminate()
        assert second.wait(20) == 0, "asked to end, it ends what is under way and goes"
    finally:
        if second.poll() is None:
            os.kill(second.pid, signal.SIGKILL)
    heard = Counter(one["data"]["n"] for one in listener.heard)
    assert set(heard) == set(range(120))
    assert WebhookDelivery.objects.filter(status="delivered").count() == 120


def wait_until(true, seconds=60):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came to pass"
        time.sleep(0.02)
