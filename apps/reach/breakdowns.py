"""Insights broken down: by brand, type, channel and time of day, and the backlog hour by hour."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Model, QuerySet
from django.db.models.functions import ExtractHour, TruncHour
from django.utils import timezone

from apps.interactions import claiming
from apps.interactions.models import DecisionRecord
from apps.policies.words import CaseType
from apps.reach.tables import Chosen, Percentile, Row, Table, by, kept, resolved_alone, share, whole

BACKLOG_HOURS = 48
GROUPS = {"brand": "Brand", "type": "Type", "channel": "Channel", "shift": "Time of day"}


def by_group(chosen: Chosen, group: str) -> Table:
    """Cases, resolution, time to decide and clocks kept, by brand, type, channel or time of day."""
    path = {"brand": "partner__name", "type": "case_type", "channel": "channel", "shift": "hour"}[group]
    cases = chosen.cases().annotate(hour=ExtractHour("created_at"))
    counted = {
        row[path]: row
        for row in cases.values(path)
        .annotate(total=Count("pk"), alone=Count("pk", filter=resolved_alone()))
        .order_by(path)
    }
    waited = chosen.clocks().annotate(hour=ExtractHour("interaction__created_at"))
    clocks = by(waited, f"interaction__{path}" if group != "shift" else "hour", **kept(now=timezone.now()))
    decided = chosen.of(
        DecisionRecord.objects.filter(decided_by__isnull=False, decided_at__gte=chosen.since), "interaction"
    ).annotate(hour=ExtractHour("interaction__created_at"))
    took = by(decided, f"interaction__{path}" if group != "shift" else "hour",
               median=Percentile("seconds", 0.5), p90=Percentile("seconds", 0.9))  # fmt: skip
    if group == "shift":
        counted, clocks, took = _shifts(counted, ("total", "alone")), _shifts(clocks, ("done", "in_time")), {}
    rows = []
    for key, row in counted.items():
        clock, seconds = clocks.get(key, {}), took.get(key, {})
        rows.append(
            Row(
                _label(group, key),
                (row["total"], share(row["alone"], row["total"]), whole(seconds.get("median")), whole(seconds.get("p90")),
                 share(clock.get("in_time", 0), clock.get("done", 0))),
            )
        )  # fmt: skip
    columns = ("Cases", "Resolved by the AI, %", "Median seconds to decide", "90th percentile", "Clocks kept, %")
    return Table(f"by_{group}", f"By {GROUPS[group].lower()}", columns, tuple(rows))


def _shifts(by_hour: dict[Any, dict[str, Any]], names: Sequence[str]) -> dict[Any, dict[str, Any]]:
    """Hours of the reader's day as three shifts: 0, 8 and 16."""
    found: dict[Any, dict[str, Any]] = {}
    for hour, row in by_hour.items():
        shift = found.setdefault(hour // 8 * 8, dict.fromkeys(names, 0))
        for name in names:
            shift[name] += row[name]
    return dict(sorted(found.items()))


def _label(group: str, key: Any) -> str:
    if group == "type":
        return CaseType(key).label if key in CaseType.values else "Not yet read"
    if group == "shift":
        return f"{key:02d}:00–{key + 8:02d}:00"
    return str(key)


def backlog(chosen: Chosen, now: datetime) -> Table:
    """How many cases waited for people at the start of each of the last hours."""
    start = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=BACKLOG_HOURS)
    rows = chosen.of(claiming.covered_by_remit(chosen.user), "interaction")
    opened = _per_hour(rows.filter(opened_at__gte=start), "opened_at")
    closed = _per_hour(rows.filter(closed_at__gte=start), "closed_at")
    waiting = chosen.of(claiming.covered_by_remit(chosen.user).waiting(), "interaction").count()
    count, found = waiting, []
    for back in range(BACKLOG_HOURS + 1):
        hour = start + timedelta(hours=BACKLOG_HOURS - back)
        count = count - opened.get(hour, 0) + closed.get(hour, 0)
        found.append(Row(f"{hour:%a %H:%M}", (max(0, count),)))
    found.reverse()
    return Table("backlog", "Waiting, hour by hour", ("Cases",), (*found, Row("now", (waiting,))))


def _per_hour(rows: QuerySet[Model], name: str) -> dict[datetime, int]:
    found = rows.annotate(hour=TruncHour(name)).values("hour").annotate(count=Count("pk"))
    return {row["hour"]: row["count"] for row in found}
