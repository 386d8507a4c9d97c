"""The process that talks with what is outside: a desk that breaks, is slow or is full delays no other."""

import threading
import time

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

    def breaks(limit):
        looked.append(time.monotonic())
        raise ValueError("a stranger's mail")

    left = iter(range(3))

    def works(limit):
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

    def take(limit):
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

    runner = Runner([Desk("desk", lambda limit: [Task(work, lambda came: None)] * limit, threads=2)])
    rounds(runner, 0.3)
    gate.set()
    runner.finish()
    assert max(most) == 2


def test_at_its_end_it_keeps_what_came_and_waits_for_nobody_for_ever():
    kept, gate = [], threading.Event()
    tasks = iter([Task(lambda: "quick", kept.append), Task(lambda: gate.wait(30), kept.append)])
    runner = Runner([Desk("desk", lambda limit: [task for task in [next(tasks, None)] if task])])
    rounds(runner, 0.2)
    began = time.monotonic()
    runner.finish(within=0.5)
    assert time.monotonic() - began < 5
    assert kept == ["quick"]
    gate.set()


def test_it_ends_before_make_run_loses_patience():
    assert connections.ENDS_WITHIN_SECONDS < processes.ENDED_WITHIN_SECONDS
