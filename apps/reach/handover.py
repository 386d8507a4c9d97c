"""The morning handover: what came in while nobody was there, what was done, what waits, and what was promised to whom."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, Min, Q, Sum

from apps.interactions import claiming, clocks
from apps.interactions.models import DecisionRecord, Effect, Escalation, Interaction
from apps.policies import pauses
from apps.policies.models import partners_of
from apps.policies.words import CaseType
from apps.reach.tables import by_person, resolved_alone

FIRST = 15
PROMISES = 12
MOST_BRANDS = 50
_USUAL_DAYS = 7
_MUCH = 2.0  # times the usual


@dataclass(frozen=True, slots=True)
class Handover:
    """`since` is when people of the brands last stopped answering. Anomalies are sentences with where to look."""

    since: datetime
    came: int
    usual: float
    by_type: list[tuple[str, int, int]]
    resolved: int
    asked: int
    moved: list[dict[str, Any]]
    waiting: int
    first: list[Escalation]
    promised: list[dict[str, Any]]
    anomalies: list[tuple[str, str]]


def handover_of(user: User, now: datetime, hours: int | None = None) -> Handover:
    """Since `hours` ago, or since people of the person's brands last stopped answering."""
    since = now - timedelta(hours=hours) if hours else night_began(user, now)
    brands = partners_of(user).real()
    came = Interaction.objects.filter(partner__in=brands, created_at__gte=since).exclude(state="merged")
    came, alone = came.annotate(by_person=by_person()), resolved_alone()
    counted = came.values("case_type").annotate(count=Count("pk"), alone=Count("pk", filter=alone)).order_by("-count")
    by_type = [
        (CaseType(row["case_type"]).label if row["case_type"] else "Being read", row["count"], row["alone"])
        for row in counted
    ]
    before = Interaction.objects.filter(
        partner__in=brands, created_at__gte=since - timedelta(days=_USUAL_DAYS), created_at__lt=since
    ).exclude(state="merged").count()  # fmt: skip
    usual = before * (now - since) / timedelta(days=_USUAL_DAYS)
    total = sum(count for _, count, _ in by_type)
    moved = (
        Effect.objects.filter(partner__in=brands, state="done", amount__isnull=False, settled_at__gte=since)
        .values("currency")
        .annotate(
            alone=Sum("amount", filter=Q(decision__decided_by__isnull=True)), all=Sum("amount"), count=Count("pk")
        )
        .order_by("currency")
    )
    waiting = claiming.covered_by_remit(user).waiting()
    return Handover(
        since=since,
        came=total,
        usual=round(usual, 1),
        by_type=by_type,
        resolved=came.filter(alone).count(),
        asked=came.filter(state="awaiting_customer").count(),
        moved=[dict(row) for row in moved],
        waiting=waiting.count(),
        first=list(waiting.most_urgent().select_related("partner", "interaction__customer")[:FIRST]),
        promised=_promised(user),
        anomalies=_anomalies(user, since, now, total, usual),
    )


def night_began(user: User, now: datetime) -> datetime:
    """When the first of the person's brands last closed; twelve hours ago where none closes."""
    closings = [clocks.last_closing(partner, now) for partner in partners_of(user).real()[:MOST_BRANDS]]
    known = [closing for closing in closings if closing is not None]
    return min(known, default=now - timedelta(hours=12))


def _promised(user: User) -> list[dict[str, Any]]:
    """By when how many customers were told they are answered, the earliest first."""
    rows = claiming.covered_by_remit(user).waiting().filter(interaction__resolve_by__isnull=False)
    hours = rows.values("partner__name", "interaction__resolve_by__date", "interaction__resolve_by__hour")
    found = hours.annotate(count=Count("pk"), by=Min("interaction__resolve_by")).order_by("by")
    return [dict(row) for row in found[:PROMISES]]


def _type(value: str) -> str:
    return CaseType(value).label if value else "Being read"


def _anomalies(user: User, since: datetime, now: datetime, came: int, usual: float) -> list[tuple[str, str]]:
    """What is not as it should be: a sentence, and the address of where to look."""
    brands = partners_of(user).real()
    waiting = claiming.covered_by_remit(user).waiting()
    counts = [
        (waiting.filter(due_at__lt=now).count(), "waiting past their clock", "/reach/?due=over"),
        (waiting.filter(harm__gte=4).count(), "waiting that may hurt somebody or end in court", "/reach/"),
        (waiting.filter(flagged=True).count(), "said in public and unanswered", "/reach/?show=public"),
        (Interaction.objects.filter(partner__in=brands, state="stalled").count(), "stalled: the machine cannot go on",
         "/admin/interactions/interaction/?state__exact=stalled"),
        (Effect.objects.filter(partner__in=brands, state="unknown").count(), "actions whose outcome is unknown",
         "/admin/interactions/effect/?state__exact=unknown"),
        (DecisionRecord.objects.filter(partner__in=brands, state="failed", decided_at__gte=since).count(),
         "decisions that could not be carried out", "/admin/interactions/decisionrecord/?state__exact=failed"),
    ]  # fmt: skip
    said = [(f"{count:,} {words}", where) for count, words, where in counts if count]
    if usual >= 1 and came >= _MUCH * usual:
        said.append((f"{came / usual:.1f} times as many as usual at this length of time came in", "/flow/"))
    said += [
        (f"Paused: {pause.scope_in_words()}. {pause.reason}", "/admin/policies/pause/")
        for pause in pauses.seen_by(user).filter(lifted_at=None)
    ]
    return said
