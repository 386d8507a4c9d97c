"""Cases that name whom the shop tells of at this very moment, in real processes: none is missed, none waits for ever."""

import time

import pytest
from django.db import transaction
from django.utils import timezone

from apps.interactions import submitting
from apps.interactions.demo import demo_partner
from apps.interactions.models import Interaction
from tests import factories
from tests.conftest import ACTOR, STATUS
from tests.faults.processes import race

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def brand(transactional_db):
    return demo_partner("lumi", "Lumi Skin")


@pytest.mark.parametrize("kind", ["customer", "order"])
def test_a_case_that_comes_while_the_shop_first_tells_of_whom_it_names(brand, kind):
    customer = factories.CustomerFactory(partner=brand)
    now = timezone.now().isoformat()
    said = {"author": "customer", "text": STATUS, "sent_at": now}
    along = {"customer": {"external_id": "c-new"}, "order": {"number": "W2001"}}[kind]

    def tell(number):
        if number == 0:
            with transaction.atomic():
                if kind == "customer":
                    submitting.submit_customer(brand, "c-new", {"name": "Mira"}, actor=ACTOR)
                else:
                    order = {"customer": customer.external_id, "status": "placed", "currency": "USD", "total": "1.00",
                             "placed_at": now, "lines": []}  # fmt: skip
                    submitting.submit_order(brand, "W2001", order, actor=ACTOR)
                time.sleep(1)
        else:
            time.sleep(0.3)
            data = {"external_id": "t-1", "channel": "chat", "messages": [said], "sender_verified": True, kind: along}
            submitting.submit_interaction(brand, data, actor=ACTOR)

    race(tell, 2)
    assert getattr(Interaction.objects.get(), f"{kind}_id") is not None


def test_batches_that_name_the_same_in_another_order_do_not_wait_for_each_other_for_ever(brand):
    said = {"author": "customer", "text": STATUS, "sent_at": timezone.now().isoformat()}

    def send(number):
        for turn in range(10):
            items = [
                {"external_id": f"{number}-{turn}-{place}", "channel": "chat", "messages": [said], "order": {"number": f"W{place}"}}
                for place in range(8)
            ]  # fmt: skip
            taken = submitting.submit_interactions(brand, items[:: 1 if number % 2 else -1], actor=ACTOR)
            assert all(one.created for one in taken)

    race(send, 4)
    assert Interaction.objects.count() == 4 * 10 * 8
