"""Signals and audits, to look up; the pages for people are /signals/ and /audits/."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string

from apps.learning import audits, breaker, refinements
from apps.learning.models import Breaker, CaseAudit, KnownAnswer, Refinement, RefinementReport, Signal
from apps.policies.admin.base import Audited, OfPartners, ReadOnly, partner_ids, person
from apps.policies.errors import Refused
from apps.policies.models import Boundary, Partner


@admin.register(Signal)
class SignalAdmin(OfPartners, ReadOnly):
    list_display = (
        "at",
        "partner",
        "case_type",
        "proposed_action",
        "final_action",
        "agreed",
        "proposal_seen",
        "by",
        "seconds",
    )
    list_filter = ("agreed", "proposal_seen", "wrong_part", "case_type", "partner")


@admin.register(Breaker)
class BreakerAdmin(OfPartners, ReadOnly):
    """What audits show of each scope. It trips, and is armed again, by itself and by lifting its pause; never here."""

    list_display = ("scope", "seen", "wrong", "level", "pause")
    list_filter = ("case_type", "action", "partner")
    fields = ("scope", "seen", "wrong", "level", "error", "bound", "armed_at", "pause")
    readonly_fields = fields

    @admin.display(description="Where")
    def scope(self, row: Breaker) -> str:
        words = row.scope_in_words()
        return words[0].upper() + words[1:]

    @admin.display(description="Evidence against the AI")
    def level(self, row: Breaker) -> str:
        """How far it is from tripping: 100 % trips."""
        value = sum(row.evidence) / len(row.evidence) if row.evidence else 0.0
        return f"{min(1.0, value / row.threshold):.1%}"

    @admin.display(description="Estimated error")
    def error(self, row: Breaker) -> str:
        standing = breaker.standing_of(row)
        return f"{standing.rate:.1%} ± {standing.error:.1%}" if row.wrong else f"none in {row.seen}"

    @admin.display(description="Surely under")
    def bound(self, row: Breaker) -> str:
        standing = breaker.standing_of(row)
        probation = " (on probation)" if standing.on_probation else ""
        return f"{standing.bound:.1%}, the target is {standing.target:.1%}{probation}"


class WhyForm(ActionForm):
    why = forms.CharField(required=False, label="Why", widget=forms.TextInput(attrs={"size": 40}))


@admin.register(CaseAudit)
class CaseAuditAdmin(OfPartners, ReadOnly):
    list_display = (
        "drawn_at",
        "partner",
        "kind",
        "case_type",
        "rule",
        "state",
        "agreed",
        "verdict",
        "wrong_part",
        "judged_by",
    )
    list_filter = ("kind", "state", "verdict", "agreed", "case_type", "partner")
    search_fields = ("=decision__interaction__external_id",)
    exclude = ("content", "claimed_by", "claimed_at", "lease_until", "skipped_by")
    actions = ("keep_as_known",)
    action_form = WhyForm

    @admin.action(description="Keep as a known answer", permissions=["keep"])
    def keep_as_known(self, request: HttpRequest, rows: QuerySet[CaseAudit]) -> None:
        kept = 0
        for row in rows:
            try:
                audits.keep_as_known(person(request), row, request.POST.get("why", ""))
                kept += 1
            except Refused as refusal:
                messages.warning(request, f"{row}: {refusal}")
        if kept:
            messages.success(request, f"{kept} kept as known answers.")

    def has_keep_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("learning.add_knownanswer")


@admin.register(KnownAnswer)
class KnownAnswerAdmin(OfPartners, Audited):
    list_display = ("made_at", "partner", "case_type", "action", "active", "made_by")
    list_filter = ("active", "case_type", "partner")
    fields = ("partner", "case_type", "action", "why", "active", "made_by", "made_at")

    def get_readonly_fields(self, request: HttpRequest, obj: KnownAnswer | None = None) -> tuple[str, ...]:
        return ("partner", "case_type", "action", "made_by", "made_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # they are kept from audits

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class OfBoundaries(ReadOnly):
    """Rows of a boundary: a person sees those whose brands are all in their remit."""

    boundary_path = "boundary"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows, allowed = super().get_queryset(request), partner_ids(request)
        if allowed is None:
            return rows
        others = Partner.objects.exclude(pk__in=allowed).values("boundary")
        return rows.exclude(**{f"{self.boundary_path}__in": others.filter(boundary__isnull=False)})


@admin.register(RefinementReport)
class RefinementReportAdmin(OfBoundaries):
    """One a week and boundary. To look out of turn spends α: later reports then need more evidence."""

    list_display = ("made_at", "boundary", "number", "pieces", "tested", "proposed", "share_of_alpha")
    list_filter = ("boundary",)
    readonly_fields = ("share_of_alpha", "proposed")
    exclude = ("alpha",)
    actions = ("look_again",)

    @admin.display(description="Proposed")
    def proposed(self, row: RefinementReport) -> int:
        return row.proposals.count()

    @admin.display(description="Could spend")
    def share_of_alpha(self, row: RefinementReport) -> str:
        return f"{row.alpha:.2%} of 5 %"

    @admin.action(description="Look again now (spends α)", permissions=["decide"])
    def look_again(self, request: HttpRequest, rows: QuerySet[RefinementReport]) -> None:
        for boundary in Boundary.objects.filter(pk__in=rows.values("boundary")):
            _told(request, partial(refinements.ask_for_report, person(request), boundary))

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("learning.decide_refinement")


@admin.register(Refinement)
class RefinementAdmin(OfBoundaries):
    """What is proven and not granted yet. Accepting makes a draft, which is verified, replayed and agreed to like any other."""

    boundary_path = "report__boundary"
    list_display = ("words", "boundary", "state", "bound", "report")
    list_filter = ("state", "case_type", "action", "report__boundary")
    list_select_related = ("report__boundary",)
    fields = ("words", "tested", "state", "version", "closed_by", "reason", "report")
    readonly_fields = fields
    actions = ("accept", "dismiss")
    action_form = WhyForm

    @admin.display(description="Proposal")
    def words(self, row: Refinement) -> str:
        return row.in_words()

    @admin.display(description="Boundary")
    def boundary(self, row: Refinement) -> str:
        return str(row.report.boundary)

    @admin.display(description="Wrong in at most")
    def bound(self, row: Refinement) -> str:
        certified = [step for step in row.steps if not step["reasons"]]
        return f"{certified[-1]['bound']:.2%} of customers" if certified else "–"

    @admin.display(description="What was tested")
    def tested(self, row: Refinement) -> str:
        steps = [
            {**s, **{name: round(100 * s[name], 2) for name in ("bound", "bound_without_largest")}} for s in row.steps
        ]
        return render_to_string("admin/learning/_steps.html", {"steps": steps, "target": 100 * row.report.target})

    @admin.action(description="Accept: make a draft", permissions=["decide"])
    def accept(self, request: HttpRequest, rows: QuerySet[Refinement]) -> None:
        for row in rows:
            _told(request, partial(refinements.accept, person(request), row.pk))

    @admin.action(description="Dismiss (say why)", permissions=["decide"])
    def dismiss(self, request: HttpRequest, rows: QuerySet[Refinement]) -> None:
        for row in rows:
            _told(request, partial(refinements.dismiss, person(request), row.pk, request.POST.get("why", "")))

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("learning.decide_refinement")


def _told(request: HttpRequest, act: Callable[[], object]) -> None:
    """What came of an act, as a message."""
    try:
        messages.success(request, f"{act()}: done.")
    except Refused as refusal:
        messages.warning(request, str(refusal))
