"""The mirror of the partners' shops, to look up."""

from typing import Any

from django.contrib import admin

from apps.interactions.models import Customer, Order, OrderEvent, OrderLine, Payment
from apps.policies.admin.base import OfPartners, ReadOnly, TabularInline


class _Inline(TabularInline):
    extra = 0
    can_delete = False

    def has_add_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        return bool(request.user.has_perm("interactions.view_order"))


class LineInline(_Inline):
    model = OrderLine


class PaymentInline(_Inline):
    model = Payment


class EventInline(_Inline):
    model = OrderEvent


@admin.register(Customer)
class CustomerAdmin(OfPartners, ReadOnly):
    nothing_yet = "No customer yet. They come in by the API, or from a shop that is connected."
    list_display = ("external_id", "name", "partner", "tier", "since", "as_of")
    list_filter = ("partner", "tier")
    search_fields = ("=external_id", "name", "=email")


@admin.register(Order)
class OrderAdmin(OfPartners, ReadOnly):
    nothing_yet = "No order yet. They come in by the API, or from a shop that is connected."
    list_display = ("number", "partner", "customer", "status", "total", "currency", "refunds_reserved", "placed_at")
    list_filter = ("partner", "status")
    list_select_related = ("partner", "customer")
    search_fields = ("=number", "=customer__external_id")
    inlines = (LineInline, PaymentInline, EventInline)
