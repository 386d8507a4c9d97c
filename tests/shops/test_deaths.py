"""The process that calls shops is killed between the call and its answer: what happened there happened once."""

import signal
import subprocess
import sys
import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.utils import timezone

from apps.interactions.models import DecisionRecord, Effect, Order
from apps.interactions.shops import acting
from tests.faults.processes import environment_of_test_database
from tests.shops.conftest import in_flight

pytestmark = pytest.mark.django_db(transaction=True)
PROJECT = Path(__file__).parents[2]


def start():
    """The real process, with the demo's settings, in which a shop may be on this machine."""
    return subprocess.Popen(
        [sys.executable, "manage.py", "runconnections"], cwd=PROJECT, env=environment_of_test_database(), start_new_session=True
    )  # fmt: skip


def wait_for(is_so, seconds=40):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it does not come about"
        time.sleep(0.1)


def end(process):
    process.send_signal(signal.SIGTERM)
    process.wait(40)


def test_killed_between_call_and_answer_the_refund_is_found_and_never_repeated(
    connected, vendure, bought, read_now, partner
):
    read_now()
    vendure.delay_refunds(4000)
    effect = in_flight(partner, Order.objects.get(number=bought), "10.00")

    def moved():
        return [one for one in vendure.money_refunded() if one["order"] == bought]

    process = start()
    wait_for(moved)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    left = Effect.objects.get(pk=effect.pk)
    assert (left.state, left.called_at is not None) == ("in_flight", True), "it died with the answer on its way"
    assert acting.take(10) == [], "and nobody calls again"
    Effect.objects.filter(pk=effect.pk).update(deadline_at=timezone.now())
    process = start()
    try:
        wait_for(lambda: Effect.objects.get(pk=effect.pk).state == "done")
    finally:
        end(process)
    assert len(moved()) == 1
    assert [one["total"] for one in vendure.refunds(bought)] == [1000]
    order = Order.objects.get(number=bought)
    assert order.refunds_reserved == Decimal("10.00")


def test_killed_before_the_call_it_is_called_by_the_next(connected, vendure, bought, read_now, partner):
    read_now()
    effect = in_flight(partner, Order.objects.get(number=bought), "10.00")
    process = start()
    try:
        wait_for(lambda: DecisionRecord.objects.get(effects=effect).effects.get(action="refund").state == "done")
    finally:
        end(process)
    assert [one["total"] for one in vendure.refunds(bought)] == [1000]


def test_the_shop_is_killed_in_the_middle_and_a_person_sorts_it_out(
    connected, vendure, bought, read_now, partner, until, monkeypatch
):
    """The money has moved and the shop has forgotten: no look-up finds it, and nothing pays it twice."""
    read_now()
    monkeypatch.setattr(acting, "ASKED_AGAIN", (timedelta(0), timedelta(seconds=1)))
    vendure.delay_refunds(30_000)
    effect = in_flight(partner, Order.objects.get(number=bought), "10.00")
    process = start()
    try:
        wait_for(lambda: [one for one in vendure.money_refunded() if one["order"] == bought])
        vendure.kill()
        wait_for(lambda: Effect.objects.get(pk=effect.pk).state == "unknown")
    finally:
        process.kill()
        process.wait(10)
        vendure.refunds_behave()
        vendure.start()
    until(lambda: DecisionRecord.objects.get(effects=effect).state == "failed")
    assert Effect.objects.get(pk=effect.pk).state == "unknown"
    assert len([one for one in vendure.money_refunded() if one["order"] == bought]) == 1
