"""The partner API on one web process, whose lock leaves it one core: single calls, batches, and pgbench beside them for the measure."""

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import Any

from django.db import connection
from django.utils import timezone

from apps.interactions.demo import demo_partner
from apps.interactions.loading import load
from apps.interactions.models import Customer, Order, Scope
from tests import factories
from tests.benchmarks.row import at_least, at_most

PROJECT = Path(__file__).resolve().parents[2]
PORT = 8431
SECONDS, CONNECTIONS, CUSTOMERS = 10, 4, 60_000


def rows(environment: dict[str, str]) -> list[dict[str, Any]]:
    partner = demo_partner("bench", "Bench")
    key = factories.ApiKeyFactory(partner=partner, scopes=Scope.values, calls_a_minute=10_000_000).issued
    customers = _customers(partner)
    web = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{PORT}", "--workers", "1",
         "--threads", "8", "--keep-alive", "4", "--log-level", "warning"],
        cwd=PROJECT, env=environment,
    )  # fmt: skip
    address = f"http://127.0.0.1:{PORT}"
    try:
        until_it_answers(address)
        load(address, key, seconds=2, connections=CONNECTIONS, customers=customers)  # warm
        single = load(address, key, seconds=SECONDS, connections=CONNECTIONS, customers=customers[1000:]).as_json()
        batch = load(address, key, seconds=SECONDS, connections=2, batch=500, customers=customers[10_000:]).as_json()
    finally:
        web.terminate()
        web.wait()
    assert set(single["statuses"]) == {"202"}, single
    assert set(batch["statuses"]) == {"207"}, batch
    tps = _pgbench()
    peer = {"peer": "pgbench -N, transactions a second on the same server", "peer_value": tps}
    return [
        at_least("POST one interaction, one web process on one core", single["calls_a_second"], "/s", 150,
                 **peer, ratio=round(single["calls_a_second"] / tps, 3)),
        at_most("POST one interaction, p95", single["p95_ms"], "ms", 40),
        at_least("POST batches of 500", batch["items_a_second"], "/s", 1500, **peer,
                 ratio=round(batch["items_a_second"] / tps, 3)),
    ]  # fmt: skip


def _customers(partner: Any) -> list[tuple[str, str | None]]:
    """Enough of them that nobody writes twice: each call opens a case."""
    now = timezone.now()
    made = Customer.objects.bulk_create(
        [
            Customer(partner=partner, external_id=f"b-{n}", name=f"Customer {n}", tier="silver", as_of=now)
            for n in range(CUSTOMERS)
        ]
    )
    model = factories.OrderFactory(customer=made[0])
    orders = []
    for n, customer in enumerate(made):
        order = copy(model)
        order.pk, order.number, order.customer, order.partner, order.customer_id = (
            None,
            f"B{n:07}",
            customer,
            partner,
            customer.pk,
        )
        orders.append(order)
    Order.objects.bulk_create(orders)
    return [(customer.external_id, order.number) for customer, order in zip(made, orders, strict=True)]


def until_it_answers(address: str) -> None:
    for _ in range(200):
        with suppress(OSError), urllib.request.urlopen(f"{address}/health/", timeout=2):
            return
        time.sleep(0.1)
    raise TimeoutError(address)


def _pgbench() -> float:
    """Simple updates without branches, four clients for five seconds, in the benchmark's own database."""
    settings = connection.settings_dict
    found = shutil.which("pgbench") or next(
        iter(sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin/pgbench")))), None
    )
    assert found, "pgbench comes with PostgreSQL (Debian: postgresql-contrib)"
    base = [found, "-h", str(settings["HOST"]), "-p", str(settings["PORT"]), "-U", str(settings["USER"])]
    environment = {**os.environ, "PGPASSWORD": str(settings.get("PASSWORD") or "")}
    subprocess.run(
        [*base, "-i", "-q", "-s", "5", str(settings["NAME"])], check=True, capture_output=True, env=environment
    )
    ran = subprocess.run(
        [*base, "-N", "-c", "4", "-j", "2", "-T", "5", str(settings["NAME"])], check=True, capture_output=True, text=True,
        env=environment,
    )  # fmt: skip
    return next(float(line.split("=")[1].split()[0]) for line in ran.stdout.splitlines() if line.startswith("tps"))
