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
from apps.policies.admin.base import Audited, ReadOnly, person
from apps.policies.admin.version_page import version_context
from apps.policies.errors import Refused
from apps.policies.models import Boundary, BoundaryVersion

Act = Callable[[HttpRequest, BoundaryVersion], str]


@admin.register(Boundary)
class BoundaryAdmin(Audited):
    list_display = ("name", "currency", "active", "brands")
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

    @admin.display(description="brands")
    def brands(self, boundary: Boundary) -> str:
        return ", ".join(partner.name for partner in boundary.partner_set.all()) or "none"

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
            releases.delete_boundary(person(request), boundary)
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
        source = boundary.versions.filter(pk=request.POST.get("source") or 0).first()
        version = releases.draft_from(person(request), boundary, source)
        messages.success(request, f"Version {version.number} is a draft: it rules nothing until it is released.")
        return redirect("admin:policies_boundaryversion_change", version.pk)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        versions = BoundaryVersion.objects.filter(boundary_id=object_id if object_id.isdigit() else 0)
        extra = {
            **(extra_context or {}),
            "versions": versions.select_related("approved_by"),
            "may_draft": request.user.has_perm("policies.add_boundaryversion"),
        }
        return super().change_view(request, object_id, form_url, extra)


@admin.register(BoundaryVersion)
class BoundaryVersionAdmin(ReadOnly):
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
            pk=object_id if object_id.isdigit() else 0,
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
            messages.success(request, run(request, version))
        except Refused as refusal:
            messages.error(request, str(refusal))
        return back


def _submit(request: HttpRequest, version: BoundaryVersion) -> str:
    if releases.submit(person(request), version).widens:
        return "Submitted. It widens, so somebody who did not work on it has to approve it."
    return "Submitted. It only tightens, so anybody with the right may approve it."


def _approve(request: HttpRequest, version: BoundaryVersion) -> str:
    approved = releases.approve(person(request), version)
    return f"Approved as it is (content {approved.approved_hash[:12]}). It rules as soon as it is activated."


def _reject(request: HttpRequest, version: BoundaryVersion) -> str:
    releases.reject(person(request), version, request.POST.get("reason", ""))
    return "Back to draft. Its authors see why in the history below."


def _activate(request: HttpRequest, version: BoundaryVersion) -> str:
    share = request.POST.get("share", "") or "100"
    if not share.isdigit() or not 1 <= int(share) <= 100:
        raise Refused("The share of cases is a whole number from 1 to 100 percent.")
    released = releases.activate(person(request), version, share=int(share), ends_at=_end(request))
    return (
        "Active: it rules from the next case on."
        if released.share == 100
        else (f"Active for {released.share} % of the cases: version {_number(released.replaced)} rules the others.")
    )


def _number(version: BoundaryVersion | None) -> str:
    return str(version.number) if version else "none"


def _end(request: HttpRequest) -> datetime | None:
    """The end that was typed, on the clock of the person's own time zone."""
    text = request.POST.get("ends_at", "")
    try:
        typed = datetime.fromisoformat(text) if text else None
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
    raised = releases.raise_share(person(request), version, int(share) if share.isdigit() else 0)
    return f"It rules {raised.share} % of the cases now."


def _roll_back(request: HttpRequest, version: BoundaryVersion) -> str:
    active = version.boundary.active_version
    if active is None:
        raise Refused("No version is active. Make a draft from this one and release it.")
    back = releases.roll_back(person(request), active, version, request.POST.get("reason", ""))
    if back.state == BoundaryVersion.State.ACTIVE:
        return f"Version {back.number} says what version {version.number} said, and rules from the next case on."
    step = "waits for a second person" if back.state == BoundaryVersion.State.IN_REVIEW else "is being replayed"
    return f"That would widen what the AI may do: version {back.number} is prepared and {step}."


def _replay(request: HttpRequest, version: BoundaryVersion) -> str:
    days = request.POST.get("days", "")
    replaying.ask(person(request), version, days=int(days) if days.isdigit() else replaying.DAYS)
    return "A worker replays it: the result appears on this page."


def _parent(request: HttpRequest, version: BoundaryVersion) -> str:
    chosen = request.POST.get("parent", "")
    parent = BoundaryVersion.objects.filter(pk=chosen).first() if chosen.isdigit() else None
    editing.set_parent(person(request), version, parent)
    return f"It inherits from {parent}." if parent else "It inherits from none."


def _move_child(request: HttpRequest, version: BoundaryVersion) -> str:
    child = get_object_or_404(BoundaryVersion, pk=request.POST.get("child") or 0)
    draft = releases.move_child(person(request), child, version)
    return f"{draft} is a draft that moves it to {version}: release it like any other."


def _note(request: HttpRequest, version: BoundaryVersion) -> str:
    editing.annotate(person(request), version, request.POST.get("note", "").strip()[:2000])
    return "The note is kept."


_CHANGE, _ACTIVATE = "policies.change_boundaryversion", "policies.activate_boundaryversion"
_ACTS: dict[str, tuple[str, Act]] = {
    "submit": (_CHANGE, _submit),
    "approve": ("policies.approve_boundaryversion", _approve),
    "reject": (_CHANGE, _reject),
    "activate": (_ACTIVATE, _activate),
    "tighten": (_ACTIVATE, _tighten),
    "shadow": (_ACTIVATE, _shadow),
    "raise": (_ACTIVATE, _raise_share),
    "roll_back": (_ACTIVATE, _roll_back),
    "replay": (_CHANGE, _replay),
    "parent": (_CHANGE, _parent),
    "move_child": (_CHANGE, _move_child),
    "note": (_CHANGE, _note),
}
