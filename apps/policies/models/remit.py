"""A person's remit: the brands, types, languages and amounts somebody may decide."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.functional import cached_property

from apps.policies.models.boundary import Boundary
from apps.policies.models.partner import Partner, PartnerQuerySet, valid_currency, valid_time_zone


class Remit(models.Model):
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="remit")
    all_partners = models.BooleanField(default=False)
    partners = models.ManyToManyField(Partner, blank=True)
    case_types = models.JSONField(default=list, blank=True, help_text="Types this person decides; none: all.")
    languages = models.JSONField(default=list, blank=True, help_text="Languages this person reads; none: all.")
    currency = models.CharField(max_length=3, default="USD", validators=[valid_currency])
    amount_per_decision = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal("500.00"))
    amount_per_day = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal("2000.00"))
    time_zone = models.CharField(max_length=40, default="UTC", validators=[valid_time_zone])

    class Meta:
        verbose_name = "remit of a person"
        verbose_name_plural = "remits of people"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount_per_decision__gte=0, amount_per_day__gte=0), name="remit_not_negative"
            )
        ]

    def __str__(self) -> str:
        return f"remit of {self.user}"

    def partner_ids(self) -> list[int] | None:
        """The partners this person may see, or None for all of them."""
        return None if self.all_partners else self._chosen

    def reads(self, case_type: str, language: str) -> bool:
        """Whether a case of this type, in this language, is one of this person's."""
        languages = [name.lower() for name in self.languages]
        return (not self.case_types or case_type in self.case_types) and (not languages or language in languages)

    @cached_property
    def _chosen(self) -> list[int]:
        return [] if self.pk is None else list(self.partners.values_list("pk", flat=True))


def remit_of(user: Any) -> Remit:
    """The remit of a person, read once for each `user` object; somebody without one has an empty remit that covers no
    brand."""
    found: Remit | None = getattr(
        user, "remit", None
    )  # no row: Django's RelatedObjectDoesNotExist is an AttributeError
    return found or Remit(user_id=user.pk, amount_per_decision=Decimal(0), amount_per_day=Decimal(0))


def partner_ids_of(user: Any) -> list[int] | None:
    """The partners in a person's remit, or None for all of them, as an administrator has."""
    return None if user.is_superuser else remit_of(user).partner_ids()


def rules_only_brands_of(user: Any, boundary: Boundary) -> bool:
    """Whether every brand under a boundary is in the person's remit: what they change there rules all of them."""
    allowed = partner_ids_of(user)
    return allowed is None or set(boundary.partner_set.real().values_list("pk", flat=True)) <= set(allowed)


def partners_of(user: Any) -> PartnerQuerySet:
    """The partners whose work is a person's. Without a saved remit: none; a sandbox only where the remit names it."""
    ids = remit_of(user).partner_ids()
    return Partner.objects.real() if ids is None else Partner.objects.filter(pk__in=ids)
