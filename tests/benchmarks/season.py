"""The sale night of all 800 brands at once: 47 messages a second for ten minutes, of which 312 of 847 are judgement calls, by
single calls of the API, with the real cluster, while somebody works in Reach. Web, workers, database and what measures them
share this machine's cores.
"""

import http.client
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from django.db.models import Max, Min, Q

from apps.interactions.models import Interaction, Order
from tests import factories
from tests.benchmarks.brands import BRANDS, customers_of, many_brands
from tests.benchmarks.partner_api import until_it_answers
from tests.benchmarks.row import at_most

PROJECT = Path(__file__).resolve().parents[2]
PORT = 8435
A_SECOND, SECONDS = 47, int(os.environ.get("REMIT_SEASON_SECONDS", "600"))
LINES = 24  # connections that send
SETTLED_WITHIN = 300  # seconds after the last call
STATUS = "Where is my order? I would like to know when it will be delivered."
LATE = "I want to return this and get a refund, please send me a return label."


def rows(environment: dict[str, str]) -> list[dict[str, Any]]:
    partners, opens = many_brands(BRANDS)
    each = A_SECOND * SECONDS // BRANDS + 2
    customers = customers_of(partners, each)
    chance = random.Random(847)
    late = {n for n in range(A_SECOND * SECONDS) if chance.random() < 312 / 847}
    people = list(itertools.islice(_in_turn(customers), A_SECOND * SECONDS))
    numbers = [people[n][2] for n in sorted(late)]
    long_ago = datetime.now(UTC) - timedelta(days=47)
    Order.objects.filter(number__in=numbers).update(status="delivered", delivered_at=long_ago)
    user = factories.senior(remit={"amount_per_day": 100_000_000})
    web, workers = _start(environment)
    try:
        until_it_answers(f"http://127.0.0.1:{PORT}")
        time.sleep(8)  # the workers have read their model
        stop = threading.Event()
        reach: list[float] = []
        beside = threading.Thread(target=_work_in_reach, args=(user.username, stop, reach))
        beside.start()
        statuses = _send(people, late, opens)
        sent = sum(statuses.values())
        _until_settled()
        stop.set()
        beside.join()
    finally:
        for process in (web, workers):
            process.send_signal(signal.SIGTERM)
        for process in (web, workers):
            process.wait(60)
    return _told(sent, statuses, reach)


def _in_turn(customers: dict[int, list[tuple[str, str]]]) -> Any:
    """(brand, customer, order), a brand after the other."""
    for place in itertools.count():
        for brand, theirs in customers.items():
            yield (brand, *theirs[place])


def _start(environment: dict[str, str]) -> tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]:
    collect = [sys.executable, "manage.py", "collectstatic", "--noinput", "-v0"]
    subprocess.run(collect, cwd=PROJECT, env=environment, check=True)
    web = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{PORT}", "--workers", "2", "--threads", "12",
         "--keep-alive", "4", "--log-level", "warning"],
        cwd=PROJECT, env=environment,
    )  # fmt: skip
    return web, subprocess.Popen([sys.executable, "manage.py", "runworkers"], cwd=PROJECT, env=environment)


def _send(people: list[Any], late: set[int], opens: dict[int, str]) -> Counter[int]:
    """Evenly, whether or not the answers come: each call has its own moment."""
    statuses: Counter[int] = Counter()
    lock, places, began = threading.Lock(), iter(range(len(people))), time.perf_counter()

    def work() -> None:
        line = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
        while True:
            with lock:
                place = next(places, None)
            if place is None:
                return line.close()
            time.sleep(max(0.0, began + place / A_SECOND - time.perf_counter()))
            status = _call(line, people[place], place in late, opens)
            with lock:
                statuses[status] += 1

    threads = [threading.Thread(target=work) for _ in range(LINES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def _call(line: http.client.HTTPConnection, who: tuple[int, str, str], is_late: bool, opens: dict[int, str]) -> int:
    brand, customer, order = who
    said = {"author": "customer", "text": LATE if is_late else STATUS, "sent_at": datetime.now(UTC).isoformat()}
    body = {
        "external_id": f"night-{uuid.uuid4()}", "channel": "chat", "customer": customer, "order": order, "sender_verified": True,
        "messages": [said],
    }  # fmt: skip
    headers = {"Authorization": f"Bearer {opens[brand]}", "Content-Type": "application/json"}
    try:
        line.request("POST", "/api/v1/interactions/", json.dumps(body), headers)
        answer = line.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        line.close()
        return 0


def _work_in_reach(username: str, stop: threading.Event, took: list[float]) -> None:
    """Reads the queue, takes the next case, reads the brief; one request every second."""
    with httpx.Client(
        base_url=f"http://127.0.0.1:{PORT}", trust_env=False, timeout=60, follow_redirects=True
    ) as client:
        client.get("/sign-in/")
        client.post(
            "/sign-in/",
            data={"username": username, "password": "secret", "csrfmiddlewaretoken": client.cookies["csrftoken"]},
        )
        acts = itertools.cycle(
            [lambda: client.get("/reach/list/", headers={"HX-Request": "true"}),
             lambda: client.post("/reach/next/", headers={"HX-Request": "true", "X-CSRFToken": client.cookies["csrftoken"]}),
             lambda: client.get("/reach/")]
        )  # fmt: skip
        while not stop.wait(1.0):
            began = time.perf_counter()
            answer = next(acts)()
            took.append(time.perf_counter() - began)
            assert answer.status_code in (200, 204), answer


def _until_settled() -> None:
    deadline = time.monotonic() + SETTLED_WITHIN
    open_ones = Q(state__in=["received", "classified", "resolving"])
    while time.monotonic() < deadline and Interaction.objects.filter(open_ones).exists():
        time.sleep(1)


def _told(sent: int, statuses: Counter[int], reach: list[float]) -> list[dict[str, Any]]:
    cases = Interaction.objects.filter(external_id__startswith="night-")
    states = Counter(cases.values_list("state", flat=True))
    answered = cases.filter(case_type="order_status", handler="autonomous").annotate(
        at=Min("messages__created_at", filter=Q(messages__author="ai"))
    )
    by_minute: defaultdict[datetime, list[float]] = defaultdict(list)
    for created, at in answered.values_list("created_at", "at"):
        by_minute[created.replace(second=0, microsecond=0)].append((at - created).total_seconds() if at else 9_999.0)
    waits = sorted(wait for minute in by_minute.values() for wait in minute)
    worst = max(_p95(minute) for minute in by_minute.values())
    lost = sent - cases.count() + states["received"] + states["classified"] + states["resolving"] + states["stalled"]
    print(
        f"  sent {sent:,}: {dict(statuses)}; states {dict(states)}; replies p95 {_p95(waits):.2f} s, last {cases.aggregate(m=Max('created_at'))['m']}"
    )
    name = f"Sale night of {BRANDS} brands, {A_SECOND} a second for {SECONDS} s"
    return [
        at_most(f"{name}: order status answered, p95 of the worst minute", worst, "s", 3, digits=2),
        at_most(f"{name}: lost of {sent:,}", lost, "cases", 0),
        at_most(f"{name}: calls refused or failed", sent - statuses[202], "calls", 0),
        at_most(f"{name}: Reach meanwhile, p95 of {len(reach)} requests", 1000 * _p95(reach), "ms", 200, digits=0),
    ]


def _p95(seconds: list[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.95)]
