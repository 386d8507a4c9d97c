"""Real processes for tests of races and deaths: each has its own connection to the test's database."""

import multiprocessing
import os
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from django.db import connection, connections

_CONTEXT = multiprocessing.get_context("fork")
LONGEST_SECONDS = 120


def race(work: Callable[[int], Any], processes: int) -> list[Any]:
    """Run `work(number)` in that many processes, all at one moment; returns their results. A failure fails the test."""
    connections.close_all()  # a connection must not cross a fork
    gate, results = _CONTEXT.Barrier(processes), _CONTEXT.Queue()

    def run(number: int) -> None:
        try:
            _forget_inherited_connections()
            connection.ensure_connection()
            gate.wait(LONGEST_SECONDS)
            results.put((None, work(number)))
        except BaseException:
            results.put((traceback.format_exc(), None))
        finally:
            connections.close_all()

    children = [_CONTEXT.Process(target=run, args=(number,)) for number in range(processes)]
    for child in children:
        child.start()
    answers = [results.get(timeout=LONGEST_SECONDS) for _ in children]
    for child in children:
        child.join(LONGEST_SECONDS)
    failures = [failure for failure, _ in answers if failure]
    assert not failures, "\n".join(failures)
    return [answer for _, answer in answers]


def _forget_inherited_connections() -> None:
    """The browser driver runs an event loop, so the parent's connection hangs on its context; a child, without a loop,
    finds another one, opened before the loop. It is forgotten, not closed: its socket is the parent's."""
    for inherited in connections.all(initialized_only=True):
        inherited.connection = None


def dies_in(work: Callable[[], None]) -> None:
    """Run `work` in a process that is killed on the way: `work` must end it by `os._exit` or a signal."""
    connections.close_all()

    def run() -> None:
        _forget_inherited_connections()
        work()

    child = _CONTEXT.Process(target=run)
    child.start()
    child.join(LONGEST_SECONDS)
    assert child.exitcode not in (0, None), "it was to die"


def environment_of_test_database(**more: str) -> dict[str, str]:
    """The environment in which `manage.py` works on this test's database."""
    settings = connection.settings_dict
    url = f"postgresql://{settings['USER']}@/{settings['NAME']}?host={quote(str(settings['HOST']))}&port={settings['PORT']}"
    return {
        **os.environ,
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONUNBUFFERED": "1",
        **more,
    }
