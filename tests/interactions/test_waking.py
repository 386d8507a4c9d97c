"""Waking: a task when something was committed, and one that waits is enough."""

import pytest
from django.db import transaction
from django.db.utils import ProgrammingError
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ
from django_q.tasks import async_task

from apps.interactions import tenancy, waking, watchdog
from apps.interactions.waking import wake_workers
from tests.conftest import STATUS

pytestmark = pytest.mark.django_db


@pytest.fixture
def committed(django_capture_on_commit_callbacks):
    return lambda: django_capture_on_commit_callbacks(execute=True)


def test_a_message_wakes_a_worker(arrive, committed):
    with committed():
        arrive(STATUS, work=False)
    assert OrmQ.objects.count() == 1


def test_one_that_waits_is_enough(committed):
    for _ in range(2):
        with committed():
            wake_workers()
    assert OrmQ.objects.count() == 1


def test_one_that_a_worker_took_is_not(committed):
    with committed():
        wake_workers()
    assert len(get_broker().dequeue()) == 1
    with committed():
        wake_workers()
    assert len(get_broker().dequeue()) == 1
    assert OrmQ.objects.count() == 2


def test_other_tasks_that_wait_wake_nobody(committed):
    async_task("apps.learning.replays.attach", 1)
    OrmQ.objects.create(key="remit", payload="of another key", lock=timezone.now())
    with committed():
        watchdog.look_after()
        wake_workers()
    assert [row.payload == "of another key" or row.func() for row in OrmQ.objects.order_by("id")] == [
        "apps.learning.replays.attach", True, "apps.interactions.tasks.beat", "apps.interactions.tasks.advance",
    ]  # fmt: skip


def test_what_was_rolled_back_wakes_nobody(committed):
    def ends_badly():
        with transaction.atomic():
            wake_workers()
            raise ValueError

    with committed(), pytest.raises(ValueError):
        ends_badly()
    assert not OrmQ.objects.exists()


def test_a_broker_that_fails_loses_nothing(arrive, committed, monkeypatch):
    monkeypatch.setattr(waking, "async_task", lambda name: 1 / 0)
    with committed():
        case = arrive(STATUS, work=False)
    assert (case.state, OrmQ.objects.count()) == ("received", 0)


def test_a_partner_writes_no_tasks(partner):
    with pytest.raises(ProgrammingError, match="permission denied"), tenancy.tenant(partner.pk):
        OrmQ.objects.create(key="remit", payload="anything")
