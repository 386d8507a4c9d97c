"""Two processes that call shops at once: of one order one effect is called, of one shop no more than its share."""

import time
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from apps.interactions import vault
from apps.interactions.demo import demo_partner
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


@pytest.fixture
def other(shop):
    """Another brand with a shop of the same kind, and one effect that came last."""
    second = demo_partner("other", "Other")
    Partner.objects.filter(pk=second.pk).update(connector=Partner.Connector.SHOP)
    ShopConnection.objects.create(partner=second, kind="vendure", url="https://other.example", secret=vault.seal("x"))
    for _ in range(30):
        in_flight(shop, factories.OrderFactory(customer=factories.CustomerFactory(partner=shop)), "1.00")
    order = factories.OrderFactory(customer=factories.CustomerFactory(partner=second))
    return in_flight(Partner.objects.get(pk=second.pk), order, "1.00")


def test_a_backlog_of_one_brand_holds_up_no_other(shop, other):
    assert len(acting.take(3)) == 3
    assert Effect.objects.get(pk=other.pk).called_at is not None
    assert len(acting.take(16)) == acting.AT_ONCE - 2, "what is left of the first brand's share"


def test_nor_do_its_look_ups(shop, other):
    Effect.objects.update(called_at=timezone.now(), deadline_at=timezone.now())
    Effect.objects.filter(pk=other.pk).update(deadline_at=timezone.now())
    asked = acting.ask(16)
    assert len(asked) == acting.AT_ONCE + 1
    assert acting.ask(16, Counter(task.of for task in asked)) == [], "each has its share under way"
    assert len(acting.ask(16)) == acting.AT_ONCE


@pytest.mark.parametrize(("minutes", "calls"), [(14, 0), (16, 1)])
def test_a_call_whose_answer_got_lost_bars_its_order_while_it_may_go_on(shop, minutes, calls):
    order = factories.OrderFactory(customer=factories.CustomerFactory(partner=shop))
    lost = in_flight(shop, order, "1.00")
    Effect.objects.filter(pk=lost.pk).update(called_at=timezone.now())
    acting.finish(lost.pk, TimeoutError())
    assert Effect.objects.get(pk=lost.pk).state == "unknown"
    Effect.objects.filter(pk=lost.pk).update(called_at=timezone.now() - timedelta(minutes=minutes))
    in_flight(shop, order, "1.00")
    assert len(acting.take(16)) == calls
