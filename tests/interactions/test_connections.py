"""The process that talks with what is outside: a desk that breaks, is slow or is full delays no other."""

import threading
import time

import pytest
from django.db import DataError, OperationalError

from apps.interactions import connections
from apps.interactions.connections import Desk, Runner, Task
from config import processes


def rounds(runner, seconds=1.0):
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        runner.round()
        time.sleep(0.01)


def test_a_desk_that_breaks_is_left_alone_for_a_while_and_the_others_go_on():
    done, looked = [], []

    def breaks(limit, busy):
        looked.append(time.monotonic())
        raise ValueError("a stranger's mail")

    left = iter(range(3))

    def works(limit, busy):
        number = next(left, None)
        return [] if number is None else [Task(lambda: number, done.append)]

    runner = Runner([Desk("broken", breaks), Desk("fine", works)])
    rounds(runner, 0.5)
    assert sorted(done) == [0, 1, 2]
    assert len(looked) == 1


def test_what_fails_and_what_cannot_be_kept_end_nothing():
    came, left = [], iter(range(3))

    def fails():
        raise OSError("no way there")

    def unkept(outcome):
        came.append(outcome)
        raise ValueError("cannot be kept")

    def take(limit, busy):
        return [Task(fails, unkept)] if next(left, None) is not None else []

    runner = Runner([Desk("desk", take)])
    rounds(runner, 0.5)
    assert [type(one) for one in came] == [OSError] * 3


def test_no_more_than_its_threads_is_under_way():
    gate, running, most = threading.Event(), [], []

    def work():
        running.append(1)
        most.append(len(running))
        gate.wait(5)
        running.pop()

    runner = Runner([Desk("desk", lambda limit, busy: [Task(work, lambda came: None)] * limit, threads=2)])
    rounds(runner, 0.3)
    gate.set()
    runner.finish()
    assert max(most) == 2


def test_at_its_end_it_keeps_what_came_and_waits_for_nobody_for_ever():
    kept, gate = [], threading.Event()
    tasks = iter([Task(lambda: "quick", kept.append), Task(lambda: gate.wait(30), kept.append)])
    runner = Runner([Desk("desk", lambda limit, busy: [task for task in [next(tasks, None)] if task])])
    rounds(runner, 0.2)
    began = time.monotonic()
    runner.finish(within=0.5)
    assert time.monotonic() - began < 5
    assert kept == ["quick"]
    gate.set()


def test_it_ends_before_make_run_loses_patience():
    assert connections.ENDS_WITHIN_SECONDS < processes.ENDED_WITHIN_SECONDS


def test_it_tells_whose_tasks_are_under_way():
    gate, told = threading.Event(), []
    left = iter([7, 7, 8])

    def take(limit, busy):
        told.append(dict(busy))
        whose = next(left, None)
        return [] if whose is None else [Task(lambda: gate.wait(5), lambda came: None, whose)]

    runner = Runner([Desk("desk", take)])
    rounds(runner, 0.2)
    assert told[-1] == {7: 2, 8: 1}
    gate.set()
    rounds(runner, 0.3)
    assert set(told[-1].values()) == {0}


def test_what_the_database_cannot_hold_is_one_rows_fault_and_an_outage_is_not():
    def one(fault):
        def keep(came):
            raise fault

        tasks = iter([[Task(lambda: None, keep)]])
        return Runner([Desk("desk", lambda limit, busy: next(tasks, []))])

    rounds(one(DataError("value too long")), 0.2)
    with pytest.raises(OperationalError):
        rounds(one(OperationalError("the server closed the connection")), 0.5)
