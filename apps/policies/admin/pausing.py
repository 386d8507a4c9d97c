"""Pausing the AI: one person, at once, with a reason. Letting it go on takes a second person."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.policies import pauses
from apps.policies.admin.base import Audited, OwnPartners, number_in, partner_ids, person, text_in
from apps.policies.errors import Refused
from apps.policies.models import Boundary, Partner, Pause


class InForce(admin.SimpleListFilter):
    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("in_force", "In force"), ("lifted", "Lifted")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Pause]) -> QuerySet[Pause]:
        return queryset.filter(lifted_at__isnull=self.value() == "in_force") if self.value() else queryset


@admin.register(Pause)
class PauseAdmin(Audited):
    nothing_yet = "Nothing was ever paused."
    list_display = ("scope", "state_tag", "reason", "paused_as", "paused_at")
    list_filter = (InForce, ("partner", OwnPartners))
    ordering = (F("lifted_at").desc(nulls_first=True), "-pk")
    fields = ("partner", "boundary", "case_type", "action", "reason")
    formfield_overrides = {models.TextField: {"widget": forms.Textarea(attrs={"rows": 3})}}
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

    @admin.display(description="state", ordering="lifted_at")
    def state_tag(self, pause: Pause) -> SafeString:
        kind, word = ("plain", "Lifted") if pause.lifted_at else ("danger", "In force")
        if pause.lift_asked_by_id and not pause.lifted_at:
            word = "In force, lifting asked for"
        return format_html('<span class="r-tag {}">{}</span>', kind, word)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Brands and boundaries of the person's remit: the others' names are not theirs to know."""
        every = {"partner": "Every brand", "boundary": "Every boundary"}[db_field.name]
        if (allowed := partner_ids(request)) is not None:
            brands = Partner.objects.filter(pk__in=allowed)
            of = {"partner": brands, "boundary": Boundary.objects.filter(partner__in=brands).distinct()}
            options["queryset"] = of[db_field.name]
        return super().formfield_for_foreignkey(db_field, request, **options, empty_label=every)

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        every = {"case_type": "Every type", "action": "Every action"}[db_field.name]
        options["choices"] = [("", every), *db_field.choices]
        return super().formfield_for_choice_field(db_field, request, **options)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        words = {"title": "Pause the AI", "save_label": "Pause now"}
        return super().add_view(request, form_url, {**words, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: Pause, form: Any, change: bool) -> None:
        made = pauses.pause(
            person(request), obj.reason, partner=obj.partner, boundary=obj.boundary, case_type=obj.case_type,
            action=obj.action,
        )  # fmt: skip
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
