"""Brands. What a brand's AI may do (boundary, Terms, stages) changes by a release of two people, so it is shown only."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from apps.policies.admin.base import Audited, OfPartners, TabularInline, number_in
from apps.policies.models import Partner, PartnerRelease, PartnerStage, Terms


class _Shown(TabularInline):
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class StageInline(_Shown):
    model = PartnerStage
    verbose_name_plural = "Stages: how far the AI may go with each type"


class TermsInline(_Shown):
    model = Terms
    fields = (
        "number", "active", "return_window_days", "return_window_clause", "non_returnable", "non_returnable_clause",
        "return_fee", "lost_after_days", "lost_clause",
    )  # fmt: skip


@admin.register(Partner)
class PartnerAdmin(OfPartners, Audited):
    partner_path = "pk"
    list_display = ("name", "slug", "boundary", "currency", "time_zone", "connector")
    search_fields = ("name", "slug")
    inlines = (StageInline, TermsInline)
    fieldsets = (
        (None, {"fields": ("name", "slug", "currency", "time_zone")}),
        (
            "What the AI may do",
            {"fields": ("boundary",), "description": "Changed by a release that two people agree to, not here."},
        ),
        ("Calendar", {"fields": ("opens_at", "closes_at", "staffed_weekdays", "holidays")}),
        ("Voice", {"fields": ("voice_greeting", "voice_sign_off")}),
        ("Execution", {"fields": ("connector", "undo_seconds", "quiet_days", "effect_deadline_minutes")}),
    )
    readonly_fields = ("boundary",)
    change_form_template = "admin/policies/partner.html"

    def has_delete_permission(self, request: HttpRequest, obj: Partner | None = None) -> bool:
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        waiting = PartnerRelease.objects.filter(partner_id=number_in(object_id) or 0, state=PartnerRelease.State.OPEN)
        extra = {
            **(extra_context or {}),
            "waiting": waiting,
            "kinds": PartnerRelease.Kind.choices,
            "may_propose": request.user.has_perm("policies.add_partnerrelease"),
        }
        return super().change_view(request, object_id, form_url, extra)
