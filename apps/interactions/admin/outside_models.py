"""Outside models: where they are and what bounds them, which brand chose one, and every call that was made."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from apps.interactions.models import ModelCall, ModelOptIn, ModelSpend, OutsideModel
from apps.policies.admin.base import Audited, OfPartners, ReadOnly, person


@admin.register(OutsideModel)
class OutsideModelAdmin(Audited):
    nothing_yet = "No model from outside. Messages are read and replies are written here, without one."
    list_display = ("name", "model", "base_url", "reads", "writes", "active", "daily_cap", "at_once", "breaker")
    list_filter = ("active",)
    fieldsets = (
        (None, {"fields": ("name", "base_url", "model", "style", "key_variable", "active")}),
        ("What it may do", {"fields": ("may_classify", "may_draft")}),
        ("Patience", {"fields": ("timeout_seconds", "retries", "at_once", "failures_to_open", "pause_seconds")}),
        ("Money", {"fields": ("price_in", "price_out", "daily_cap")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: OutsideModel | None = None) -> tuple[str, ...]:
        # Brands agreed to this address and model, and rulings name it: another one is another row.
        return ("name", "base_url", "model") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: OutsideModel | None = None) -> bool:
        return False  # calls and opt-ins name it; it is made inactive

    @admin.display(description="reads", boolean=True, ordering="may_classify")
    def reads(self, model: OutsideModel) -> bool:
        return model.may_classify

    @admin.display(description="writes", boolean=True, ordering="may_draft")
    def writes(self, model: OutsideModel) -> bool:
        return model.may_draft

    @admin.display(description="breaker")
    def breaker(self, model: OutsideModel) -> str:
        if model.open_until is None:
            return "closed" if not model.failures else f"closed, {model.failures} faults in a row"
        local = timezone.localtime(model.open_until)
        return f"open until {local:%H:%M:%S}" if model.is_open(timezone.now()) else "one call tries it next"


@admin.register(ModelOptIn)
class ModelOptInAdmin(OfPartners, Audited):
    nothing_yet = "No brand lets a model from outside read or write."
    ordering = ("partner__name",)
    list_display = ("partner", "model", "classify", "draft", "by", "at")
    list_filter = ("model",)
    fields = ("partner", "model", "classify", "draft")

    def get_readonly_fields(self, request: HttpRequest, obj: ModelOptIn | None = None) -> tuple[str, ...]:
        return ("partner",) if obj else ()

    def save_model(self, request: HttpRequest, obj: ModelOptIn, form: Any, change: bool) -> None:
        obj.by = person(request)
        super().save_model(request, obj, form, change)


@admin.register(ModelCall)
class ModelCallAdmin(OfPartners, ReadOnly):
    """What was sent and came back is masked; it is kept for the trace of a case."""

    nothing_yet = "No model from outside was asked yet."
    list_display = ("at", "partner", "purpose", "model_name", "outcome", "detail", "seconds", "cost_in_dollars")
    list_filter = ("purpose", "outcome", "model", "partner")
    search_fields = ("=subject",)
    date_hierarchy = "at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelCall]:
        return super().get_queryset(request).select_related("partner")

    @admin.display(description="cost", ordering="cost")
    def cost_in_dollars(self, call: ModelCall) -> str:
        return f"{call.cost:.4f} USD"


@admin.register(ModelSpend)
class ModelSpendAdmin(OfPartners, ReadOnly):
    nothing_yet = "No model from outside has cost anything yet."
    ordering = ("-day", "partner__name")
    list_display = ("day", "partner", "model", "calls", "spent", "cap")
    list_filter = ("model", "partner")
    date_hierarchy = "day"
