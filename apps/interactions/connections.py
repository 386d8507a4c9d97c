"""The process that talks with what is outside: shops and mail servers, each slow or dead one without delaying the others.

A desk takes what is due from the database, has it done in threads that touch no database, and keeps what came of it:

    take → work in a thread → finish

Whose a task is tells how much of each brand's is under way here, so that a desk can leave threads to the others.
"""

import logging
import queue
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.db import close_old_connections
from django.db.models import QuerySet, Window
from django.db.models.functions import RowNumber
from django.db.utils import InterfaceError, OperationalError

log = logging.getLogger(__name__)

IDLE_SECONDS, LONGEST_IDLE_SECONDS = 0.1, 0.5  # between two looks; the longer nothing is due, the longer
BACK_OFF_SECONDS = 5.0  # of a desk that cannot take its work
KEPT_A_ROUND = 50
OUTAGE = (OperationalError, InterfaceError)  # the database's; anything else is about one row, and ends nothing
Busy = Mapping[int, int]
"""How many tasks are under way here, by whose they are."""
NOBODY: Busy = {}
ENDS_WITHIN_SECONDS = 15.0


def fairly(rows: QuerySet[Any], busy: Busy, most: int, order: Sequence[str], limit: int) -> list[int]:
    """Primary keys of at most `limit` rows, of no brand more than `most`: all brands' first ones, then their second ones. Those
    that are `busy` with so many already have none."""
    full = [partner for partner, count in busy.items() if count >= most]
    place = Window(RowNumber(), partition_by="partner", order_by=list(order))
    ranked = rows.exclude(partner__in=full).annotate(place=place).filter(place__lte=most)
    return list(ranked.order_by("place", *order).values_list("pk", flat=True)[:limit])


@dataclass(frozen=True, slots=True)
class Task:
    """`work` runs in a thread, `finish` gets what it returns, or the exception that it raised. `of`: whose it is."""

    work: Callable[[], Any]
    finish: Callable[[Any], None]
    of: int = 0


@dataclass(frozen=True, slots=True)
class Desk:
    """One kind of work: how to take some of what is due, at most so many, and how much of it goes on at once."""

    name: str
    take: Callable[[int, Busy], Sequence[Task]]
    threads: int = 16


class Runner:
    """Rows are touched by the thread that calls `round` alone."""

    def __init__(self, desks: Sequence[Desk]) -> None:
        self._lanes = [(desk, ThreadPoolExecutor(desk.threads, desk.name)) for desk in desks]
        self._under_way = {desk.name: 0 for desk in desks}
        self._busy: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self._done: queue.SimpleQueue[tuple[str, Task, Any]] = queue.SimpleQueue()
        self._futures: list[tuple[str, Future[None]]] = []
        self._not_before = {desk.name: 0.0 for desk in desks}

    def round(self) -> int:
        """Keep what came back and hand out what is due; returns how much of either there was."""
        moved = self._keep()
        for desk, lane in self._lanes:
            for task in self._taken(desk):
                self._under_way[desk.name] += 1
                self._busy[desk.name][task.of] += 1
                self._futures.append((desk.name, lane.submit(self._work, desk.name, task)))
                moved += 1
        self._futures = [(name, future) for name, future in self._futures if not future.done()]
        return moved

    def _taken(self, desk: Desk) -> Sequence[Task]:
        """What a desk has to do; one that breaks while it looks is left alone for a while, and the others go on."""
        free = desk.threads - self._under_way[desk.name]
        if free <= 0 or time.monotonic() < self._not_before[desk.name]:
            return ()
        try:
            return desk.take(free, self._busy[desk.name])
        except OUTAGE:
            raise
        except Exception:
            log.exception("%s: its work could not be taken", desk.name)
            self._not_before[desk.name] = time.monotonic() + BACK_OFF_SECONDS
            return ()

    def finish(self, within: float = ENDS_WITHIN_SECONDS) -> None:
        """Keep what is under way, as far as it ends in time; what does not is taken up again when its lease ends."""
        for _, lane in self._lanes:
            lane.shutdown(wait=False, cancel_futures=True)
        for name, future in self._futures:
            self._under_way[name] -= future.cancelled()
        ends = time.monotonic() + within
        while any(self._under_way.values()) and time.monotonic() < ends:
            if not self._keep():
                time.sleep(0.02)

    def _work(self, desk: str, task: Task) -> None:
        try:
            came: Any = task.work()
        except Exception as error:
            log.exception("%s: work failed", desk)
            came = error
        self._done.put((desk, task, came))

    def _keep(self) -> int:
        kept = 0
        while kept < KEPT_A_ROUND:
            try:
                desk, task, came = self._done.get_nowait()
            except queue.Empty:
                break
            self._under_way[desk] -= 1
            self._busy[desk][task.of] -= 1
            kept += 1
            try:
                task.finish(came)
            except OUTAGE:
                raise  # its lease ends, and it is taken up again
            except Exception:
                log.exception("%s: what came of it could not be kept", desk)
        return kept


def run(desks: Sequence[Desk], should_stop: Callable[[], bool]) -> None:
    """Work until `should_stop()`."""
    runner, idle = Runner(desks), IDLE_SECONDS
    while not should_stop():
        try:
            close_old_connections()
            if runner.round():
                idle = IDLE_SECONDS
            else:
                time.sleep(idle)
                idle = min(2 * idle, LONGEST_IDLE_SECONDS)
        except OUTAGE:
            log.exception("the database does not answer; trying again")
            time.sleep(1)
    runner.finish()
