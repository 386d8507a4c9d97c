"""Rows for tests, as the API or the admin would have made them."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import factory
from django.contrib.auth.models import Group, User
from django.utils import timezone

from apps.interactions.models import ApiKey, Customer, Order, OrderEvent, OrderLine, Payment, Scope
from apps.policies import partner_releases, staff
from apps.policies.models import Partner, PartnerRelease, Remit


class UserFactory(factory.django.DjangoModelFactory[User]):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda number: f"person{number}")
    first_name = factory.Faker("first_name")
    email = factory.LazyAttribute(lambda user: f"{user.username}@staff.example")
    is_staff = True
    password = factory.django.Password("secret")

    @factory.post_generation
    def role(self: Any, create: bool, role: str | None, **kwargs: Any) -> None:
        if role:
            self.groups.add(Group.objects.get(name=role))

    @factory.post_generation
    def remit(self: Any, create: bool, value: dict[str, Any] | None, **kwargs: Any) -> None:
        Remit.objects.create(user=self, **{"all_partners": True, **(value or {})})


def supervisor(**fields: Any) -> User:
    return UserFactory(role=staff.SUPERVISOR, **fields)


def senior(**fields: Any) -> User:
    return UserFactory(role=staff.SENIOR, **fields)


def ops_manager(**fields: Any) -> User:
    return UserFactory(role=staff.OPS_MANAGER, **fields)


def operator(**fields: Any) -> User:
    return UserFactory(role=staff.OPERATOR, **fields)


class CustomerFactory(factory.django.DjangoModelFactory[Customer]):
    class Meta:
        model = Customer

    external_id = factory.Sequence(lambda number: f"customer-{number}")
    name = factory.Faker("name")
    email = factory.LazyAttribute(lambda customer: f"{customer.external_id}@customer.example")
    tier = "silver"
    as_of = factory.LazyFunction(timezone.now)


class OrderFactory(factory.django.DjangoModelFactory[Order]):
    """An order with one line and its payment, delivered five days ago."""

    class Meta:
        model = Order
        skip_postgeneration_save = True

    class Params:
        days_ago = 5

    number = factory.Sequence(lambda number: f"W{1_000_000 + number}")
    partner = factory.SelfAttribute("customer.partner")
    status = "delivered"
    currency = "USD"
    total = Decimal("84.50")
    paid = factory.SelfAttribute("total")
    as_of = factory.LazyFunction(timezone.now)
    placed_at = factory.LazyAttribute(lambda order: timezone.now() - timedelta(days=order.days_ago + 5))
    promised_at = factory.LazyAttribute(lambda order: timezone.now() - timedelta(days=order.days_ago))
    delivered_at = factory.LazyAttribute(
        lambda order: timezone.now() - timedelta(days=order.days_ago) if order.status == "delivered" else None
    )

    @factory.post_generation
    def line(self: Any, create: bool, extracted: Any, **fields: Any) -> None:
        OrderLine.objects.create(
            order=self, quantity=1, unit_price=self.total, paid=self.total,
            **{"sku": "SKU-1", "name": "Evening gift set", **fields},
        )  # fmt: skip
        Payment.objects.create(order=self, kind="payment", method="credit_card", amount=self.total)
        if self.delivered_at:
            OrderEvent.objects.create(order=self, at=self.delivered_at, kind="delivered", location="Utrecht")


class ApiKeyFactory(factory.django.DjangoModelFactory[ApiKey]):
    class Meta:
        model = ApiKey

    name = "shop back end"
    scopes = factory.LazyFunction(lambda: [scope.value for scope in Scope])

    @classmethod
    def _create(cls, model_class: type[ApiKey], *args: Any, **fields: Any) -> ApiKey:
        key = model_class(**fields)
        key.issue()
        key.save()
        return key


def released(partner: Partner, kind: str, **content: Any) -> PartnerRelease:
    """A change of a partner's boundary, stage or Terms, as two ops managers release it."""
    release = partner_releases.propose(ops_manager(), partner, kind, content, "for a test")
    return partner_releases.agree(ops_manager(), release.pk) if release.state == "open" else release


def terms(partner: Partner, **fields: Any) -> dict[str, Any]:
    """The active Terms of a partner, with other values for some."""
    active = partner.terms_versions.get(active=True)
    values = {name: getattr(active, name) for name in partner_releases.TERMS_FIELDS}
    return values | {"return_fee": str(active.return_fee)} | fields
