"""The mirror of the partner's shop: customers, orders with lines and payments, courier scans."""

from __future__ import annotations

from decimal import Decimal

from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper

from apps.policies.facts import ORDER_STATUSES, TIERS
from apps.policies.models import Partner
from apps.policies.models.partner import valid_currency
from apps.policies.money import Money

# A "failed" one moved no money. A chargeback is open until it is "won" (reversed in the brand's favour) or "lost".
PAYMENT_KINDS = ("payment", "refund", "failed", "chargeback", "chargeback_won", "chargeback_lost")


def money_field(**options: object) -> models.DecimalField[Decimal, Decimal]:
    return models.DecimalField(max_digits=12, decimal_places=2, **options)  # type: ignore[arg-type]


def optional_money_field() -> models.DecimalField[Decimal | None, Decimal | None]:
    return models.DecimalField(max_digits=12, decimal_places=2, null=True)


class Customer(models.Model):
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="customers")
    external_id = models.CharField(max_length=100)
    name = models.CharField(max_length=200, blank=True)
    email = models.EmailField(blank=True)
    tier = models.CharField(max_length=10, blank=True, choices=[(tier, tier) for tier in TIERS])
    country = models.CharField(max_length=60, blank=True)
    postcode = models.CharField(max_length=20, blank=True)
    since = models.DateField(null=True, blank=True)
    as_of = models.DateTimeField(help_text="When this was true in the partner's system.")

    class Meta:
        ordering = ["partner_id", "external_id"]
        constraints = [
            models.UniqueConstraint(fields=["partner", "external_id"], name="customer_external_id_per_partner"),
            models.CheckConstraint(condition=Q(tier__in=["", *TIERS]), name="customer_tier_in_list"),
        ]
        indexes = [  # how people look for a customer
            models.Index(OpClass(Upper("name"), name="text_pattern_ops"), name="customer_name_starts"),
            models.Index(Upper("email"), name="customer_email"),
            models.Index(fields=["external_id"], name="customer_external_id"),
        ]

    def __str__(self) -> str:
        return self.name or self.external_id

    @property
    def first_name(self) -> str:
        return self.name.split(" ")[0] if self.name else "there"


class Order(models.Model):
    """An order as the partner last reported it, with what Remit has reserved on it.

    `refunds_reported` are refunds the partner's system names; `refunds_reserved` are ours, in flight or done
    and not reported yet. `over_refunded` says that the partner reported more than was paid: then nothing may
    be reserved, and the constraint lets the truth stand.
    """

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="orders")
    number = models.CharField(max_length=60)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="orders")
    status = models.CharField(max_length=12, choices=[(status, status) for status in ORDER_STATUSES])
    currency = models.CharField(max_length=3, validators=[valid_currency])
    total = money_field()
    placed_at = models.DateTimeField()
    promised_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    return_received_at = models.DateTimeField(null=True, blank=True)
    destination = models.JSONField(default=dict, blank=True)
    tracking_number = models.CharField(max_length=60, blank=True)
    paid = money_field(default=Decimal(0))
    refunds_reported = money_field(default=Decimal(0))
    refunds_reserved = money_field(default=Decimal(0))
    over_refunded = models.BooleanField(default=False)
    as_of = models.DateTimeField()

    class Meta:
        ordering = ["-placed_at"]
        constraints = [
            models.UniqueConstraint(fields=["partner", "number"], name="order_number_per_partner"),
            models.CheckConstraint(condition=Q(status__in=ORDER_STATUSES), name="order_status_in_list"),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="order_currency"),
            models.CheckConstraint(
                condition=Q(over_refunded=True) | Q(paid__gte=F("refunds_reported") + F("refunds_reserved")),
                name="order_never_refunded_beyond_paid",
            ),
            models.CheckConstraint(
                condition=Q(total__gte=0, paid__gte=0, refunds_reported__gte=0, refunds_reserved__gte=0),
                name="order_money_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def refundable(self) -> Money:
        if self.over_refunded:
            return Money(Decimal("0.00"), self.currency)
        return Money(self.paid - self.refunds_reported - self.refunds_reserved, self.currency)


class OrderLine(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    sku = models.CharField(max_length=60)
    name = models.CharField(max_length=200)
    options = models.JSONField(default=dict, blank=True)
    quantity = models.PositiveIntegerField()
    unit_price = money_field()
    final_sale = models.BooleanField(default=False)
    paid = money_field(help_text="quantity × unit price")
    reserved = money_field(default=Decimal(0), help_text="Refunds of this line by Remit, in flight or done.")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["order", "sku"], name="one_line_per_sku"),
            models.CheckConstraint(
                condition=Q(reserved__gte=0, reserved__lte=F("paid")), name="line_never_refunded_beyond_paid"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Payment(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="payments")
    kind = models.CharField(max_length=20, choices=[(kind, kind.replace("_", " ")) for kind in PAYMENT_KINDS])
    method = models.CharField(max_length=30)
    amount = money_field()
    reference = models.CharField(max_length=100, blank=True)
    at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.CheckConstraint(condition=Q(amount__gte=0), name="payment_not_negative")]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount}"


class OrderEvent(models.Model):
    """A courier scan or another event of an order, such as `picked_up`, `delivered`, `return_received`."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    kind = models.CharField(max_length=30)
    location = models.CharField(max_length=100, blank=True)
    proof = models.CharField(max_length=30, blank=True)

    class Meta:
        ordering = ["at", "id"]
        constraints = [models.UniqueConstraint(fields=["order", "at", "kind"], name="order_event_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%d %b}"
