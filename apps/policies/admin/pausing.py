"""Pausing the AI: one person, at once, with a reason. Letting it go on takes a second person."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse

from apps.policies import pauses
from apps.policies.admin.base import Audited, number_in, person, text_in
from apps.policies.errors import Refused
from apps.policies.models import Pause


@admin.register(Pause)
class PauseAdmin(Audited):
    list_display = ("scope", "reason", "paused_as", "paused_at", "in_force")
    list_filter = (("lifted_at", admin.EmptyFieldListFilter), "partner", "case_type")
    fields = ("partner", "case_type", "action", "reason")
    change_form_template = "admin/policies/pause.html"

    def has_change_permission(self, request: HttpRequest, obj: Pause | None = None) -> bool:
        return False  # a pause is made and lifted, never rewritten

    def has_delete_permission(self, request: HttpRequest, obj: Pause | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Pause]:
        return pauses.seen_by(person(request))

    @admin.display(description="scope")
    def scope(self, pause: Pause) -> str:
        return pause.scope_in_words()

    @admin.display(description="in force", boolean=True)
    def in_force(self, pause: Pause) -> bool:
        return pause.lifted_at is None

    def save_model(self, request: HttpRequest, obj: Pause, form: Any, change: bool) -> None:
        made = pauses.pause(
            person(request), obj.reason, partner=obj.partner, case_type=obj.case_type, action=obj.action
        )
        obj.pk, obj.paused_by, obj.paused_as, obj.paused_at = made.pk, made.paused_by, made.paused_as, made.paused_at
        obj._state.adding = False

    def get_urls(self) -> list[URLPattern]:
        lift = path("<int:pause_id>/lift/", self.admin_site.admin_view(self.lift), name="policies_pause_lift")
        return [lift, *super().get_urls()]

    def lift(self, request: HttpRequest, pause_id: int) -> HttpResponse:
        """Ask to lift, or as the second person lift."""
        back: HttpResponseRedirect = redirect("admin:policies_pause_change", pause_id)
        if request.method != "POST" or not request.user.has_perm("policies.change_pause"):
            return back if request.method != "POST" else HttpResponse("You may not lift pauses.", status=403)
        asked = get_object_or_404(Pause, pk=pause_id)
        try:
            found = pauses.lift(person(request), asked.pk, text_in(request, "reason"))
        except Refused as refusal:
            messages.error(request, str(refusal))
            return back
        if found.lifted_at is None:
            messages.info(request, "Asked. The AI goes on as soon as a second person lifts this pause, too.")
        else:
            messages.success(request, "Lifted: the AI may act again inside its boundary.")
        return back

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        found = Pause.objects.filter(pk=number_in(object_id) or 0).first()
        extra = {
            **(extra_context or {}),
            "pause": found,
            "may_lift": request.user.has_perm("policies.change_pause"),
            "asked_myself": found is not None and found.lift_asked_by_id == person(request).pk,
            "lift_url": reverse("admin:policies_pause_lift", args=[found.pk]) if found else "",
        }
        return super().change_view(request, object_id, form_url, extra)
