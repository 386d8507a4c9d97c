"""Insights and the morning handover: pages that are read, and their tables as CSV."""

import csv
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from apps.interactions.models.interaction import CHANNELS
from apps.policies.models import partners_of
from apps.policies.words import CaseType
from apps.reach import breakdowns, charts, insights
from apps.reach.access import sees_numbers, sees_queue
from apps.reach.handover import handover_of
from apps.reach.tables import Chosen, Table
from apps.reach.views.case import person

HOURS = (8, 12, 24)


@require_GET
@sees_numbers
def page(request: HttpRequest) -> HttpResponse:
    chosen, now = _chosen(request), timezone.localtime()
    group = request.GET.get("by", "type")
    group = group if group in breakdowns.GROUPS else "type"
    journey, releases = insights.journey(chosen), insights.releases(chosen)
    backlog = breakdowns.backlog(chosen, now)
    context = {
        "headline": insights.headline(chosen),
        "journey": journey,
        "journey_chart": _journey_chart(journey, releases),
        "releases": releases,
        "backlog": backlog,
        "backlog_chart": charts.bars([row.label for row in backlog.rows], [row.values[0] for row in backlog.rows]),
        "tables": [
            insights.agreement(chosen), insights.evidence(chosen), insights.overrides(chosen), insights.exceptions(chosen),
            insights.money(chosen), breakdowns.by_group(chosen, group),
        ],
        "groups": breakdowns.GROUPS.items(),
        "group": group,
        "chosen": chosen,
        "query": request.GET.urlencode(),
        "brands": partners_of(person(request)).order_by("name")[:200],
        "case_types": CaseType.choices,
        "channels": CHANNELS,
        "weeks": insights.WEEKS,
    }  # fmt: skip
    return render(request, "reach/insights.html", context)


@require_GET
@sees_numbers
def as_csv(request: HttpRequest, name: str) -> HttpResponse:
    """One table as it stands on the page, for a spreadsheet."""
    found = insights.table(_chosen(request), name, timezone.localtime())
    if found is None:
        raise Http404("There is no such table.")
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="remit-{name.replace("_", "-")}.csv"'
    writer = csv.writer(answer)
    writer.writerow(["", *found.columns])
    for row in found.rows:
        writer.writerow([_harmless(row.label), *(_harmless(value) for value in row.values)])
    return answer


def _harmless(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula is kept as text."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


@require_GET
@sees_queue
def handover(request: HttpRequest) -> HttpResponse:
    said = request.GET.get("hours", "")
    hours = int(said) if said in {str(hour) for hour in HOURS} else None
    found = handover_of(person(request), timezone.now(), hours)
    return render(request, "reach/handover.html", {"handover": found, "hours": hours, "choices": HOURS})


def _chosen(request: HttpRequest) -> Chosen:
    """What the address asks for; what is not known is left out."""
    given = request.GET
    found = Chosen(person(request), timezone.localtime() - timedelta(weeks=insights.WEEKS))
    if given.get("type", "") in CaseType.values:
        found = replace(found, type=given["type"])
    if given.get("channel", "") in CHANNELS:
        found = replace(found, channel=given["channel"])
    return replace(found, brand=given.get("brand", "")[:50])


def _journey_chart(journey: Table, releases: Table) -> charts.Chart:
    labels = [row.label for row in journey.rows]
    flags: dict[str, str] = {}
    for row in releases.rows:  # a release stands at the week it falls into
        week = max((label for label in labels if label <= row.label), default="")
        if week:
            flags[week] = row.values[0]
    return charts.lines(labels, [[row.values[place] for row in journey.rows] for place in (1, 2)], top=100, flags=flags)
