"""Webhooks of shops: signed, taken once, and a sign that something changed. What changed is read from the shop itself.

POST /hooks/shops/<reference>/
"""

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.interactions import vault
from apps.interactions.models import ShopConnection, ShopHook

LARGEST = 2 * 1024 * 1024
_PING = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Sign:
    """How a kind of shop signs: its header, and what names one delivery."""

    header: str
    topic: str
    name: Callable[[HttpRequest], str]


def _name_of_woo(request: HttpRequest) -> str:
    """Its ids are made of a second, so two deliveries may share one."""
    return f"{request.headers.get('X-WC-Webhook-Delivery-ID', '')[:40]} {hashlib.sha256(request.body).hexdigest()[:32]}"


def _name_of_shopify(request: HttpRequest) -> str:
    return request.headers.get("X-Shopify-Webhook-Id", "")[:100] or hashlib.sha256(request.body).hexdigest()


SIGNS = {
    ShopConnection.Kind.SHOPIFY: Sign(
        "X-Shopify-Hmac-Sha256", "X-Shopify-Topic", _name_of_shopify
    ),
    ShopConnection.Kind.WOOCOMMERCE: Sign("X-WC-Webhook-Signature", "X-WC-Webhook-Topic", _name_of_woo),
}  # fmt: skip


@csrf_exempt
@require_POST
def take(request: HttpRequest, reference: str) -> HttpResponse:
    connection = ShopConnection.objects.filter(reference=reference).first()
    sign = SIGNS.get(ShopConnection.Kind(connection.kind)) if connection is not None else None
    if int(request.headers.get("Content-Length") or 0) > LARGEST:
        return HttpResponse("Too large.", status=413, content_type="text/plain")
    if sign is not None and request.content_type == _PING and sign.header not in request.headers:
        return HttpResponse(
            "Pleased to meet you.", content_type="text/plain"
        )  # WooCommerce asks whether anybody is there
    if (
        connection is None
        or sign is None
        or not _is_signed(connection, request.headers.get(sign.header, ""), request.body)
    ):
        return HttpResponse("The signature is not the shop's.", status=401, content_type="text/plain")
    now, name = timezone.now(), sign.name(request)
    with transaction.atomic():
        _, is_new = ShopHook.objects.get_or_create(
            connection=connection, name=name,
            defaults={"topic": request.headers.get(sign.topic, "")[:60], "received_at": now},
        )  # fmt: skip
        if is_new:
            ShopConnection.objects.filter(pk=connection.pk, token__isnull=True).update(next_at=now)
    return HttpResponse("Thank you.", content_type="text/plain")


def _is_signed(connection: ShopConnection, given: str, body: bytes) -> bool:
    if not connection.hook_secret:
        return False
    try:
        secret = vault.open_sealed(connection.hook_secret)
    except vault.Unreadable:
        return False
    expected = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    return hmac.compare_digest(expected, given.encode("utf-8", "replace"))
