"""800 brands of 250 interactions each: what their keys read, and how fast, on one web process."""

import random
import subprocess
import sys
import time
from copy import copy
from pathlib import Path
from typing import Any

import httpx
from django.db import connection
from django.utils import timezone

from apps.interactions.demo import demo_partner
from apps.interactions.models import ApiKey, Customer, Interaction, Order, Scope
from apps.policies.models import Partner, PartnerStage, Terms
from tests import factories
from tests.benchmarks import seeding
from tests.benchmarks.partner_api import until_it_answers
from tests.benchmarks.row import at_most

PROJECT = Path(__file__).resolve().parents[2]
PORT = 8433
BRANDS, EACH = 800, 250
READS = 1500


def many_brands(count: int) -> tuple[list[Partner], dict[int, str]]:
    """Brands like the demo's, by copies of its rows, and a key of each with every scope."""
    model = demo_partner("bench", "Bench")
    made = []
    for number in range(count):
        one = copy(model)
        one.pk, one.slug, one.name = None, f"brand-{number}", f"Brand {number}"
        made.append(one)
    Partner.objects.bulk_create(made)
    terms, stages = model.terms_versions.get(active=True), list(model.stages.all())
    Terms.objects.bulk_create(_copies(terms, partner=made))
    PartnerStage.objects.bulk_create([one for stage in stages for one in _copies(stage, partner=made)])
    rows = []
    for partner in made:
        key = ApiKey(partner=partner, name="bench", scopes=Scope.values, calls_a_minute=10_000_000)
        key.issue()
        rows.append(key)
    ApiKey.objects.bulk_create(rows)
    return made, {key.partner_id: key.issued for key in rows}


def _copies(row: Any, *, partner: list[Partner]) -> list[Any]:
    found = []
    for one in partner:
        made = copy(row)
        made.pk, made.partner = None, one
        found.append(made)
    return found


def customers_of(partners: list[Partner], each: int) -> dict[int, list[tuple[str, str]]]:
    """Customers with an order that is on its way, by brand: their ids with its number."""
    now = timezone.now()
    made = Customer.objects.bulk_create(
        [
            Customer(partner=partner, external_id=f"c-{n}", name=f"Customer {n}", tier="silver", as_of=now)
            for partner in partners for n in range(each)
        ]
    )  # fmt: skip
    model, orders = factories.OrderFactory(customer=made[0]), []
    for n, customer in enumerate(made):
        order = copy(model)
        order.pk, order.number, order.customer, order.partner = None, f"N{n:07}", customer, customer.partner
        orders.append(order)
    Order.objects.bulk_create(orders)
    found: dict[int, list[tuple[str, str]]] = {partner.pk: [] for partner in partners}
    for customer, order in zip(made, orders, strict=True):
        found[customer.partner_id].append((customer.external_id, order.number))
    return found


def _interactions(partners: list[Partner]) -> None:
    """250 of each brand, by copies of a case that went through the pipeline."""
    model = seeding._one_case(demo_partner("bench", "Bench"))
    first = partners[0].pk
    seeding._copy(
        "interactions_interaction", f"m.id = {model.pk}", f"generate_series(0, {BRANDS * EACH - 1})", id="20000000 + n",
        reference="gen_random_uuid()", external_id="'b' || n", partner_id=f"{first} + n % {BRANDS}", customer_id="NULL", order_id="NULL",
        received_at="now() - make_interval(secs => n)", created_at="now() - make_interval(secs => n)",
    )  # fmt: skip
    seeding._copy(
        "interactions_message",
        f"m.interaction_id = {model.pk}",
        f"generate_series(0, {BRANDS * EACH - 1})",
        interaction_id="20000000 + n",
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def rows(environment: dict[str, str]) -> list[dict[str, Any]]:
    partners, opens = many_brands(BRANDS)
    assert [one.pk for one in partners] == list(range(partners[0].pk, partners[0].pk + BRANDS))
    _interactions(partners)
    mine: dict[int, list[str]] = {}
    for partner_id, reference in Interaction.objects.exclude(external_id="model").values_list("partner", "reference"):
        mine.setdefault(partner_id, []).append(str(reference))
    web = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{PORT}", "--workers", "1", "--threads", "4",
         "--log-level", "warning"],
        cwd=PROJECT, env=environment,
    )  # fmt: skip
    try:
        until_it_answers(f"http://127.0.0.1:{PORT}")
        lists, details, across = _read(mine, opens)
    finally:
        web.terminate()
        web.wait()
    return [
        at_most(
            f"{BRANDS} brands of {EACH}: rows seen across tenants, in {READS:,} lists and as many asked by another's id",
            across,
            "rows",
            0,
        ),
        at_most(f"{BRANDS} brands of {EACH}: a list of 50, p95", _p95(lists), "ms", 60, digits=1),
        at_most(f"{BRANDS} brands of {EACH}: one interaction, p95", _p95(details), "ms", 60, digits=1),
    ]


def _read(mine: dict[int, list[str]], opens: dict[int, str]) -> tuple[list[float], list[float], int]:
    chance, across = random.Random(7), 0
    lists, details = [], []
    brands = list(mine)
    with httpx.Client(base_url=f"http://127.0.0.1:{PORT}/api/v1/", trust_env=False, timeout=30) as client:
        for number in range(READS + 50):
            brand = brands[number % len(brands)]
            other = brands[(number + 1 + chance.randrange(len(brands) - 1)) % len(brands)]
            client.headers["Authorization"] = f"Bearer {opens[brand]}"
            began = time.perf_counter()
            found = client.get("interactions/?limit=50").json()["results"]
            listed = time.perf_counter()
            one = client.get(f"interactions/{chance.choice(mine[brand])}/")
            read = time.perf_counter()
            assert (one.status_code, len(found)) == (200, 50)
            across += sum(row["id"] not in mine[brand] for row in found)
            across += client.get(f"interactions/{chance.choice(mine[other])}/").status_code != 404
            if number >= 50:  # the first ones warm it
                lists.append(listed - began)
                details.append(read - listed)
    return lists, details, across


def _p95(seconds: list[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.95)] * 1000
