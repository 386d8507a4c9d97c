"""What every admin class of ours has in common: changes leave audit rows, and records can only be read."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db import models
from django.http import HttpRequest

from apps.policies import audit
from apps.policies.models import remit_of

if TYPE_CHECKING:  # the stubs know of the rows' type, Django's own classes take none
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
else:
    ModelAdmin, TabularInline = admin.ModelAdmin, admin.TabularInline


def person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the admin lets nobody else in
    return request.user


class Audited(ModelAdmin):
    """Writes an audit row for each addition, change and deletion made in the admin."""

    def log_addition(self, request: HttpRequest, obj: models.Model, message: Any) -> Any:
        audit.record(audit.person(person(request)), obj, "admin_added", details=_changes(message))
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: models.Model, message: Any) -> Any:
        audit.record(audit.person(person(request)), obj, "admin_changed", details=_changes(message))
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for obj in queryset:
            audit.record(audit.person(person(request)), obj, "admin_deleted", reason=str(obj))
        return super().log_deletions(request, queryset)


def _changes(message: Any) -> dict[str, Any]:
    return {"changes": message} if isinstance(message, list) else {"changes": str(message)}


class ReadOnly(ModelAdmin):
    """Rows that the system writes: they can be looked up, never changed here."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def partner_ids(request: HttpRequest) -> list[int] | None:
    """The partners whose rows this person may see in the admin; None for all."""
    user = person(request)
    return None if user.is_superuser else remit_of(user).partner_ids()


class OfPartners(ModelAdmin):
    """Rows of a partner: a person sees those of the brands in their remit. `partner_path` leads to the partner's id."""

    partner_path = "partner"

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        rows = super().get_queryset(request)
        allowed = partner_ids(request)
        return rows if allowed is None else rows.filter(**{f"{self.partner_path}__in": allowed})
