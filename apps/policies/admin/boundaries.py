"""Boundaries and their versions: the page of a version reads as sentences and carries its release steps."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from apps.policies import editing, releases, replaying
from apps.policies.admin import documents, rules, simulator
from apps.policies.admin.base import Audited, ReadOnly, brands_in_words, number_in, person, text_in
from apps.policies.admin.version_page import version_context
from apps.policies.errors import Refused
from apps.policies.models import Boundary, BoundaryVersion

Act = Callable[[HttpRequest, BoundaryVersion], str]


@admin.register(Boundary)
class BoundaryAdmin(Audited):
    nothing_yet = "No boundary yet: until a brand has one, people decide everything."
    list_display = ("name", "currency", "active")
    search_fields = ("name",)
    change_form_template = "admin/policies/boundary.html"

    def has_delete_permission(self, request: HttpRequest, obj: Boundary | None = None) -> bool:
        return False  # rulings cite its versions

    def get_readonly_fields(self, request: HttpRequest, obj: Boundary | None = None) -> tuple[str, ...]:
        return ("currency",) if obj else ()  # the ceilings of its rules are in it

    @admin.display(description="active version")
    def active(self, boundary: Boundary) -> str:
        version = boundary.active_version
        return f"version {version.number}" if version else "none"

    def get_list_display(self, request: HttpRequest) -> Any:
        @admin.display(description="brands")
        def brands(boundary: Boundary) -> str:
            return brands_in_words(boundary, person(request)) or "none"

        return (*super().get_list_display(request), brands)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        new = path("<int:boundary_id>/draft/", view(self.new_draft), name="policies_new_draft")
        end = path("<int:boundary_id>/end/", view(self.end), name="policies_boundary_end")
        return [new, end, *super().get_urls()]

    def end(self, request: HttpRequest, boundary_id: int) -> HttpResponse:
        """Delete a boundary that nobody uses, or say who does."""
        boundary = get_object_or_404(Boundary, pk=boundary_id)
        if not request.user.has_perm("policies.change_boundary"):
            raise PermissionDenied
        if request.method != "POST":
            return redirect("admin:policies_boundary_change", boundary.pk)
        try:
            editing.delete_boundary(person(request), boundary)
        except Refused as refusal:
            messages.error(request, str(refusal))
            return redirect("admin:policies_boundary_change", boundary.pk)
        messages.success(request, f"{boundary.name} is deleted.")
        return redirect("admin:policies_boundary_changelist")

    def new_draft(self, request: HttpRequest, boundary_id: int) -> HttpResponse:
        """A draft with the rules of the active version, or of the version that is named."""
        boundary = get_object_or_404(Boundary, pk=boundary_id)
        if request.method != "POST":
            return redirect("admin:policies_boundary_change", boundary.pk)
        if not request.user.has_perm("policies.add_boundaryversion"):
            raise PermissionDenied
        source = boundary.versions.filter(pk=number_in(request.POST.get("source", "")) or 0).first()
        try:
            version = releases.draft_from(person(request), boundary, source)
        except Refused as refusal:
            messages.error(request, str(refusal))
            return redirect("admin:policies_boundary_change", boundary.pk)
        messages.success(request, f"Version {version.number} is a draft: it rules nothing until it is released.")
        return redirect("admin:policies_boundaryversion_change", version.pk)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        versions = BoundaryVersion.objects.filter(boundary_id=number_in(object_id) or 0)
        extra = {
            **(extra_context or {}),
            "versions": versions.select_related("approved_by"),
            "may_draft": request.user.has_perm("policies.add_boundaryversion"),
        }
        return super().change_view(request, object_id, form_url, extra)


@admin.register(BoundaryVersion)
class BoundaryVersionAdmin(ReadOnly):
    nothing_yet = "No version yet. A boundary begins with a draft."
    ordering = ("boundary__name", "-number")
    list_display = ("boundary", "number", "state", "note", "approved_by", "activated_at")
    list_filter = ("state", "boundary")

    def replay(self, request: HttpRequest, version_id: int) -> HttpResponse:
        """The replay box alone, asked for again and again while a worker is at it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        version = get_object_or_404(BoundaryVersion, pk=version_id)
        return TemplateResponse(
            request, "admin/policies/_replay.html", {"version": version, "replay": replaying.latest(version)}
        )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        box = path("<int:version_id>/replay/", view(self.replay), name="policies_version_replay")
        acts = path("<int:version_id>/act/<slug:act>/", view(self.act), name="policies_version_act")
        site = self.admin_site
        return [*rules.urls(site), *simulator.urls(site), *documents.urls(site), acts, box, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        version = get_object_or_404(
            BoundaryVersion.objects.select_related("boundary", "approved_by"),
            pk=number_in(object_id) or 0,
        )
        context = {**self.admin_site.each_context(request), **version_context(person(request), version)}
        return TemplateResponse(request, "admin/policies/version.html", context)

    def act(self, request: HttpRequest, version_id: int, act: str) -> HttpResponse:
        """One step of the release; what it means and who may is decided in `releases`."""
        version = get_object_or_404(BoundaryVersion, pk=version_id)
        back = redirect("admin:policies_boundaryversion_change", version.pk)
        if act not in _ACTS or request.method != "POST":
            return back
        permission, run = _ACTS[act]
        if not request.user.has_perm(permission):
            raise PermissionDenied
        try:
            editing.within_remit(person(request), version.boundary)
            messages.success(request, run(request, version))
        except Refused as refusal:
            messages.error(request, str(refusal))
        return back


def _submit(request: HttpRequest, version: BoundaryVersion) -> str:
    if releases.submit(person(request), version).widens:
        return "Submitted. It widens, so somebody who did not work on it has to approve it."
    return "Submitted. It only tightens, so anybody with the right may approve it."


def _approve(request: HttpRequest, version: BoundaryVersion) -> str:
    approved = releases.approve(person(request), version, seen=request.POST.get("seen", ""))
    return f"Approved as it is (content {approved.approved_hash[:12]}). It rules as soon as it is activated."


def _reject(request: HttpRequest, version: BoundaryVersion) -> str:
    releases.reject(person(request), version, text_in(request, "reason"))
    return "Back to draft. Its authors see why in the history below."


def _activate(request: HttpRequest, version: BoundaryVersion) -> str:
    released = releases.activate(person(request), version)
    if released.share == 100:
        return "Active: it rules from the next case on."
    others = f"version {released.replaced.number} rules" if released.replaced else "people decide"
    return f"Active for {released.share} % of the cases: {others} the others."


def _plan(request: HttpRequest, version: BoundaryVersion) -> str:
    share = number_in(request.POST.get("share", "") or "100")
    planned = releases.plan(person(request), version, share=share or 0, ends_at=_end(request))
    until = f" until {timezone.localtime(planned.ends_at):%d %b %Y %H:%M}" if planned.ends_at else ""
    return f"Planned for {planned.share} % of the cases{until}."


def _end(request: HttpRequest) -> datetime | None:
    """The end that was typed, on the clock of the person's own time zone."""
    text = request.POST.get("ends_at", "")
    try:
        typed = datetime.strptime(text, "%Y-%m-%dT%H:%M") if text else None
    except ValueError:
        raise Refused(f"“{text[:30]}” is no date and time; write it like 2026-12-01T08:00.") from None
    return timezone.make_aware(typed) if typed else None


def _tighten(request: HttpRequest, version: BoundaryVersion) -> str:
    releases.tighten(person(request), version)
    return "Active: it only tightens, so it took nobody else."


def _shadow(request: HttpRequest, version: BoundaryVersion) -> str:
    releases.start_shadow(person(request), version)
    return "In shadow: from the next case on it rules beside the active version, and acts on nothing."


def _raise_share(request: HttpRequest, version: BoundaryVersion) -> str:
    share = request.POST.get("share", "")
    raised = releases.raise_share(person(request), version, number_in(share) or 0)
    return f"It rules {raised.share} % of the cases now."


def _roll_back(request: HttpRequest, version: BoundaryVersion) -> str:
    active = version.boundary.active_version
    if active is None:
        raise Refused("No version is active. Make a draft from this one and release it.")
    back = releases.roll_back(person(request), active, version, text_in(request, "reason"))
    if back.state == BoundaryVersion.State.ACTIVE:
        return f"Version {back.number} says what version {version.number} said, and rules from the next case on."
    step = "waits for a second person" if back.state == BoundaryVersion.State.IN_REVIEW else "is being replayed"
    return f"That would widen what the AI may do: version {back.number} is prepared and {step}."


def _replay(request: HttpRequest, version: BoundaryVersion) -> str:
    days = request.POST.get("days", "")
    replaying.ask(person(request), version, days=replaying.DAYS if not days else number_in(days) or 0)
    return "A worker replays it: the result appears on this page."


def _parent(request: HttpRequest, version: BoundaryVersion) -> str:
    chosen = request.POST.get("parent", "")
    parent = BoundaryVersion.objects.filter(pk=number_in(chosen) or 0).first() if chosen else None
    editing.set_parent(person(request), version, parent)
    return f"It inherits from {parent}." if parent else "It inherits from none."


def _move_child(request: HttpRequest, version: BoundaryVersion) -> str:
    child = get_object_or_404(BoundaryVersion, pk=number_in(request.POST.get("child", "")) or 0)
    draft = releases.move_child(person(request), child, version)
    return f"{draft} is a draft that moves it to {version}: release it like any other."


def _note(request: HttpRequest, version: BoundaryVersion) -> str:
    editing.annotate(person(request), version, text_in(request, "note")[:2000])
    return "The note is kept."


_CHANGE, _ACTIVATE = "policies.change_boundaryversion", "policies.activate_boundaryversion"
_ACTS: dict[str, tuple[str, Act]] = {
    "submit": (_CHANGE, _submit),
    "approve": ("policies.approve_boundaryversion", _approve),
    "reject": (_CHANGE, _reject),
    "activate": (_ACTIVATE, _activate),
    "plan": (_CHANGE, _plan),
    "tighten": (_ACTIVATE, _tighten),
    "shadow": (_ACTIVATE, _shadow),
    "raise": (_ACTIVATE, _raise_share),
    "roll_back": (_ACTIVATE, _roll_back),
    "replay": (_CHANGE, _replay),
    "parent": (_CHANGE, _parent),
    "move_child": (_CHANGE, _move_child),
    "note": (_CHANGE, _note),
}
