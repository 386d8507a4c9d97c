"""The outbox, and whether the workers are alive."""

from django.contrib import admin

from apps.interactions.models import Budget, OutboxEvent, WorkerHeartbeat
from apps.policies.admin.base import OfPartners, ReadOnly


@admin.register(OutboxEvent)
class OutboxEventAdmin(OfPartners, ReadOnly):
    list_display = ("created_at", "partner", "kind", "subject")
    list_filter = ("kind", "partner")
    search_fields = ("=subject", "=event_id")


@admin.register(Budget)
class BudgetAdmin(OfPartners, ReadOnly):
    list_display = ("day", "partner", "action", "spent", "limit", "currency")
    list_filter = ("partner", "action")


@admin.register(WorkerHeartbeat)
class WorkerHeartbeatAdmin(ReadOnly):
    list_display = ("asked_at", "beat_at")
