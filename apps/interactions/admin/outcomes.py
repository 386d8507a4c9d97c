"""What became of cases, as brands report it, and the past cases that they brought along."""

from django.contrib import admin

from apps.interactions.models import Outcome, PastCase
from apps.policies.admin.base import OfPartners, ReadOnly


@admin.register(Outcome)
class OutcomeAdmin(OfPartners, ReadOnly):
    nothing_yet = "Nothing came after a decision yet: a case opened again, a rating, a chargeback. The API brings them."
    list_display = ("at", "partner", "interaction", "kind", "score", "reference")
    list_filter = ("kind", "score", "partner")
    list_select_related = ("partner", "interaction")
    search_fields = ("=interaction__external_id", "=reference")


@admin.register(PastCase)
class PastCaseAdmin(OfPartners, ReadOnly):
    nothing_yet = "No history yet. POST /api/v1/history/ brings what people decided before Remit."
    list_display = ("decided_at", "partner", "external_id", "case_type", "action", "amount", "currency")
    list_filter = ("case_type", "action", "partner")
    search_fields = ("=external_id",)
