"""Refinement reports, what they propose, and the ramps of what was granted."""

from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from apps.interactions.models import Interaction
from apps.learning import disagreement, ramping, refinements, reporting
from apps.learning.admin.why import WhyForm, told
from apps.learning.models import Refinement, RefinementReport, ReportRun
from apps.policies.admin.base import ReadOnly, partner_ids, person
from apps.policies.models import Boundary, Partner, Ramp
from apps.policies.words import Action, CaseType

SHOWN_FOR = timedelta(minutes=10)  # a report that was made


class OfBoundaries(ReadOnly):
    """Rows of a boundary: a person sees those whose brands are all in their remit."""

    boundary_path = "boundary"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows, allowed = super().get_queryset(request), partner_ids(request)
        if allowed is None:
            return rows
        others = Partner.objects.real().exclude(pk__in=allowed).values("boundary")
        return rows.exclude(**{f"{self.boundary_path}__in": others.filter(boundary__isnull=False)})


@admin.register(RefinementReport)
class RefinementReportAdmin(OfBoundaries):
    """One a week and boundary. To look out of turn spends α: later reports then need more evidence."""

    nothing_yet = "No report yet. One is made each week, and whenever you ask for it."
    list_display = ("made_at", "boundary", "number", "pieces", "tested", "proposed", "share_of_alpha")
    list_filter = ("boundary",)
    fields = (
        "boundary",
        "number",
        "made_at",
        "pieces",
        "tested",
        "target",
        "share_of_alpha",
        "proposed",
        "among_people",
        "still_open",
    )
    readonly_fields = ("share_of_alpha", "proposed", "among_people", "still_open")
    actions = ("look_again",)
    change_list_template = "admin/learning/reports.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"runs": self._runs(request), **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        runs = path("runs/", self.admin_site.admin_view(self.runs), name="learning_report_runs")
        return [runs, *super().get_urls()]

    def runs(self, request: HttpRequest) -> HttpResponse:
        """The box of what is being made, asked for again and again while a worker is at it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return TemplateResponse(request, "admin/learning/_runs.html", {"runs": self._runs(request)})

    def _runs(self, request: HttpRequest) -> QuerySet[ReportRun]:
        """Under way, or ended within the last minutes, of the boundaries that this person sees."""
        lately = Q(status__in=ReportRun.UNDER_WAY) | Q(ended_at__gte=timezone.now() - SHOWN_FOR)
        seen = RefinementReport.objects.filter(pk__in=self.get_queryset(request)).values("boundary")
        return ReportRun.objects.filter(lately, boundary__in=seen).select_related("boundary", "report")

    @admin.display(description="Proposed")
    def proposed(self, row: RefinementReport) -> int:
        return row.proposals.count()

    @admin.display(description="Could spend")
    def share_of_alpha(self, row: RefinementReport) -> str:
        return f"{row.alpha:.2%} of 5 %"

    @admin.display(description="People among themselves")
    def among_people(self, row: RefinementReport) -> str:
        share = row.disagreement.share
        if share is None:
            return "No case was judged by two people yet, so nobody knows how often they differ."
        told = f"They differed in {row.differing} of {row.pairs} cases that two judged ({share:.1%})."
        for case_type, (found, target) in row.out_of_reach.items():
            told += (
                f" {CaseType(case_type).label} ({found.differing} of {found.pairs}): surely more than twice its target of"
                f" {target:.1%}, so at most a part of it in which they agree can be proven."
            )
        return told

    @admin.display(description="Not proven yet")
    def still_open(self, row: RefinementReport) -> str:
        """What promises something, and how many more customers it takes; more of these are judged blind."""
        return render_to_string("admin/learning/_waiting.html", {"waiting": [_waiting(one) for one in row.waiting]})

    @admin.action(description="Look again now (spends α)", permissions=["decide"])
    def look_again(self, request: HttpRequest, rows: QuerySet[RefinementReport]) -> None:
        for boundary in Boundary.objects.filter(pk__in=rows.values("boundary")):
            told(request, partial(reporting.ask, person(request), boundary))

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("learning.decide_refinement")


@admin.register(Refinement)
class RefinementAdmin(OfBoundaries):
    """What is proven and not granted yet. Accepting makes a draft, which is verified, replayed and agreed to like any other."""

    boundary_path = "report__boundary"
    nothing_yet = "Nothing was proposed yet. Reports propose what evidence supports."
    list_display = ("words", "kind", "boundary", "state", "bound", "report")
    list_filter = ("state", "kind", "case_type", "action", "report__boundary")
    list_select_related = ("report__boundary",)
    fields = (
        "words",
        "tested",
        "expected_words",
        "replayed",
        "cases",
        "made_with",
        "state",
        "version",
        "closed_by",
        "reason",
        "report",
    )
    readonly_fields = fields
    actions = ("accept", "dismiss")
    action_form = WhyForm

    @admin.display(description="Proposal")
    def words(self, row: Refinement) -> str:
        return row.in_words()

    @admin.display(description="Boundary")
    def boundary(self, row: Refinement) -> str:
        return str(row.report.boundary)

    @admin.display(description="Wrong in")
    def bound(self, row: Refinement) -> str:
        if row.kind == Refinement.Kind.TIGHTEN:
            return f"at least {row.steps[0]['lower']:.2%} of customers"
        certified = [step for step in row.steps if not step["reasons"]]
        return f"at most {certified[-1]['bound']:.2%} of customers" if certified else "–"

    @admin.display(description="What was tested")
    def tested(self, row: Refinement) -> str:
        target = 100 * (row.steps[-1].get("target") or row.report.target)
        if row.kind == Refinement.Kind.TIGHTEN:
            (step,) = row.steps
            return (
                f"{step['wrong']} of {step['judgements']} customers were served wrongly, which is surely more than "
                f"{step['lower']:.2%}; the target is {target:g} %."
            )
        steps = [
            {**s, **{name: round(100 * s[name], 2) for name in ("bound", "bound_without_largest", "money_share")}}
            for s in row.steps
        ]
        alpha = round(100 * row.steps[-1]["alpha"], 3)
        told = {"steps": steps, "target": target, "alpha": alpha, "different": disagreement.DIFFERENT}
        return render_to_string("admin/learning/_steps.html", told)

    @admin.display(description="What it would change")
    def expected_words(self, row: Refinement) -> str:
        told = row.expected
        if not told.get("of"):
            return "There were no cases in the last four weeks."
        after = told["alone"] + told["cases"] * (1 if row.kind == Refinement.Kind.WIDEN else -1)
        hours = "saved" if row.kind == Refinement.Kind.WIDEN else "more"
        money = f", {told['money']} {told['currency']}" if Decimal(told["money"]) else ""
        return (
            f"{told['cases']} of the {told['of']} cases of the last four weeks{money}: the AI alone would have ruled "
            f"{100 * after / told['of']:.0f} % instead of {100 * told['alone'] / told['of']:.0f} %, {told['hours']} hours of "
            "people's time " + hours + "."
        )

    @admin.display(description="Replay")
    def replayed(self, row: Refinement) -> str:
        if row.replay is None:
            return (
                "A worker is at it: look again in a minute." if row.state == row.State.OPEN else "It was not replayed."
            )
        if "error" in row.replay:
            return f"It could not be replayed: {row.replay['error']}"
        period = {name: datetime.fromisoformat(row.replay[name]) for name in ("since", "until")}
        version = row.report.boundary.active_version
        told = {**period, "result": row.replay["result"], "version": version}
        return render_to_string("admin/learning/_replay.html", told)

    @admin.display(description="Cases")
    def cases(self, row: Refinement) -> str:
        found = Interaction.objects.in_bulk([int(pk) for pk in (*_of(row, "differing"), *_of(row, "agreeing"))])

        def listed(name: str) -> list[Interaction]:
            return [found[int(pk)] for pk in _of(row, name) if int(pk) in found]

        told = {"differing": listed("differing"), "agreeing": listed("agreeing")}
        return render_to_string("admin/learning/_cases.html", told)

    @admin.display(description="Made with")
    def made_with(self, row: Refinement) -> str:
        return ", ".join(row.rests_on.get("made_with", [])) or "–"

    @admin.action(description="Accept: make a draft", permissions=["decide"])
    def accept(self, request: HttpRequest, rows: QuerySet[Refinement]) -> None:
        for row in rows:
            told(request, partial(refinements.accept, person(request), row.pk))

    @admin.action(description="Dismiss (say why)", permissions=["decide"])
    def dismiss(self, request: HttpRequest, rows: QuerySet[Refinement]) -> None:
        for row in rows:
            told(request, partial(refinements.dismiss, person(request), row.pk, request.POST.get("why", "")))

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("learning.decide_refinement")


def _of(row: Refinement, name: str) -> list[str]:
    """Ids of the cases that it rests on."""
    found: list[str] = row.rests_on.get(name, [])
    return found


def _waiting(raw: dict[str, Any]) -> dict[str, Any]:
    named = f"{CaseType(raw['case_type']).label}: {Action(raw['action']).label.lower()}"
    return {**raw, "kind": named}


@admin.register(Ramp)
class RampAdmin(OfBoundaries):
    """Grants that began with a part of their cases. They go on by themselves, as their audits allow; anybody who may pause
    may stop one at once. What comes after is a new release."""

    nothing_yet = "No grant is on a ramp. A proposal that is accepted and released begins with a tenth of its cases."
    list_display = ("grant", "boundary", "share_words", "audited_words", "held", "stopped_at")
    list_filter = ("boundary", "case_type", "action")
    fields = (
        "grant",
        "boundary",
        "share_words",
        "stepped_at",
        "held",
        "audited_words",
        "left_out",
        "stopped_at",
        "stopped_because",
    )
    readonly_fields = fields
    actions = ("stop",)
    action_form = WhyForm

    @admin.display(description="Grant")
    def grant(self, row: Ramp) -> str:
        return str(row)

    @admin.display(description="The AI acts in", ordering="share")
    def share_words(self, row: Ramp) -> str:
        return "no case: stopped" if row.stopped_at else f"{row.share} % of its cases"

    @admin.display(description="Audited", ordering="audited")
    def audited_words(self, row: Ramp) -> str:
        return f"{row.audited:.0%}, or as many as the brand says"

    @admin.display(description="What holds it")
    def held(self, row: Ramp) -> str:
        return ramping.held_by(row, timezone.now()) or ("nothing" if row.share < 100 else "it has all of its cases")

    @admin.display(description="Left to people, never certified")
    def left_out(self, row: Ramp) -> str:
        return "; ".join(one.in_words() for one in row.never_certified()) or "–"

    @admin.action(description="Stop now (say why)", permissions=["stop"])
    def stop(self, request: HttpRequest, rows: QuerySet[Ramp]) -> None:
        for row in rows:
            told(request, partial(ramping.stop, person(request), row.pk, request.POST.get("why", "")))

    def has_stop_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("policies.add_pause")
