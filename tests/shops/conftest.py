"""A real Vendure shop beside the tests, and a brand that is connected with it."""

import time
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from apps.interactions import connections, execution, tasks, vault
from apps.interactions.models import Effect, Interaction, Order, ShopConnection
from apps.interactions.shops import acting, mirroring
from apps.policies.models import Partner
from tests.faults.test_races import committed_refund
from tests.shops.vendure_server.shop import Shop, running

LONGEST_SECONDS = 40


@pytest.fixture(scope="session")
def vendure() -> Iterator[Shop]:
    """The first one on a machine installs its packages, which takes a quarter of a minute and says so."""
    settings = connection.settings_dict
    name = f"{settings['NAME']}_vendure"
    address = {"host": settings["HOST"], "port": settings["PORT"], "user": settings["USER"]}
    with psycopg.connect(dbname="postgres", autocommit=True, **address) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{name}"')
        with running(
            str(address["host"]), str(address["user"]), name, database_port=int(address["port"] or 5432)
        ) as shop:
            yield shop
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
def connected(partner: Partner, vendure: Shop) -> ShopConnection:
    """The demo brand, whose orders and effects are those of the shop; connected by a key that may read and change orders."""
    vendure.refunds_behave()
    Partner.objects.filter(pk=partner.pk).update(connector=Partner.Connector.SHOP)
    partner.refresh_from_db()
    return ShopConnection.objects.create(
        partner=partner, kind=ShopConnection.Kind.VENDURE, url=vendure.admin_url, account=vendure.username,
        secret=vault.seal(vendure.password),
    )  # fmt: skip


@pytest.fixture
def until(connected: ShopConnection) -> Callable[[Callable[[], bool]], None]:
    """Let workers and connections work, as their processes would, until something is so."""

    def run(is_so: Callable[[], bool]) -> None:
        runner, end = (
            connections.Runner([acting.DESK, acting.ASKING, mirroring.DESK]),
            time.monotonic() + LONGEST_SECONDS,
        )
        try:
            while not is_so():
                assert time.monotonic() < end, f"it does not come about: {_how_it_stands()}"
                if not tasks.one_round() + runner.round():
                    time.sleep(0.05)
        finally:
            runner.finish()

    return run


def _how_it_stands() -> str:
    cases = [(case.state, case.ruling.downgrades if case.ruling else "") for case in Interaction.objects.all()]
    effects = list(Effect.objects.values_list("action", "state", "outcome_reason"))
    return f"{cases}, {effects}, {ShopConnection.objects.values_list('error', flat=True)}"


@pytest.fixture
def read_now(connected: ShopConnection, until: Callable[[Callable[[], bool]], None]) -> Callable[[], ShopConnection]:
    """Read the shop into the mirror once more."""

    def read() -> ShopConnection:
        before = ShopConnection.objects.get(pk=connected.pk).read_at
        ShopConnection.objects.filter(pk=connected.pk).update(next_at=timezone.now())
        until(lambda: ShopConnection.objects.get(pk=connected.pk).read_at != before)
        return ShopConnection.objects.get(pk=connected.pk)

    return read


@pytest.fixture
def bought(vendure: Shop) -> str:
    """An order of 42.00, and 5.00 for its way, of somebody new, that was delivered just now."""
    vendure.refunds_behave()
    code = vendure.place_order(f"ada-{uuid.uuid4().hex[:8]}@example.com", "Ada", "Byron", {"PAN-L": 1})
    vendure.ship(code)
    vendure.deliver(code)
    return code


def in_flight(partner: Partner, order: Order, amount: str) -> Effect:
    """A refund that a person decided, reserved and on its way."""
    committed_refund(partner, order, Decimal(amount), Interaction.objects.count() + 1)
    execution.execute()
    return Effect.objects.exclude(action="reply").latest("pk")
