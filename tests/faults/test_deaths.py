"""Processes that are killed: nothing is lost, nothing is done twice, and the watchdog starts the workers anew."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from apps.interactions import execution, pipeline, submitting, tasks
from apps.interactions.connectors import simulator
from apps.interactions.demo import demo_partner
from apps.interactions.models import Effect, Interaction, SimulatedAction
from tests import factories
from tests.conftest import ACTOR, STATUS
from tests.faults.processes import dies_in, environment_of_test_database
from tests.faults.test_races import committed_refund

pytestmark = pytest.mark.django_db(transaction=True)
PROJECT = Path(__file__).parents[2]


@pytest.fixture
def brand(transactional_db):
    return demo_partner("lumi", "Lumi Skin")


@pytest.fixture
def order(brand):
    return factories.OrderFactory(customer=factories.CustomerFactory(partner=brand))


def send(brand, order, number=1):
    data = {
        "external_id": f"d-{number}", "channel": "chat", "customer": order.customer.external_id, "order": order.number,
        "messages": [{"author": "customer", "text": STATUS, "sent_at": timezone.now().isoformat()}], "sender_verified": True,
    }  # fmt: skip
    return submitting.submit_interaction(brand, data, actor=ACTOR).interaction


def test_a_worker_killed_between_claim_and_record_leaves_the_case_to_the_next(brand, order):
    case = send(brand, order)

    def claim_and_die():
        pipeline.work(pipeline._claim(10))
        os.kill(os.getpid(), signal.SIGKILL)

    dies_in(claim_and_die)
    assert tasks.advance() == 0, "its lease still runs"
    Interaction.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    tasks.advance()
    done = Interaction.objects.get(pk=case.pk)
    assert (done.state, done.messages.filter(author="ai").count()) == ("resolved", 1)


def test_a_case_that_kills_its_worker_every_time_is_stalled_and_shown(brand, order):
    case = send(brand, order)
    for _ in range(pipeline.MOST_ATTEMPTS):

        def claim_and_die():
            pipeline._claim(10)
            os.kill(os.getpid(), signal.SIGKILL)

        dies_in(claim_and_die)
        Interaction.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    tasks.advance()
    stalled = Interaction.objects.get(pk=case.pk)
    assert stalled.state == "stalled"
    assert "Workers ended 4 times" in stalled.stalled_because


def test_a_worker_killed_between_call_and_answer_pays_once(brand, order):
    committed_refund(brand, order, order.total, 1)
    perform = simulator.perform

    def pay_and_die():
        def performed(effect):
            perform(effect)
            os.kill(os.getpid(), signal.SIGKILL)

        simulator.perform = performed
        execution.execute()

    dies_in(pay_and_die)
    refund = Effect.objects.get(action="refund")
    assert refund.state == "in_flight"
    assert SimulatedAction.objects.count() == 1
    tasks.sweep()
    assert Effect.objects.get(pk=refund.pk).state == "in_flight", "before its deadline nobody touches it"
    Effect.objects.filter(pk=refund.pk).update(deadline_at=timezone.now() - timedelta(seconds=1))
    tasks.sweep()
    assert Effect.objects.get(pk=refund.pk).state == "done"
    assert SimulatedAction.objects.count() == 1
    assert Interaction.objects.get().state == "resolved"


def wait_until(true, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.1)
    return False


def children_of(pid):
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False).stdout
    return [int(word) for word in found.split()]


@pytest.fixture
def workers(brand):
    """`manage.py runworkers` on this test's database."""
    environment = environment_of_test_database(REMIT_WORKERS_SILENT_SECONDS="12")
    process = subprocess.Popen(
        [sys.executable, "manage.py", "runworkers"], cwd=PROJECT, env=environment, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    yield process
    process.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(30)
    if process.poll() is None:
        process.kill()
    assert process.returncode == 0, process.stdout.read()


def resolved(case):
    return lambda: Interaction.objects.filter(pk=case.pk, state="resolved").exists()


def test_killed_workers_are_started_anew_and_no_case_is_lost(brand, order, workers):
    first = send(brand, order)
    assert wait_until(resolved(first), 60)
    (cluster,) = children_of(workers.pid)
    victims = [pid for guard in children_of(cluster) for pid in (guard, *children_of(guard))]
    assert victims
    for pid in victims:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    second = send(brand, factories.OrderFactory(customer=order.customer), 2)
    assert wait_until(resolved(second), 90)
    assert second.messages.filter(author="ai").count() == 1


def test_a_frozen_cluster_is_started_anew(brand, order, workers):
    assert wait_until(resolved(send(brand, order)), 60)
    (cluster,) = children_of(workers.pid)
    os.killpg(cluster, signal.SIGSTOP)
    second = send(brand, factories.OrderFactory(customer=order.customer), 2)
    assert wait_until(resolved(second), 90)
    assert children_of(workers.pid) != [cluster]


def test_ctrl_c_leaves_no_process_behind(brand, workers):
    assert wait_until(lambda: children_of(workers.pid) and children_of(children_of(workers.pid)[0]), 60)
    (cluster,) = children_of(workers.pid)
    workers.send_signal(signal.SIGINT)
    assert workers.wait(30) == 0
    left = subprocess.run(
        ["ps", "-o", "pid=", "-s", str(cluster)], capture_output=True, text=True, check=False
    ).stdout.split()
    assert left == []
