"""The watchdog: asks the workers for signs of life, restarts a cluster that gives none, and wakes it for due work.

A killed idle worker can freeze a whole django-q2 cluster without any process ending, so the only proof of
life is a task that was carried out: `tasks.beat`.
"""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from django.conf import settings
from django.db import close_old_connections
from django.db.utils import Error as DatabaseError
from django.utils import timezone
from django_q.models import Schedule
from django_q.tasks import async_task

from apps.interactions import settlement
from apps.interactions.models import WorkerHeartbeat
from apps.interactions.waking import wake_workers

log = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 0.5
ASK_EVERY = timedelta(seconds=5)
# Longer than any task may work (tasks.LONGEST_SECONDS) plus start-up, shorter than anybody wants to wait.
SILENT_AFTER = timedelta(seconds=settings.WORKERS_SILENT_SECONDS)
END_WITHIN_SECONDS = 10


class Cluster:
    """A `qcluster` process with its forked children, in a session of their own."""

    def __init__(self) -> None:
        self.started_at = timezone.now()
        self.process = subprocess.Popen([sys.executable, "manage.py", "qcluster"], start_new_session=True)

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def end(self) -> None:
        """Ask it to finish what it does; what does not end in time, or is frozen, is killed with its children."""
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(END_WITHIN_SECONDS)
        self.kill()

    def kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def run(should_stop: Callable[[], bool]) -> None:
    """Keep one cluster alive until `should_stop()`."""
    cluster = Cluster()
    try:
        while not should_stop():
            try:
                close_old_connections()
                if cluster.ended or is_silent(cluster):
                    log.warning(
                        "the workers %s; starting them anew", "ended" if cluster.ended else "give no sign of life"
                    )
                    cluster.kill()
                    cluster = Cluster()
                look_after()
            except DatabaseError:
                log.exception("the database does not answer; trying again")
            time.sleep(LOOK_EVERY_SECONDS)
    finally:
        cluster.end()


def is_silent(cluster: Cluster) -> bool:
    """No beat since the cluster started, or since the last one, for longer than any task may take."""
    now = timezone.now()
    if now - cluster.started_at < SILENT_AFTER:
        return False
    return not WorkerHeartbeat.objects.filter(beat_at__gt=now - SILENT_AFTER).exists()


def look_after() -> None:
    """Ask for a beat when one is due, keep the sweeper scheduled, and wake the workers for what is due."""
    now = timezone.now()
    row, _ = WorkerHeartbeat.objects.get_or_create(pk=1)
    if row.asked_at is None or now - row.asked_at > ASK_EVERY:
        WorkerHeartbeat.objects.filter(pk=1).update(asked_at=now)
        async_task("apps.interactions.tasks.beat")
        schedule_sweeper()
    if settlement.work_left():
        wake_workers()  # an undo window ended, or a wake-up got lost


def schedule_sweeper() -> None:
    for name, (task, minutes) in settings.SWEEPERS.items():
        Schedule.objects.get_or_create(
            name=name, defaults={"func": task, "schedule_type": Schedule.MINUTES, "minutes": minutes}
        )
