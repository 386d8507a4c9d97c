"""The django-q2 tasks: each carries nothing, and asks the rows what is due.

Every loop is bounded in time, so that one task never outlives its timeout or looks like a frozen worker to
the watchdog; what is left wakes the next one.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.utils import timezone

from apps.interactions import claiming, closing, committing, execution, forgetting, notifying, pipeline
from apps.interactions.models import WorkerHeartbeat
from apps.interactions.waking import wake_workers
from apps.interactions.webhooks import stopping
from apps.policies import columnar, endings, replaying

log = logging.getLogger(__name__)

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
    """What time alone brings about: lapsed leases, overdue effects, quiet cases, releases that end; a wake-up that
    got lost; and one more chunk of rulings for replays, when there is one."""
    now = timezone.now()
    in_turn(
        claiming.release_lapsed, execution.look_up_overdue, closing.close_quiet, partial(endings.end_due, now),
        partial(replaying.give_up_lost, now), advance, partial(columnar.build, now), partial(notifying.watch, now),
        partial(notifying.send, now), partial(stopping.tell, now),
    )  # fmt: skip


def forget() -> None:
    """What the machinery keeps only for a while; what is left goes the next time."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while forgetting.forget_old(timezone.now()) and time.monotonic() < deadline:
        pass


def in_turn(*steps: Callable[[], object]) -> None:
    """A step that breaks is logged and tried again the next time; it keeps no other from its turn."""
    for step in steps:
        try:
            step()
        except Exception:
            log.exception("%s broke; the other steps go on", getattr(step, "func", step))


def beat() -> None:
    """A sign of life: a worker took a task and reached the database."""
    now = timezone.now()
    WorkerHeartbeat.objects.update_or_create(pk=1, defaults={"beat_at": now})


def workers_are_alive(within: timedelta = timedelta(seconds=20)) -> bool:
    return WorkerHeartbeat.objects.filter(beat_at__gte=timezone.now() - within).exists()
