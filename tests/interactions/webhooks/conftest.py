"""A partner's server that hears webhooks, over real HTTP on loopback."""

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.utils import timezone

from apps.interactions.models import OutboxEvent
from apps.interactions.webhooks import endpoints, sending
from apps.policies import audit

BOT = audit.system("test")


@dataclass
class Listener:
    """What came in, the oldest first; `answer` says what to answer, with headers and after how many seconds."""

    url: str = ""
    heard: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"thank you"
    seconds: float = 0.0
    answers: list[int] = field(default_factory=list)

    def take(self, headers: dict[str, str], body: bytes) -> int:
        self.heard.append({"headers": headers, "body": body, "at": time.monotonic(), **json.loads(body)})
        time.sleep(self.seconds)
        return self.answers.pop(0) if self.answers else self.status


def listening(listener: Listener) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = listener.take({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(status)
            for name, value in listener.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(listener.body)))
            self.end_headers()
            self.wfile.write(listener.body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    listener.url = f"http://127.0.0.1:{server.server_port}/hook"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server


@pytest.fixture
def listener():
    found = Listener()
    server = listening(found)
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def endpoint(partner, listener):
    return endpoints.register(partner, {"url": listener.url}, actor=BOT)


@pytest.fixture
def happen(partner):
    """An event of a case."""

    def make(subject="case-1", kind="reply.created", of=None, **payload):
        return OutboxEvent.objects.create(
            partner=of or partner, kind=kind, subject=subject, payload=payload or {"id": subject}
        )

    return make


@pytest.fixture
def send():
    """Send until nothing is due, and wait for all that is under way."""

    def run(rounds=200):
        sender = sending.Sender()
        for _ in range(rounds):
            if not sender.round():
                if not any(sender._under_way.values()):
                    break
                time.sleep(0.01)
        sender.finish()

    return run


@pytest.fixture
def later(monkeypatch):
    """The clock of Remit moves on."""
    moved = {"by": 0.0}
    now = timezone.now

    def move(delta):
        moved["by"] += delta.total_seconds()
        monkeypatch.setattr(timezone, "now", lambda: now() + timezone.timedelta(seconds=moved["by"]))

    return move
