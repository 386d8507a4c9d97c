"""The django-q2 tasks: each carries nothing, and asks the rows what is due.

Every loop is bounded in time, so that one task never outlives its timeout or looks like a frozen worker to
the watchdog; what is left wakes the next one.
"""

import time
from datetime import timedelta

from django.utils import timezone

from apps.interactions import claiming, closing, committing, execution, forgetting, notifying, pipeline
from apps.interactions.models import WorkerHeartbeat
from apps.interactions.waking import wake_workers
from apps.policies import columnar, endings, replaying

LONGEST_SECONDS = 8.0


def advance() -> int:
    """Work on what is due until nothing is or the time is over; returns how many rows were moved."""
    total, deadline = 0, time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        moved = one_round()
        beat()  # work is a sign of life too: beats may wait behind a long backlog
        total += moved
        if not moved:
            return total
    wake_workers()
    return total


def one_round() -> int:
    """One bounded step of every kind of work."""
    return pipeline.advance() + committing.commit_due() + execution.execute()


def sweep() -> None:
    """What time alone brings about: lapsed leases, overdue effects, quiet cases, releases that end, logs that are old; a
    wake-up that got lost; and one more chunk of rulings for replays, when there is one."""
    claiming.release_lapsed()
    execution.look_up_overdue()
    closing.close_quiet()
    now = timezone.now()
    endings.end_due(now)
    replaying.give_up_lost(now)
    advance()
    columnar.build(now)
    notifying.watch(now)
    notifying.send(now)
    forgetting.forget_old(now)


def beat() -> None:
    """A sign of life: a worker took a task and reached the database."""
    now = timezone.now()
    WorkerHeartbeat.objects.update_or_create(pk=1, defaults={"beat_at": now})


def workers_are_alive(within: timedelta = timedelta(seconds=20)) -> bool:
    return WorkerHeartbeat.objects.filter(beat_at__gte=timezone.now() - within).exists()
