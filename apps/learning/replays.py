"""Replays of what reports propose: what each would have made of the last weeks, attached before anybody accepts it.

attach(report)       the proposals of one report, in a worker
attach_missing(now)  those whose worker was lost
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from apps.learning.models import Refinement, RefinementReport
from apps.policies import granting, ramps, replaying
from apps.policies.specs import PolicySpec

log = logging.getLogger(__name__)

DAYS = timedelta(days=replaying.DAYS)
LOST_AFTER = timedelta(hours=1)
LONGEST_SECONDS = 600


def attach(report_id: int) -> int:
    """Replay what is open of a report and was not replayed; returns how many. One that breaks says why, and stops no other."""
    attached = 0
    for row in _missing().filter(report=report_id).select_related("report__boundary").order_by("pk"):
        now = timezone.now()
        said: dict[str, Any] = {"since": (now - DAYS).isoformat(), "until": now.isoformat()}
        try:
            said["result"] = _replayed(row, now)
        except Exception as error:
            log.exception("%s could not be replayed", row)
            said["error"] = f"{type(error).__name__}: {error}"
        attached += Refinement.objects.filter(pk=row.pk, replay__isnull=True).update(replay=said)
    return attached


def _replayed(row: Refinement, now: datetime) -> dict[str, Any]:
    """The draft that accepting would make, beside the version that rules."""
    boundary = row.report.boundary
    version = boundary.active_version
    active = version.policy() if version else PolicySpec()
    widens = row.kind == Refinement.Kind.WIDEN
    if widens:  # stopped grants of its type make room in the draft
        stopped = ramps.stopped(rule.ramp for rule in active.rules if rule.case_type == row.case_type)
        active = replace(active, rules=tuple(rule for rule in active.rules if rule.ramp not in stopped))
    draft = granting.policy_with(active, row.rule(active), after_granting=widens)
    return replaying.compared(boundary, draft, version, (now - DAYS, now))


def attach_missing(now: datetime) -> None:
    late = _missing().filter(report__made_at__lt=now - LOST_AFTER).values("report")
    with transaction.atomic():
        for report in RefinementReport.objects.filter(pk__in=late):
            async_task("apps.learning.replays.attach", report.pk, timeout=LONGEST_SECONDS)


def _missing() -> QuerySet[Refinement]:
    return Refinement.objects.filter(state=Refinement.State.OPEN, replay__isnull=True)
