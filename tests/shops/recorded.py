"""A shop that says what was recorded: a real HTTP server that answers each request by its first fitting script."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Recorded:
    """`says(fits, answer)` adds a script; an answer is JSON, or a pair of status and JSON, or a function of what was asked."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    scripts: list[tuple[Callable[[Asked], bool], Any]] = field(default_factory=list)

    def says(self, fits: str, answer: Any) -> None:
        self.scripts.insert(0, (lambda one: fits in f"{one.method} {one.path} {json.dumps(one.body)}", answer))

    def answer(self, one: Asked) -> tuple[int, Any]:
        self.asked.append(one)
        for fits, answer in self.scripts:
            if fits(one):
                said = answer(one) if callable(answer) else answer
                return said if isinstance(said, tuple) else (200, said)
        return 500, {"code": "no_script", "message": f"nothing recorded for {one}"}


@contextmanager
def recorded_shop() -> Iterator[Recorded]:
    shop = Recorded()

    class Handler(BaseHTTPRequestHandler):
        def _take(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, said = shop.answer(
                Asked(self.command, self.path, dict(self.headers), json.loads(raw) if raw else None)
            )
            body = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = _take  # noqa: N815  # the names are http.server's

        def log_message(self, *said: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    shop.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield shop
    finally:
        server.shutdown()
        server.server_close()
