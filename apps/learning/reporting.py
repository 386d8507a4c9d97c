"""Making reports in the background: asked for by somebody, or due after a week; carried out by a worker, with progress.

ask(user, boundary)     one at a time of a boundary; asking again gives the one that is under way
ask_due(now)            of every boundary in force whose last report is a week old
run(run_id)             in a worker; what breaks is kept with the run
give_up_lost(now)       runs whose worker ended on the way
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Max, Q
from django.utils import timezone
from django_q.tasks import async_task

from apps.learning import refinements
from apps.learning.models import ReportRun
from apps.policies import editing
from apps.policies.models import Boundary, BoundaryVersion

log = logging.getLogger(__name__)

EVERY = timedelta(days=7)
LONGEST = timedelta(minutes=10)  # a report may take
AGAIN_AFTER = timedelta(hours=1)  # one that broke
_S = ReportRun.Status


def ask(user: User | None, boundary: Boundary) -> ReportRun:
    """Raises Refused when the boundary is outside the person's remit. A report out of turn spends α like any other."""
    if user is not None:
        editing.within_remit(user, boundary)
    with transaction.atomic():
        found, created = ReportRun.objects.get_or_create(
            boundary=boundary, status__in=ReportRun.UNDER_WAY, defaults={"asked_by": user, "asked_at": timezone.now()}
        )
        if created:
            async_task("apps.learning.reporting.run", found.pk, timeout=int(LONGEST.total_seconds()))
    return found


def ask_due(now: datetime) -> int:
    due = Boundary.objects.filter(versions__state=BoundaryVersion.State.ACTIVE).annotate(
        last=Max("refinement_reports__made_at"), broke=Max("report_runs__ended_at", filter=Q(report_runs__status=_S.FAILED))
    )  # fmt: skip
    quiet = Q(broke__isnull=True) | Q(broke__lte=now - AGAIN_AFTER) | Q(broke__lt=F("last"))
    wanted = due.filter(Q(last__isnull=True) | Q(last__lte=now - EVERY)).filter(quiet)
    for boundary in wanted:
        ask(None, boundary)
    return len(wanted)


def run(run_id: int) -> None:
    """One that another worker took is left alone."""
    now = timezone.now()
    if not ReportRun.objects.filter(pk=run_id, status=_S.WAITING).update(status=_S.RUNNING, started_at=now):
        return
    asked = ReportRun.objects.select_related("boundary").get(pk=run_id)

    def said(step: str, percent: int) -> None:
        ReportRun.objects.filter(pk=run_id).update(step=step[:100], percent=percent)

    try:
        report = refinements.make_report(asked.boundary, now, said)
    except Exception as error:
        log.exception("the report of %s could not be made", asked.boundary)
        end: dict[str, Any] = {"status": _S.FAILED, "error": f"{type(error).__name__}: {error}"}
    else:
        end = {"status": _S.DONE, "report_id": report.pk, "percent": 100, "step": ""}
    ReportRun.objects.filter(pk=run_id).update(ended_at=timezone.now(), **end)


def give_up_lost(now: datetime) -> int:
    """So that they can be asked for again."""
    lost = ReportRun.objects.filter(
        Q(status=_S.RUNNING, started_at__lt=now - 2 * LONGEST) | Q(status=_S.WAITING, asked_at__lt=now - 6 * LONGEST)
    )
    return lost.update(status=_S.FAILED, ended_at=now, error="The worker that carried it out ended. Ask again.")
