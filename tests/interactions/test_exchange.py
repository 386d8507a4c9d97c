"""One exchange over HTTP: bounded in size, and a name server that never answers holds up nobody else."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

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


def test_of_one_host_a_few_look_ups_are_left_behind_and_others_are_not_held_up(silent):
    asked = []
    for _ in range(6):
        with pytest.raises(TimeoutError):
            ask("silent.example", lambda host, port: asked.append(host) or silent(host, port))
    assert len(asked) == 4, "the other two waited for these, and no longer than they may"
    with pytest.raises(ConnectionError, match="has no address"):
        ask("other.example", lambda host, port: [])


def test_many_who_call_one_host_at_once_are_all_looked_up():
    """Brands share hosts: those of a service that passes webhooks on."""

    def slowly(host, port):
        time.sleep(0.02)
        return []

    def call(number):
        with pytest.raises(ConnectionError, match="has no address"):
            ask("hooks.example", slowly, seconds=20)
        return number

    with ThreadPoolExecutor(40) as threads:
        assert sorted(threads.map(call, range(40))) == list(range(40))


def test_what_was_looked_up_leaves_nothing_behind():
    for _ in range(20):
        with pytest.raises(ConnectionError, match="has no address"):
            ask("shop.example", lambda host, port: [])
    assert "shop.example" not in exchange._looked_up


@pytest.fixture
def large():
    """A server that answers 10,000 bytes."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * 10_000)

        def log_message(self, *said):
            pass

    server = HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("largest", [10_000, 9_999])
def test_an_answer_is_taken_up_to_its_size_and_no_further(large, largest):
    def ask(**more):
        return exchange.exchange("GET", large, [], b"", until=time.monotonic() + 5, largest=largest, **more)

    if largest == 10_000:
        assert len(ask().body) == 10_000
    else:
        with pytest.raises(exchange.TooLarge):
            ask()
        assert len(ask(cut=True).body) == largest
