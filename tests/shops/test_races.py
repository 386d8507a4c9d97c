"""Two processes that call shops at once: of one order one effect is called, of one shop no more than its share."""

import time

import pytest
from django.db import connection

from apps.interactions import vault
from apps.interactions.models import Effect, ShopConnection
from apps.interactions.shops import acting
from apps.policies.models import Partner
from tests import factories
from tests.faults.processes import race
from tests.faults.test_races import brand  # noqa: F401
from tests.shops.conftest import in_flight

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(brand):  # noqa: F811
    Partner.objects.filter(pk=brand.pk).update(connector=Partner.Connector.SHOP)
    ShopConnection.objects.create(partner=brand, kind="vendure", url="https://shop.example", secret=vault.seal("x"))
    return Partner.objects.get(pk=brand.pk)


def called():
    return Effect.objects.filter(called_at__isnull=False)


def test_two_processes_call_one_effect_of_an_order(shop):
    order = factories.OrderFactory(customer=factories.CustomerFactory(partner=shop))
    for _ in range(6):
        in_flight(shop, order, "1.00")

    def take(number):
        with connection.cursor() as cursor:  # a look that takes a while, so that the others come in between
            cursor.execute("SELECT pg_sleep(0.05)")
        found = len(acting.take(16))
        time.sleep(0.2)
        return found

    assert sum(race(take, 6)) == 1
    assert called().count() == 1


def test_one_shop_has_no_more_than_its_share(shop):
    for _ in range(acting.AT_ONCE + 3):
        order = factories.OrderFactory(customer=factories.CustomerFactory(partner=shop))
        in_flight(shop, order, "1.00")
    assert len(acting.take(16)) == acting.AT_ONCE
    assert acting.take(16) == []


def test_a_look_that_breaks_loses_no_call_that_is_committed(shop, monkeypatch):
    order = factories.OrderFactory(customer=factories.CustomerFactory(partner=shop))
    in_flight(shop, order, "1.00")

    def breaks(limit):
        raise ValueError("no")

    monkeypatch.setattr(acting, "_to_ask", breaks)
    assert len(acting.take(16)) == 1
