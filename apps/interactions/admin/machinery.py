"""The outbox, and whether the workers are alive."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.interactions.budgets import with_reserved
from apps.interactions.models import Budget, OutboxEvent, WorkerHeartbeat
from apps.policies.admin.base import OfPartners, ReadOnly


@admin.register(OutboxEvent)
class OutboxEventAdmin(OfPartners, ReadOnly):
    nothing_yet = "Nothing happened yet that a partner hears of."
    list_display = ("created_at", "partner", "kind", "subject")
    list_filter = ("kind", "partner")
    search_fields = ("=subject", "=event_id")


@admin.register(Budget)
class BudgetAdmin(OfPartners, ReadOnly):
    """The ledger: what each limit allowed, what was spent of it, what of that is still under way, and what is left."""

    nothing_yet = "No limit was drawn on yet."
    list_display = ("action", "partner", "whom", "period", "used", "spent_of", "under_way", "left", "often")
    list_filter = ("partner", "action")
    search_fields = ("=party",)
    date_hierarchy = "day"

    @admin.display(description="period", ordering="day")
    def period(self, budget: Budget) -> str:
        return f"{budget.day:%d %b %Y}" if budget.day else "the last days"

    @admin.display(description="for", ordering="party")
    def whom(self, budget: Budget) -> str:
        return budget.party[:12] or "the brand"

    @admin.display(description="used")
    def used(self, budget: Any) -> SafeString | str:
        """A bar: what is spent for good, what of it is still under way, and the rest."""
        whole, spent, reserved = budget.limit, budget.spent, budget.reserved or 0
        if not whole:
            whole, spent, reserved = budget.most, budget.count, 0
        if not whole:
            return "–"
        share, under_way = int(100 * spent / whole), int(100 * reserved / whole)
        return format_html(
            '<svg class="meter" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="{} % used">'
            '<rect width="100" height="8" class="all"/><rect width="{}" height="8" class="reserved"/>'
            '<rect width="{}" height="8" class="spent"/></svg>',
            share, share, max(0, share - under_way),
        )  # fmt: skip

    @admin.display(description="spent", ordering="spent")
    def spent_of(self, budget: Budget) -> str:
        return f"{budget.spent:,.2f} {budget.currency}".strip()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Budget]:
        return with_reserved(super().get_queryset(request))

    @admin.display(description="of it reserved", ordering="reserved")
    def under_way(self, budget: Any) -> str:
        return f"{budget.reserved or 0:,.2f}"

    @admin.display(description="left")
    def left(self, budget: Budget) -> str:
        return "–" if budget.limit is None else f"{budget.limit - budget.spent:,.2f}"

    @admin.display(description="times")
    def often(self, budget: Budget) -> str:
        return f"{budget.count} of {budget.most}" if budget.most is not None else str(budget.count)


@admin.register(WorkerHeartbeat)
class WorkerHeartbeatAdmin(ReadOnly):
    nothing_yet = "No worker has run yet: manage.py runworkers starts them."
    list_display = ("asked_at", "beat_at")
