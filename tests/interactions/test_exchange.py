"""One exchange over HTTP: a name server that never answers holds up nobody else."""

import threading
import time

import pytest

from apps.interactions import exchange


@pytest.fixture
def silent():
    """Looks a host up and never finds it, until the test is over."""
    gate = threading.Event()
    yield lambda host, port: gate.wait(30) and []
    gate.set()


def ask(host, resolve, seconds=0.1):
    until = time.monotonic() + seconds
    exchange.exchange("GET", f"http://{host}:1/", [], b"", until=until, largest=10, resolve=resolve)


def test_of_one_host_a_few_look_ups_are_left_behind_and_the_next_is_refused_at_once(silent):
    for _ in range(4):
        with pytest.raises(TimeoutError):
            ask("silent.example", silent)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        ask("silent.example", silent, seconds=20)
    assert time.monotonic() - began < 5
    with pytest.raises(ConnectionError, match="has no address"):
        ask("other.example", lambda host, port: [])


def test_what_was_looked_up_leaves_nothing_behind():
    for _ in range(20):
        with pytest.raises(ConnectionError, match="has no address"):
            ask("shop.example", lambda host, port: [])
    assert "shop.example" not in exchange._looked_up
