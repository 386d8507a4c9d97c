"""Replays of what reports propose: what each would have made of the last weeks, attached before anybody accepts it.

attach(report)       the proposals of one report, in a worker
attach_missing(now)  those whose worker was lost
"""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from apps.learning import practice
from apps.learning.models import Refinement, RefinementReport
from apps.policies import coaching, replaying

log = logging.getLogger(__name__)

DAYS = timedelta(days=replaying.DAYS)
LOST_AFTER = timedelta(minutes=15)


def attach(report_id: int) -> int:
    """Replay what is open of a report and was not replayed; returns how many."""
    attached = 0
    for row in _missing().filter(report=report_id).select_related("report__boundary"):
        now, boundary = timezone.now(), row.report.boundary
        widens = row.kind == Refinement.Kind.WIDEN
        draft = coaching.policy_with(practice.practised(boundary), row.rule(), after_granting=widens)
        period = (now - DAYS, now)
        result = replaying.compared(boundary, draft, boundary.active_version, period)
        said = {"since": period[0].isoformat(), "until": now.isoformat(), "result": result}
        attached += Refinement.objects.filter(pk=row.pk, replay__isnull=True).update(replay=said)
    return attached


def attach_missing(now: datetime) -> None:
    late = _missing().filter(report__made_at__lt=now - LOST_AFTER).values("report")
    with transaction.atomic():
        for report in RefinementReport.objects.filter(pk__in=late):
            async_task("apps.learning.replays.attach", report.pk)


def _missing() -> QuerySet[Refinement]:
    return Refinement.objects.filter(state=Refinement.State.OPEN, replay__isnull=True)
