"""Shifts and on-call as ops managers plan them; notices and how they were delivered, to look up."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest

from apps.interactions.models import Delivery, Notice, Shift
from apps.policies.admin.base import Audited, OfPartners, ReadOnly, TabularInline


@admin.register(Shift)
class ShiftAdmin(Audited):
    nothing_yet = "Nobody is planned. Who is on shift hears of what cannot wait, then who is on call."
    list_display = ("user", "kind", "starts_at", "ends_at", "note")
    list_filter = ("kind", "user")
    date_hierarchy = "starts_at"
    fields = ("user", "kind", "starts_at", "ends_at", "note")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "user":
            options["queryset"] = User.objects.filter(is_active=True, is_staff=True).order_by("first_name", "username")
        return super().formfield_for_foreignkey(db_field, request, **options)


class DeliveryRows(TabularInline):
    model = Delivery
    fields = readonly_fields = ("user", "channel", "made_at", "sent_at", "attempts", "error")
    can_delete = False
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Notice | None = None) -> bool:
        return False


@admin.register(Notice)
class NoticeAdmin(OfPartners, ReadOnly):
    nothing_yet = "Nothing had to be told yet."
    list_display = ("raised_at", "kind", "partner", "text", "called_at", "acknowledged_by", "over_at")
    list_filter = ("kind", "partner")
    inlines = (DeliveryRows,)
