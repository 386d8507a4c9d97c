"""The shop of a brand: where its connector calls, how far the mirror has been read, and what the shop has told us."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import models
from django.db.models import Q

from apps.interactions.models.polled import Polled
from apps.policies.models import Partner


class ShopKind(models.TextChoices):
    VENDURE = "vendure", "Vendure"
    SHOPIFY = "shopify", "Shopify (not tried on a live shop yet)"
    WOOCOMMERCE = "woocommerce", "WooCommerce (not tried on a live shop yet)"


class ShopConnection(Polled):
    """`account` is who we are there: a user or the name of a key. The secrets are sealed (vault.py)."""

    Kind = ShopKind
    EVERY, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)

    reference = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    partner = models.OneToOneField(Partner, on_delete=models.PROTECT, related_name="shop")
    kind = models.CharField(max_length=12, choices=ShopKind.choices)
    url = models.URLField(
        "address", max_length=200, help_text="Of the shop's API, like https://shop.example/admin-api."
    )
    account = models.CharField(
        max_length=100, blank=True, help_text="The user or the name of the key, as the shop has it."
    )
    secret = models.TextField(blank=True, editable=False)
    hook_secret = models.TextField(blank=True, editable=False)
    read_to = models.DateTimeField(null=True, editable=False, help_text="Changes up to here are in the mirror.")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(kind__in=ShopKind.values), name="shop_kind_in_list")]
        indexes = [models.Index(fields=["next_at"], name="shop_next")]

    def __str__(self) -> str:
        return f"{self.get_kind_display().split(' (')[0]} of {self.partner}"


class ShopMark(models.Model):
    """How an order stood in its shop when it was read: it is read anew when it stands otherwise."""

    connection = models.ForeignKey(ShopConnection, on_delete=models.CASCADE, related_name="marks")
    number = models.CharField(max_length=60)
    mark = models.CharField(max_length=80)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "number"], name="shop_mark_once")]
        indexes = [models.Index(fields=["made_at"], name="shop_mark_made")]

    def __str__(self) -> str:
        return f"{self.number}: {self.mark}"


class ShopHook(models.Model):
    """One webhook that a shop sent us, by its own id: the same once more changes nothing."""

    connection = models.ForeignKey(ShopConnection, on_delete=models.CASCADE, related_name="hooks")
    name = models.CharField(max_length=100)
    topic = models.CharField(max_length=60)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "name"], name="shop_hook_once")]
        indexes = [models.Index(fields=["received_at"], name="shop_hook_received")]

    def __str__(self) -> str:
        return f"{self.topic} {self.name}"
