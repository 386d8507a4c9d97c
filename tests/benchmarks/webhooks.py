"""Webhooks: 50 endpoints of which 10 are dead and 10 slow, while events come in; then as many as go out in a second."""

import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from django.utils import timezone

from apps.interactions.demo import demo_partner
from apps.interactions.models import OutboxEvent, WebhookDelivery
from apps.interactions.webhooks import endpoints
from apps.policies import audit
from tests.benchmarks.row import at_least, at_most

PROJECT = Path(__file__).resolve().parents[2]
HEALTHY, SLOW, DEAD = 30, 10, 10
STEADY_SECONDS, EVENTS_A_SECOND = 60, 40
BACKLOG = 6000
BENCH = audit.system("benchmark")


def rows(environment: dict[str, str]) -> list[dict[str, Any]]:
    ports = _free_ports(HEALTHY + SLOW + DEAD)
    groups = ports[:HEALTHY], ports[HEALTHY : HEALTHY + SLOW], ports[HEALTHY + SLOW :]
    log = PROJECT / ".local" / "webhook-bench.log"
    with log.open("w") as out:
        servers = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.partner_servers", *(",".join(map(str, group)) for group in groups)],
            cwd=PROJECT, stdout=out,
        )  # fmt: skip
    partners = []
    for number, port in enumerate(ports):
        partner = demo_partner(f"hook-{number}", f"Hook {number}")
        endpoints.register(partner, {"url": f"http://127.0.0.1:{port}/"}, actor=BENCH)
        partners.append(partner)
    sender = _sender(environment)
    try:
        waits = _steady(partners, groups[0], log)
        sent, lost = _killed(partners, groups[0], log, sender, environment)
    finally:
        for process in (sender, servers):
            process.kill()
            process.wait()
    rate, left = _rate(partners[:HEALTHY], environment, groups, log)
    p95 = statistics.quantiles(waits, n=20)[-1]
    return [
        at_most("webhooks, 10 dead and 10 slow of 50: healthy ones hear, p95", p95, "s", 2, digits=2),
        at_most(f"webhooks, sender killed on the way: lost of {sent}", lost, "events", 0),
        at_least("webhooks: deliveries", rate, "/s", 300),
        at_most("webhooks, backlog: not delivered", left, "events", 0),
    ]


def _sender(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "manage.py", "sendwebhooks"], cwd=PROJECT, env=environment)


def _steady(partners: list[Any], healthy: list[int], log: Path) -> list[float]:
    """Events of all brands, evenly over a minute; the seconds from the event to the server, of the healthy ones."""
    made: dict[str, float] = {}
    began = time.monotonic()
    for number in range(STEADY_SECONDS * EVENTS_A_SECOND):
        event = OutboxEvent.objects.create(
            partner=partners[number % len(partners)], kind="reply.created", subject=f"s {number}", payload={"n": number}
        )
        if number % len(partners) < HEALTHY:
            made[str(event.event_id)] = time.time()
        time.sleep(max(0.0, began + (number + 1) / EVENTS_A_SECOND - time.monotonic()))
    _until(lambda: set(made) <= set(_heard(log, healthy)), 30)
    heard = _heard(log, healthy)
    return [heard[name] - at for name, at in made.items()]


def _killed(
    partners: list[Any], healthy: list[int], log: Path, sender: subprocess.Popen[bytes], environment: dict[str, str]
) -> tuple[int, int]:
    """The sender is killed while it sends; how many events, and how many of them nobody heard of in the end."""
    events = OutboxEvent.objects.bulk_create(
        [
            OutboxEvent(partner=partners[n % HEALTHY], kind="reply.created", subject=f"k {n}", payload={})
            for n in range(2000)
        ]
    )
    names = {str(event.event_id) for event in events}
    _until(lambda: len(names & set(_heard(log, healthy))) > 200, 30)
    sender.send_signal(signal.SIGKILL)
    sender.wait()
    other = _sender(environment)
    try:
        _until(lambda: names <= set(_heard(log, healthy)), 90)
    except TimeoutError:
        pass
    finally:
        other.terminate()
        other.wait(40)
    return len(names), len(names - set(_heard(log, healthy)))


def _rate(partners: list[Any], environment: dict[str, str], groups: Any, log: Path) -> tuple[float, int]:
    """A backlog of events for healthy endpoints alone: from the first delivery to the last."""
    WebhookDelivery.objects.filter(status="waiting").delete()
    servers = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.partner_servers", ",".join(map(str, groups[0])), "", ""],
        cwd=PROJECT, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    OutboxEvent.objects.bulk_create(
        [
            OutboxEvent(partner=partners[n % len(partners)], kind="reply.created", subject=f"r {n}", payload={})
            for n in range(BACKLOG)
        ]
    )
    waiting, began = WebhookDelivery.objects.filter(event__subject__startswith="r "), timezone.now()
    sender = _sender(environment)
    try:
        _until(lambda: waiting.filter(status="delivered").count() == BACKLOG, 120)
    except TimeoutError:
        pass
    finally:
        sender.terminate()
        sender.wait(40)
        servers.kill()
        servers.wait()
    ended = sorted(waiting.filter(status="delivered", ended_at__gte=began).values_list("ended_at", flat=True))
    return len(ended) / (ended[-1] - ended[0]).total_seconds(), BACKLOG - len(ended)


def _heard(log: Path, ports: list[int]) -> dict[str, float]:
    found: dict[str, float] = {}
    known = set(ports)
    for line in log.read_text().splitlines():
        parts = line.split()
        if len(parts) == 3 and int(parts[0]) in known:
            found.setdefault(parts[1], float(parts[2]))
    return found


def _until(true: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.2)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
