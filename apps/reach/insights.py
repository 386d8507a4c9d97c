"""Insights: how the loop has gone, in numbers that are counted from the records when somebody looks.

A case is resolved by the AI when it handled it alone; durably so when the customer did not come back with it within
seven days. Agreement with a proposal in view and blind agreement are reported apart: only the latter says how often the AI is
right. Hours saved are the cases that the AI resolved, times the median time people took for the same type.
"""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncWeek
from django.utils import timezone

from apps.interactions.models import DecisionRecord, Effect, ReasonCode
from apps.interactions.models.outcome import REOPENED_WITHIN
from apps.learning.certification import ALPHA, Judged, examine
from apps.learning.disagreement import DIFFERENT
from apps.learning.evidence import pieces_of
from apps.learning.exceptions import decided_in, unwritten
from apps.learning.models import Signal
from apps.learning.practice import targets_in
from apps.policies.models import Boundary, BoundaryVersion, partners_of
from apps.policies.targets import Targets
from apps.policies.words import Action, CaseType
from apps.reach import breakdowns
from apps.reach.tables import (
    Chosen,
    Percentile,
    Row,
    Table,
    began_again,
    by,
    came_back,
    durably,
    kept,
    resolved_alone,
    share,
    whole,
)

WEEKS = 12
WEEK = timedelta(weeks=1)


def journey(chosen: Chosen) -> Table:
    """Week by week: cases, and the share that the AI resolved, and resolved durably. Its durable share can fall until
    seven days after the last of its cases ended: a week that is younger than that is told as so far."""
    weeks = (
        chosen.cases()
        .annotate(back=came_back(), again=began_again(), week=TruncWeek("created_at"))
        .values("week")
        .annotate(
            total=Count("pk"),
            alone=Count("pk", filter=resolved_alone()),
            durable=Count("pk", filter=durably()),
        )
        .order_by("week")
    )
    now = timezone.now()
    rows = tuple(
        Row(
            f"{week['week']:%Y-%m-%d}",
            (
                week["total"],
                share(week["alone"], week["total"]),
                share(week["durable"], week["total"]),
                "so far" if week["week"] + WEEK + REOPENED_WITHIN > now else "",
            ),
        )
        for week in weeks
    )
    return Table("journey", "Resolved by the AI, by week", ("Cases", "Resolved by the AI, %", "Durably, %", ""), rows)


def releases(chosen: Chosen) -> Table:
    """Boundary versions that became active, to be marked in the journey."""
    found = BoundaryVersion.objects.filter(
        boundary__partner__in=partners_of(chosen.user), activated_at__gte=chosen.since
    ).select_related("boundary")
    rows = tuple(
        Row(f"{row.activated_at:%Y-%m-%d}", (str(row),))
        for row in found.distinct().order_by("activated_at")
        if row.activated_at
    )
    return Table("releases", "Releases", ("Version",), rows)


def agreement(chosen: Chosen) -> Table:
    """By type: how often people agreed with the proposal, unseen and seen apart."""
    found = (
        chosen.of(Signal.objects.filter(at__gte=chosen.since), "decision__interaction")
        .values("case_type")
        .annotate(
            blind=Count("pk", filter=Q(proposal_seen=False)),
            blind_agreed=Count("pk", filter=Q(proposal_seen=False, agreed=True)),
            seen=Count("pk", filter=Q(proposal_seen=True)),
            seen_agreed=Count("pk", filter=Q(proposal_seen=True, agreed=True)),
        )
        .order_by("case_type")
    )
    rows = tuple(
        Row(
            CaseType(row["case_type"]).label,
            (
                row["blind"],
                share(row["blind_agreed"], row["blind"]),
                row["seen"],
                share(row["seen_agreed"], row["seen"]),
                anchoring(row["blind_agreed"], row["blind"], row["seen_agreed"], row["seen"]),
            ),
        )
        for row in found
    )
    return Table(
        "agreement",
        "Agreement with the AI",
        ("Judged blind", "agreed, %", "With it in view", "kept, %", "Anchoring, points"),
        rows,
        f"Not agreed is {DIFFERENT}.",
    )


def anchoring(blind_agreed: int, blind: int, seen_agreed: int, seen: int) -> str | None:
    """How much oftener people agree with a proposal that they see than with one that they do not, in percentage points, with
    the standard error of the difference; None without both."""
    if not blind or not seen:
        return None
    unseen, shown = blind_agreed / blind, seen_agreed / seen
    error = math.sqrt(unseen * (1 - unseen) / blind + shown * (1 - shown) / seen)
    return f"{100 * (shown - unseen):+.0f} ± {100 * error:.0f}"


def evidence(chosen: Chosen) -> Table:
    """How often the AI is wrong, by type and what it proposes: from blind judgements and audits alone, a customer counting
    once, and thinned out to as few as the rarest were drawn with. What it is surely under is meant for one look; a
    certificate asks more."""
    brands = [one for one in partners_of(chosen.user).order_by("pk") if chosen.brand in ("", one.slug)]
    groups: dict[tuple[str, str], list[Judged]] = {}
    for piece in pieces_of(brands, chosen.since, timezone.now()):
        if chosen.type in ("", piece.case_type) and chosen.channel in ("", piece.channel):
            groups.setdefault((piece.case_type, piece.action), []).append(piece.judged)
    targets = [targets_in(one) for one in Boundary.objects.filter(partner__in=brands).distinct()] or [Targets()]
    rows = []
    for (case_type, action), judged in sorted(groups.items()):
        target = min(one.of(case_type, action) for one in targets)
        least = min(one.probability for one in judged)
        found = examine([replace(one, least=least) for one in judged], target=target, alpha=ALPHA)
        label = f"{CaseType(case_type).label}: {Action(action).label.lower()}"
        more = "not by more of these" if found.more_needed is None else found.more_needed
        rows.append(Row(label, (found.judgements, found.clusters, found.wrong, round(100 * found.bound, 1),
                                round(100 * target, 2), more)))  # fmt: skip
    columns = ("Judged unseen", "Customers", "of them wrong", "Surely under, %", "Target, %", "More for it")
    told = "What is drawn oftener than the rest, such as audits of a new grant, counts for no more: a part of it is left out."
    return Table("evidence", "How often the AI is wrong", columns, tuple(rows), told)


def overrides(chosen: Chosen) -> Table:
    """Why people decided otherwise, the most frequent reason first, with the part that was wrong."""
    labels = dict(ReasonCode.objects.values_list("code", "label"))
    parts = dict(DecisionRecord.WrongPart.choices)
    found = (
        chosen.of(
            Signal.objects.filter(at__gte=chosen.since, agreed=False, proposal_seen=True), "decision__interaction"
        )
        .exclude(final_action=Action.ASK_CUSTOMER)
        .values("reason_code", "wrong_part")
        .annotate(count=Count("pk"))
        .order_by("-count")[:10]
    )
    rows = tuple(
        Row(labels.get(row["reason_code"], "No reason given"), (parts.get(row["wrong_part"], "–"), row["count"]))
        for row in found
    )
    return Table("overrides", "Why people decided otherwise", ("What was wrong", "Decisions"), rows)


def exceptions(chosen: Chosen) -> Table:
    """What people keep deciding otherwise, and what such cases have in common: rules that nobody has written."""
    labels = dict(ReasonCode.objects.values_list("code", "label"))
    brands = [one for one in partners_of(chosen.user) if chosen.brand in ("", one.slug)]
    decided = [one for one in decided_in(brands, chosen.since) if chosen.type in ("", one.case_type)]
    rows = []
    for one in unwritten(decided)[:10]:
        when = f"when {one.condition.in_words()}" if one.condition else "whatever the facts"
        instead = f"{Action(one.final).label.lower()} instead of {Action(one.proposed).label.lower()}"
        label = f"{CaseType(one.case_type).label}: {instead} {when}"
        why = labels.get(one.code, "no reason given") + (f", “{one.word}”" if one.word else "")
        rows.append(Row(label, (why, one.times, one.people, one.alike)))
    return Table("exceptions", "Exceptions that no rule says", ("Why", "Times", "People", "Cases like it"), tuple(rows))


def money(chosen: Chosen) -> Table:
    """What was moved, by whom, in which currency."""
    done = chosen.of(
        Effect.objects.filter(state="done", amount__isnull=False, settled_at__gte=chosen.since), "decision__interaction"
    )
    found = (
        done.values("action", "currency")
        .annotate(
            alone=Sum("amount", filter=Q(decision__decided_by__isnull=True)),
            people=Sum("amount", filter=Q(decision__decided_by__isnull=False)),
            count=Count("pk"),
        )
        .order_by("currency", "action")
    )
    rows = tuple(
        Row(
            f"{Action(row['action']).label}, {row['currency']}",
            (row["count"], row["alone"] or 0, row["people"] or 0),
        )
        for row in found
    )
    return Table("money", "Money moved", ("Times", "By the AI", "By people"), rows)


@dataclass(frozen=True, slots=True)
class Headline:
    """The numbers on top. Seconds are to decide; hours are saved."""

    cases: int
    alone_share: float | None
    durable_share: float | None
    median_seconds: int | None
    p90_seconds: int | None
    kept_share: float | None
    hours_saved: float | None


def headline(chosen: Chosen) -> Headline:
    cases = chosen.cases().annotate(back=came_back(), again=began_again())
    found = cases.aggregate(
        total=Count("pk"),
        alone=Count("pk", filter=resolved_alone()),
        durable=Count("pk", filter=durably()),
    )
    decided = chosen.of(
        DecisionRecord.objects.filter(decided_by__isnull=False, decided_at__gte=chosen.since), "interaction"
    )
    took = decided.aggregate(median=Percentile("seconds", 0.5), p90=Percentile("seconds", 0.9))
    clocks = chosen.clocks().aggregate(**kept(now=timezone.now()))
    return Headline(
        cases=found["total"],
        alone_share=share(found["alone"], found["total"]),
        durable_share=share(found["durable"], found["total"]),
        median_seconds=whole(took["median"]),
        p90_seconds=whole(took["p90"]),
        kept_share=share(clocks["in_time"], clocks["done"]),
        hours_saved=_hours_saved(chosen, decided, took["median"]),
    )


def _hours_saved(chosen: Chosen, decided: QuerySet[DecisionRecord], overall: float | None) -> float | None:
    """Measured times only: without a decision of people there is nothing to compare with."""
    if overall is None:
        return None
    medians = by(decided, "interaction__case_type", median=Percentile("seconds", 0.5))
    alone = chosen.cases().filter(resolved_alone()).values("case_type").annotate(count=Count("pk"))
    seconds = sum(row["count"] * (medians.get(row["case_type"], {}).get("median") or overall) for row in alone)
    return float(round(seconds / 3600, 1))


TABLES = {
    "journey": journey,
    "releases": releases,
    "agreement": agreement,
    "evidence": evidence,
    "overrides": overrides,
    "exceptions": exceptions,
    "money": money,
}


def table(chosen: Chosen, name: str, now: datetime) -> Table | None:
    """One table by its name, as the CSV asks for it; None for a name that there is not."""
    if name == "backlog":
        return breakdowns.backlog(chosen, now)
    if name.startswith("by_") and name[3:] in breakdowns.GROUPS:
        return breakdowns.by_group(chosen, name[3:])
    return TABLES[name](chosen) if name in TABLES else None
