"""The pipeline with the real cluster: how soon an order status is answered, and how many cases are settled a second."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db.models import Max
from django.utils import timezone

from apps.interactions import settlement, submitting, tasks
from apps.interactions.classification import training
from apps.interactions.demo import demo_partner
from apps.interactions.models import Escalation, Interaction, Order
from apps.interactions.waking import wake_workers
from apps.policies import audit, pauses
from apps.policies.models import AuditEntry, Partner, Ruling
from tests import factories
from tests.benchmarks.row import at_least, at_most

PROJECT = Path(__file__).resolve().parents[2]
SAMPLES, PUBLIC, CASES, UNDER_PAUSE = 60, 40, 3000, 800
_ACTOR = audit.system("benchmark")
_COMPLAINT = "The worst shop ever, I want to lodge a complaint about your service. Stay away!"
_QUESTION = "Where is my order? I would like to know when it will be delivered."


@contextmanager
def cluster(environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "runworkers"], cwd=PROJECT, env=environment, start_new_session=True
    )
    try:
        while not tasks.workers_are_alive():
            time.sleep(0.1)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _send(partner: Partner, order: Order, number: str, text: str, *, wake: bool = True, **more: object) -> Interaction:
    data = {
        "external_id": number, "channel": "chat", "customer": order.customer.external_id, "order": order.number,
        "messages": [{"author": "customer", "text": text, "sent_at": timezone.now().isoformat()}], "sender_verified": True,
        **more,
    }  # fmt: skip
    return submitting.submit_interaction(partner, data, actor=_ACTOR, wake=wake).interaction


def rows(environment: dict[str, str]) -> list[dict[str, Any]]:
    partner = demo_partner("bench", "Bench")
    orders = _orders(partner, SAMPLES + 10 + PUBLIC + CASES + UNDER_PAUSE)
    texts = [text for text in training.corpus()[0] if len(text) > 20]
    for number in range(CASES):  # waiting before the workers come, as after an outage
        _send(partner, orders.pop(), f"s{number}", texts[number % len(texts)], wake=False)
    audited = AuditEntry.objects.count()
    with cluster(environment):
        wake_workers()
        started = time.monotonic()
        while settlement.work_left():
            time.sleep(0.05)
        seconds = time.monotonic() - started
        done = Interaction.objects.filter(
            external_id__startswith="s", state__in=["resolved", "awaiting_decision", "awaiting_customer"]
        )
        assert done.count() == CASES
        rows_a_case = (AuditEntry.objects.count() - audited) / CASES
        latencies = _latencies(partner, orders)
        flagged = _flagging(partner, orders)
        until_paused = _pause_under_load(partner, orders)
    share = Interaction.objects.filter(external_id__startswith="s", handler="autonomous").count() / CASES
    return [
        at_least(
            f"settled cases, two workers ({rows_a_case:.1f} audit rows a case, {share:.0%} alone)",
            CASES / seconds,
            "a second",
            60,
        ),
        at_most(
            "order status from intake to reply, p95, cluster idle",
            latencies[int(len(latencies) * 0.95)],
            "s",
            1,
            digits=3,
        ),
        at_most(
            f"public complaint from intake to the senior queue, the slowest of {PUBLIC}", max(flagged), "s", 1, digits=3
        ),
        at_most("pause under load, until no process lets the AI act any more", until_paused, "s", 1, digits=3),
    ]


def _pause_under_load(partner: Partner, orders: list[Order]) -> float:
    """Seconds from the pause to the last ruling that still let the AI act, while hundreds of cases come in."""
    manager = factories.ops_manager()
    for number in range(UNDER_PAUSE):
        _send(partner, orders.pop(), f"p{number}", _QUESTION, wake=number % 20 == 0)
        if number == UNDER_PAUSE // 2:
            pause = pauses.pause(manager, "measured")
    while settlement.work_left():
        time.sleep(0.05)
    handled = Interaction.objects.filter(external_id__startswith="p")
    assert handled.filter(handler="autonomous").count() > UNDER_PAUSE // 10
    assert handled.filter(handler="human").count() > UNDER_PAUSE // 3
    alone = Ruling.objects.filter(partner=partner, handler="autonomous", at__gt=pause.paused_at)
    last = alone.aggregate(last=Max("at"))["last"]
    return max(0.0, (last - pause.paused_at).total_seconds()) if last else 0.0


def _latencies(partner: Partner, orders: list[Order]) -> list[float]:
    found = []
    for number in range(SAMPLES + 10):
        started = time.monotonic()
        case = _send(partner, orders.pop(), f"q{number}", _QUESTION)
        while not case.messages.filter(author="ai").exists():
            time.sleep(0.005)
            assert time.monotonic() - started < 30
        if number >= 10:  # the first ones warm caches up
            found.append(time.monotonic() - started)
    return sorted(found)


def _flagging(partner: Partner, orders: list[Order]) -> list[float]:
    """Seconds from the intake of a public complaint until it waits for a senior, flagged."""
    found = []
    for number in range(PUBLIC):
        started = time.monotonic()
        case = _send(partner, orders.pop(), f"c{number}", _COMPLAINT, public=True, audience=5000, channel="social")
        while not Escalation.objects.filter(interaction=case, flagged=True, seniority="senior").exists():
            time.sleep(0.005)
            assert time.monotonic() - started < 30
        found.append(time.monotonic() - started)
    return found


def _orders(partner: Partner, number: int) -> list[Order]:
    return [factories.OrderFactory(customer=factories.CustomerFactory(partner=partner)) for _ in range(number)]
