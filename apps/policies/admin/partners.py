"""Brands. What a brand's AI may do (boundary, Terms, stages) changes by a release of two people, so it is shown only."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst

from apps.policies.admin.base import Audited, OfPartners, number_in
from apps.policies.admin.fields import LinesField
from apps.policies.models import Partner, PartnerRelease
from apps.policies.words import CaseType, Stage

_STAGES: dict[str, tuple[str, str]] = {  # the tag of the handler that a stage lets a case reach, and the word on it
    Stage.OBSERVE: ("human", "Observe"),
    Stage.ASSIST: ("collaborative", "Assist"),
    Stage.LIVE: ("autonomous", "Live"),
}


@admin.register(Partner)
class PartnerAdmin(OfPartners, Audited):
    nothing_yet = "No brand yet. New brand asks for what it needs, step by step."
    partner_path = "pk"
    list_display = ("name", "slug", "boundary", "currency", "time_zone", "connector")
    search_fields = ("name", "slug")
    fieldsets = (
        (None, {"fields": ("name", "slug", "currency", "time_zone")}),
        ("Calendar", {"fields": ("opens_at", "closes_at", "staffed_weekdays", "holidays")}),
        ("Voice", {"fields": ("voice_greeting", "voice_sign_off", "voice_formality", "voice_avoid", "languages")}),
        ("Evidence", {"fields": ("blind_percent", "audit_percent")}),
        (
            "Execution",
            {
                "fields": (
                    "connector",
                    "order_hours",
                    "undo_seconds",
                    "quiet_days",
                    "when_silent",
                    "effect_deadline_minutes",
                )
            },
        ),
    )
    change_form_template = "admin/policies/partner.html"

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name in ("voice_avoid", "languages"):
            return LinesField(db_field.help_text + " One a line.", label=capfirst(db_field.verbose_name))
        if db_field.name == "voice_sign_off":
            options["widget"] = forms.Textarea(attrs={"rows": 2})
        return super().formfield_for_dbfield(db_field, request, **options)

    def get_readonly_fields(self, request: HttpRequest, obj: Partner | None = None) -> tuple[str, ...]:
        """A sandbox has no effects and gives no evidence, whatever somebody chooses."""
        return (
            ("connector", "blind_percent", "audit_percent") if obj is not None and obj.sandbox_of_id is not None else ()
        )

    def has_delete_permission(self, request: HttpRequest, obj: Partner | None = None) -> bool:
        return False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a new brand is made step by step, with all it needs

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        partner = Partner.objects.select_related("boundary").filter(pk=number_in(object_id) or 0).first()
        waiting = PartnerRelease.objects.filter(partner=partner, state=PartnerRelease.State.OPEN)
        extra = {
            **(extra_context or {}),
            "waiting": waiting,
            "stages": [(kind, _STAGES[partner.stage_of(kind)]) for kind in CaseType] if partner else [],
            "terms": partner.terms_versions.filter(active=True).first() if partner else None,
            "may_propose": request.user.has_perm("policies.add_partnerrelease"),
        }
        return super().change_view(request, object_id, form_url, extra)
