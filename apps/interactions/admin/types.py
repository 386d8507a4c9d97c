"""What ops managers set per type: clocks and the reasons people choose from."""

from django.contrib import admin
from django.http import HttpRequest

from apps.interactions.models import CaseTypeSetting, ReasonCode
from apps.policies.admin.base import Audited


@admin.register(CaseTypeSetting)
class CaseTypeSettingAdmin(Audited):
    nothing_yet = "Every type is as it ships."
    list_display = ("case_type", "due_minutes", "first_reply_minutes")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # there is one for each type

    def has_delete_permission(self, request: HttpRequest, obj: CaseTypeSetting | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: CaseTypeSetting | None = None) -> tuple[str, ...]:
        return ("case_type",)


@admin.register(ReasonCode)
class ReasonCodeAdmin(Audited):
    nothing_yet = "No reason to choose from yet."
    list_display = ("label", "code", "case_type", "needs_words", "position")
    list_filter = ("case_type", "needs_words")
