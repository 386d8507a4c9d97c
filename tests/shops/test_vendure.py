"""A real Vendure shop: its orders in the mirror, and effects that happen there once, whatever happens to the answer."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.interactions import claiming, execution, vault
from apps.interactions.models import DecisionRecord, Effect, Interaction, Order, OutboxEvent, ShopConnection
from apps.interactions.shops import acting, adapter
from apps.interactions.shops.adapter import Denied, Door, Wanted
from apps.interactions.shops.vendure import Vendure
from apps.policies.words import Action
from tests import factories
from tests.conftest import RETURN, api_client
from tests.deciding import decide, pass_undo_window
from tests.interactions.api.test_interactions import URL
from tests.shops.conftest import in_flight

pytestmark = pytest.mark.django_db(transaction=True)
CANCEL = "Please cancel my order, I want to cancel the whole order."
KEY = "0a1b2c3d-0000-4000-8000-00000000000%d"


@pytest.fixture
def shop(vendure):
    return Vendure(Door(vendure.admin_url, vendure.username, vendure.password))


def wanted(code, number=1, amount="10.00", action=Action.REFUND):
    money = Decimal(amount) if amount else None
    return Wanted(KEY % number, action, code, money, "USD" if amount else "")


class TestMirror:
    def test_an_order_is_as_it_is_in_the_shop(self, connected, bought, read_now):
        assert read_now().error == ""
        order = Order.objects.get(number=bought)
        assert (order.status, order.currency, order.total, order.paid) == (
            "delivered",
            "USD",
            Decimal("47.00"),
            Decimal("47.00"),
        )
        line, way = order.lines.all()
        assert (way.name, way.unit_price) == ("Shipping", Decimal("5.00"))
        assert (line.sku, line.name, line.quantity, line.unit_price) == ("PAN-L", "Pan Large", 1, Decimal("42.00"))
        assert (order.customer.name, order.customer.country) == ("Ada Byron", "US")
        assert order.customer.email.startswith("ada-")
        assert order.tracking_number == "1Z999AA10123456784"
        assert [event.kind for event in order.events.all()] == ["picked_up", "delivered"]
        assert order.delivered_at is not None

    def test_what_changed_is_read_and_what_did_not_is_not(self, connected, vendure, read_now, monkeypatch):
        code = vendure.place_order("bea@example.com", "Bea", "Cole", {"PAN-S": 2})
        read_now()
        assert Order.objects.get(number=code).status == "placed"
        asked = []
        read = Vendure.read
        monkeypatch.setattr(Vendure, "read", lambda self, number: asked.append(number) or read(self, number))
        vendure.ship(code)
        read_now()
        assert asked == [code], "the shop's own time of change does not move; its history does"
        assert Order.objects.get(number=code).status == "shipped"

    def test_carts_are_no_orders(self, shop, vendure):
        assert shop.read("no such order") is None

    def test_a_shop_that_lets_us_in_no_more_is_said_and_asked_more_seldom(self, connected, read_now, until):
        ShopConnection.objects.update(secret=vault.seal("another"), next_at=timezone.now())
        until(lambda: ShopConnection.objects.get().failures == 1)
        row = ShopConnection.objects.get()
        assert "does not let us in" in row.error
        assert row.next_at > timezone.now() + timedelta(seconds=30)

    def test_a_key_of_the_shop_opens_it_too(self, vendure, bought):
        key = vendure.api_key("ReadOrder", "UpdateOrder")
        assert Vendure(Door(vendure.admin_url, "", key)).read(bought).number == bought
        with pytest.raises(Denied):
            Vendure(Door(vendure.admin_url, "", "nobody:nothing")).read(bought)


class TestActing:
    def test_a_refund_is_done_once_however_often_it_is_performed(self, shop, vendure, bought):
        vendure.refunds_behave()
        first, again = (adapter.perform(shop, wanted(bought)) for _ in range(2))
        assert first == again
        assert first.verdict == "done"
        assert [one["total"] for one in vendure.refunds(bought)] == [1000]
        assert adapter.look_up(shop, wanted(bought)) == first

    def test_more_than_the_shop_has_left_is_refused_before_it_is_asked(self, shop, vendure, bought):
        adapter.perform(shop, wanted(bought, amount="40.00"))
        refused = adapter.perform(shop, wanted(bought, 2, "7.01"))
        assert (refused.verdict, "7.00 USD left" in refused.reason) == ("refused", True)
        assert len(vendure.refunds(bought)) == 1

    @pytest.mark.parametrize("amount", ["0.00", "-5.00"])
    def test_the_shop_would_take_a_negative_amount_and_never_sees_one(self, shop, vendure, bought, amount):
        assert adapter.perform(shop, wanted(bought, amount=amount)).verdict == "refused"
        assert vendure.refunds(bought) == []

    def test_a_provider_that_declines_is_a_refusal_and_money_that_waits_is_neither(self, shop, vendure, bought):
        vendure.refunds_behave("fail")
        assert adapter.perform(shop, wanted(bought)).verdict == "refused"
        waiting = vendure.place_order("ada@example.com", "Ada", "Byron", {"PAN-S": 1}, payment="dummy-payment")
        assert adapter.perform(shop, wanted(waiting)) is None
        assert adapter.look_up(shop, wanted(waiting)) is None
        assert adapter.perform(shop, wanted(waiting)) is None
        assert len(vendure.refunds(waiting)) == 1

    def test_a_provider_that_breaks_leaves_it_open(self, shop, vendure, bought):
        vendure.refunds_behave("throw")
        assert adapter.perform(shop, wanted(bought)) is None

    def test_a_label_is_a_note_that_is_found_again(self, shop, vendure, bought):
        label = wanted(bought, amount="", action=Action.RETURN_LABEL)
        first, again = (adapter.perform(shop, label) for _ in range(2))
        assert first == again
        notes = [one for one in vendure.order(bought)["history"]["items"] if one["type"] == "ORDER_NOTE"]
        assert len(notes) == 1
        assert not notes[0]["isPublic"]

    def test_an_order_is_cancelled_before_it_is_sent_and_not_after(self, shop, vendure, bought):
        code = vendure.place_order("ada@example.com", "Ada", "Byron", {"PAN-S": 1})
        cancel = wanted(code, amount="", action=Action.CANCEL_ORDER)
        assert "23.50 USD is paid on this order" in adapter.perform(shop, cancel).reason, "cancelling pays nothing back"
        assert "20.00 USD was to go back" in adapter.perform(shop, replace(cancel, pays_back=Decimal("20.00"))).reason
        cancel = replace(cancel, pays_back=Decimal("23.50"))
        first, again = (adapter.perform(shop, cancel) for _ in range(2))
        assert (first.verdict, again.verdict) == ("done", "done")
        assert vendure.order(code)["state"] == "Cancelled"
        assert adapter.perform(shop, wanted(code, 2, "23.50")).verdict == "done", "the shop refunds what is cancelled"
        assert shop.read(code).order["status"] == "cancelled"
        adapter.perform(shop, wanted(bought, 3, "47.00"))
        late = adapter.perform(shop, wanted(bought, amount="", action=Action.CANCEL_ORDER))
        assert (late.verdict, "on its way" in late.reason) == ("refused", True)

    def test_a_shop_that_is_not_there_was_not_called(self, vendure):
        nobody = Vendure(Door("http://127.0.0.1:1029/admin-api", "u", "p"))
        assert "nothing was done" in adapter.perform(nobody, wanted("X")).reason
        assert adapter.look_up(nobody, wanted("X")) is None


class TestThroughRemit:
    """An order is bought there; its standard return comes in by API; label and refund happen there, once each."""

    def test_label_and_refund_happen_once_there(self, connected, vendure, bought, read_now, until, partner):
        read_now()
        client = api_client(partner)
        order = Order.objects.get(number=bought)
        said = {
            "external_id": "mail-1", "channel": "email", "customer": order.customer.external_id, "order": bought, "sender_verified": True,
            "messages": [{"author": "customer", "text": RETURN, "sent_at": timezone.now().isoformat()}],
        }  # fmt: skip
        assert client.post(URL, said, format="json").status_code == 202
        until(lambda: Interaction.objects.get().state == "resolved")
        label = Effect.objects.get(action="return_label")
        assert (label.state, label.connector_reference) == ("done", f"note on {bought}")
        scan = {"at": timezone.now().isoformat(), "kind": "return_received"}
        assert client.post(f"/api/v1/orders/{bought}/events/", scan, format="json").status_code == 202
        until(lambda: Effect.objects.filter(action="refund", state="done").exists())
        refund = Effect.objects.get(action="refund")
        assert [one["reason"] for one in vendure.refunds(bought)] == [f"remit:{refund.key}"]
        assert [one["amount"] for one in vendure.money_refunded() if one["order"] == bought] == [
            int(refund.amount * 100)
        ]
        read_now()
        order.refresh_from_db()
        assert not order.over_refunded, "the shop's word of our own refund is not another one"
        assert not OutboxEvent.objects.filter(kind="action.requested").exists(), "nobody else is asked to do it"
        assert OutboxEvent.objects.filter(kind="action.executed").count() == 2

    def test_an_order_is_cancelled_and_paid_back_and_the_customer_told(
        self, connected, vendure, read_now, until, partner, monkeypatch
    ):
        vendure.refunds_behave()
        code = vendure.place_order("cleo@example.com", "Cleo", "Dahl", {"PAN-S": 1})
        read_now()
        order = Order.objects.get(number=code)
        lines = [(line.sku, line.paid) for line in order.lines.order_by("sku")]
        said = {
            "external_id": "mail-2", "channel": "email", "customer": order.customer.external_id, "order": code, "sender_verified": True,
            "messages": [{"author": "customer", "text": CANCEL, "sent_at": timezone.now().isoformat()}],
        }  # fmt: skip
        assert api_client(partner).post(URL, said, format="json").status_code == 202
        until(lambda: Interaction.objects.get().state == "awaiting_decision")
        user = factories.supervisor()
        decide((user, claiming.claim(user, Interaction.objects.get().escalations.get().pk)), option=0)
        pass_undo_window()
        until(lambda: Interaction.objects.get().state == "resolved")
        case = Interaction.objects.get()
        done = list(Effect.objects.order_by("position").values_list("action", "state", "amount"))
        assert done == [("cancel_order", "done", None), ("refund", "done", Decimal("23.50")), ("reply", "done", None)]
        assert "will not be sent. We have refunded 23.50 USD." in case.messages.filter(holding=False).last().text
        assert vendure.order(code)["state"] == "Cancelled"
        assert [one["amount"] for one in vendure.money_refunded() if one["order"] == code] == [2350]
        read_now()
        order = Order.objects.get(number=code)
        assert (order.status, order.refundable.amount, order.over_refunded) == ("cancelled", Decimal(0), False)
        assert [(line.sku, line.paid) for line in order.lines.order_by("sku")] == lines, "what it was paid for stays"

    def test_two_refunds_on_one_order_are_called_one_after_the_other(
        self, connected, vendure, bought, read_now, until, partner
    ):
        read_now()
        vendure.delay_refunds(500)
        order = Order.objects.get(number=bought)
        effects = [in_flight(partner, order, "10.00") for _ in range(2)]
        assert len(acting.take(10)) == 1
        assert acting.take(10) == []
        Effect.objects.update(called_at=None)
        until(lambda: Effect.objects.filter(state="done").count() == 2)
        first, second = Effect.objects.filter(pk__in=[one.pk for one in effects]).order_by("called_at")
        assert second.called_at >= first.settled_at

    def test_an_answer_that_never_came_is_found_by_its_key(
        self, connected, vendure, bought, read_now, until, partner, monkeypatch
    ):
        read_now()
        vendure.delay_refunds(2500)
        monkeypatch.setattr("apps.interactions.shops.calling.LONGEST_SECONDS", 1.0)
        effect = in_flight(partner, Order.objects.get(number=bought), "10.00")
        until(lambda: Effect.objects.get(pk=effect.pk).state == "unknown")
        assert len(vendure.money_refunded()) >= 1
        until(lambda: Effect.objects.get(pk=effect.pk).state == "done")
        assert len([one for one in vendure.money_refunded() if one["order"] == bought]) == 1

    def test_what_is_never_found_goes_to_a_person_and_is_never_repeated(
        self, connected, vendure, bought, read_now, until, partner, monkeypatch
    ):
        read_now()
        monkeypatch.setattr(acting, "ASKED_AGAIN", (timedelta(0), timedelta(0)))
        vendure.refunds_behave("throw")
        effect = in_flight(partner, Order.objects.get(number=bought), "10.00")
        until(lambda: DecisionRecord.objects.get().state == "failed")
        vendure.refunds_behave()
        left = Effect.objects.get(pk=effect.pk)
        assert (left.state, left.look_ups) == ("unknown", 2)
        assert vendure.refunds(bought) == []

    def test_without_the_process_nothing_is_done_and_a_person_is_told(self, connected, bought, read_now, partner):
        read_now()
        effect = in_flight(partner, Order.objects.get(number=bought), "10.00")
        Effect.objects.update(deadline_at=timezone.now() - timedelta(seconds=1))
        execution.look_up_overdue()
        refused = Effect.objects.get(pk=effect.pk)
        assert (refused.state, "not called" in refused.outcome_reason) == ("refused", True)
        assert acting.take(10) == []
