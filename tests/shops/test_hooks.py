"""Webhooks of shops: signed, once, and no more than a sign that something changed."""

import base64
import hashlib
import hmac
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apps.interactions import forgetting, vault
from apps.interactions.models import ShopConnection, ShopHook
from apps.policies.models import Partner

BODY = b'{"id": 1, "name": "#1001"}'


@pytest.fixture
def connection(partner):
    Partner.objects.filter(pk=partner.pk).update(connector="shop")
    later = timezone.now() + timedelta(hours=1)
    return ShopConnection.objects.create(
        partner=partner, kind="shopify", url="https://nord.myshopify.com", hook_secret=vault.seal("hush"), next_at=later
    )  # fmt: skip


def signed(body=BODY, secret="hush"):
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def send(connection, body=BODY, signature=None, name="w-1", **headers):
    given = {
        "X-Shopify-Hmac-Sha256": signature or signed(body),
        "X-Shopify-Webhook-Id": name,
        "X-Shopify-Topic": "orders/updated",
        **headers,
    }
    return Client().post(f"/hooks/shops/{connection.reference}/", body, content_type="application/json", headers=given)


def is_due(connection):
    return ShopConnection.objects.get(pk=connection.pk).next_at <= timezone.now()


def test_a_signed_one_has_the_shop_read_now(connection):
    assert send(connection).status_code == 200
    assert is_due(connection)
    assert ShopHook.objects.get().topic == "orders/updated"


def test_the_same_once_more_changes_nothing(connection):
    send(connection)
    ShopConnection.objects.update(next_at=timezone.now() + timedelta(hours=1))
    assert send(connection).status_code == 200
    assert not is_due(connection)
    assert ShopHook.objects.count() == 1


@pytest.mark.parametrize("signature", ["x", signed(secret="another"), signed(b"another body"), "é"])
def test_another_signature_is_nobody(connection, signature):
    assert send(connection, signature=signature).status_code == 401
    assert not is_due(connection)
    assert not ShopHook.objects.exists()


def test_without_a_secret_nothing_is_believed(connection):
    ShopConnection.objects.update(hook_secret="")
    assert send(connection, signature=signed(secret="")).status_code == 401


def test_a_shop_that_is_not_there_answers_as_one_that_is(connection):
    connection.reference = "00000000-0000-4000-8000-000000000000"
    assert send(connection).content == b"The signature is not the shop's."


def test_what_is_too_large_is_not_read(connection):
    assert send(connection, body=b"x" * (2 * 1024 * 1024 + 1)).status_code == 413


class TestWooCommerce:
    @pytest.fixture(autouse=True)
    def of_woo(self, connection):
        ShopConnection.objects.update(kind="woocommerce")

    def deliver(self, connection, body=BODY):
        given = {
            "X-WC-Webhook-Signature": signed(body),
            "X-WC-Webhook-Delivery-ID": "d1",
            "X-WC-Webhook-Topic": "order.updated",
        }
        return Client().post(
            f"/hooks/shops/{connection.reference}/", body, content_type="application/json", headers=given
        )

    def test_two_of_one_second_are_two(self, connection):
        """Its ids are made of the second."""
        for body in (BODY, b'{"id": 2}', BODY):
            assert self.deliver(connection, body).status_code == 200
        assert ShopHook.objects.count() == 2

    def test_it_is_told_that_somebody_is_there(self, connection):
        address = f"/hooks/shops/{connection.reference}/"
        answer = Client().post(address, "webhook_id=3", content_type="application/x-www-form-urlencoded")
        assert answer.status_code == 200
        assert not is_due(connection)


def test_old_ones_are_forgotten(connection):
    send(connection)
    ShopHook.objects.update(received_at=timezone.now() - timedelta(days=31))
    forgetting.forget_old(timezone.now())
    assert not ShopHook.objects.exists()


def test_one_step_forgets_no_more_than_it_may(connection, monkeypatch):
    for number in range(3):
        send(connection, name=f"w-{number}")
    ShopHook.objects.update(received_at=timezone.now() - timedelta(days=31))
    monkeypatch.setattr(forgetting, "AT_ONCE", 2)
    assert forgetting.forget_old(timezone.now()) == 2
    assert ShopHook.objects.count() == 1
