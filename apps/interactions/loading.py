"""Load: calls of the API from many connections at once, and how long each took. Bounded, and to this machine alone."""

import http.client
import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit

MOST_SECONDS, MOST_CONNECTIONS = 900, 200
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class NotHere(ValueError):
    """Load is made on this machine, never on somebody else's."""


@dataclass
class Told:
    """What came of a load: answers by status (0: none came), and the milliseconds that each that took something in took. What
    was refused is no speed."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    milliseconds: list[float] = field(default_factory=list)
    items: int = 0

    def as_json(self) -> dict[str, Any]:
        cuts = quantiles(self.milliseconds, n=20) if len(self.milliseconds) > 1 else [0.0] * 19
        return {
            "calls": len(self.milliseconds), "failed": self.statuses.total() - len(self.milliseconds),
            "items": self.items, "seconds": round(self.seconds, 2),
            "calls_a_second": round(len(self.milliseconds) / self.seconds, 1) if self.seconds else 0.0,
            "items_a_second": round(self.items / self.seconds, 1) if self.seconds else 0.0,
            "p50_ms": round(cuts[9], 1), "p95_ms": round(cuts[18], 1),
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
        }  # fmt: skip


def load(
    address: str, key: str, *, seconds: float, connections: int, batch: int = 1, a_second: float | None = None,
    customers: list[tuple[str, str | None]] | None = None,
) -> Told:  # fmt: skip
    """Send interactions for so long, one a call or `batch`; as fast as the answers come, or `a_second` calls evenly.

    `customers`: ids with an order's number, in turn. Raises NotHere for an address that is not this machine's.
    """
    parts = urlsplit(address)
    if parts.hostname not in LOOPBACK:
        raise NotHere(f"{parts.hostname} is not this machine: load is made on loopback alone.")
    if parts.scheme != "http":
        raise ValueError("Load is made over plain http: it measures Remit, and no proxy before it.")
    if not (0 < seconds <= MOST_SECONDS and 1 <= connections <= MOST_CONNECTIONS and 1 <= batch <= 500):
        raise ValueError(
            f"At most {MOST_SECONDS} seconds, {MOST_CONNECTIONS} connections, 500 a batch, and at least some."
        )
    if a_second is not None and a_second <= 0:
        raise ValueError("Calls a second are more than 0.")
    told, lock, began = Told(), threading.Lock(), time.perf_counter()
    due = _Due(began, seconds, a_second, lock)
    bodies = _bodies(batch, customers or [("", None)])

    def work() -> None:
        line = http.client.HTTPConnection(str(parts.hostname), parts.port or 80, timeout=60)
        while next(due, None) is not None:
            with lock:
                path, body = next(bodies)
            status, took = _call(line, path, body, key)
            with lock:
                told.statuses[status] += 1
                if 200 <= status < 300:
                    told.milliseconds.append(took)
                    told.items += batch
        line.close()

    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.seconds = time.perf_counter() - began
    return told


class _Due:
    """When the next call may be made: at once, or at its place in an even row; until the time is over."""

    def __init__(self, began: float, seconds: float, a_second: float | None, lock: threading.Lock) -> None:
        self._began, self._ends, self._a_second, self._lock, self._count = began, began + seconds, a_second, lock, 0

    def __iter__(self) -> "Iterator[int]":
        return self

    def __next__(self) -> int:
        with self._lock:
            self._count += 1
            number = self._count
        if self._a_second is not None:
            time.sleep(max(0.0, self._began + number / self._a_second - time.perf_counter()))
        if time.perf_counter() >= self._ends:
            raise StopIteration
        return number


def _bodies(batch: int, customers: list[tuple[str, str | None]]) -> Iterator[tuple[str, bytes]]:
    run, number = uuid.uuid4().hex[:8], 0
    while True:
        items = []
        for _ in range(batch):
            customer, order = customers[number % len(customers)]
            number += 1
            said = {"author": "customer", "text": "Where is my order?", "sent_at": datetime.now(UTC).isoformat()}
            items.append({
                "external_id": f"load-{run}-{number}", "channel": "chat", "customer": customer or None, "order": order,
                "sender_verified": True, "messages": [said],
            })  # fmt: skip
        if batch == 1:
            yield "/api/v1/interactions/", json.dumps(items[0]).encode()
        else:
            yield "/api/v1/interactions/batch/", json.dumps({"interactions": items}).encode()


def _call(line: http.client.HTTPConnection, path: str, body: bytes, key: str) -> tuple[int, float]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    began = time.perf_counter()
    try:
        line.request("POST", path, body, headers)
        answer = line.getresponse()
        answer.read()
        status = answer.status
    except (OSError, http.client.HTTPException):
        line.close()
        status = 0
    return status, 1000 * (time.perf_counter() - began)
