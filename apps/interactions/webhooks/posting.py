"""Posting: one attempt to tell an endpoint of an event. It touches no database, so it may run in any thread."""

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings

from apps.interactions import clocks
from apps.interactions.exchange import exchange
from apps.interactions.webhooks import addresses, signing

LONGEST_SECONDS = 15  # of one attempt, from the look-up of the name to the end of the answer
LARGEST_ANSWER = 4096  # bytes that are read; what follows is not
KEPT_ANSWER = 500  # characters


@dataclass(frozen=True, slots=True)
class Letter:
    """One event on its way to one endpoint, as values. `secrets` sign, the newest first."""

    delivery_id: int
    endpoint_id: int
    token: uuid.UUID
    url: str
    message_id: str
    body: bytes
    secrets: Sequence[str]


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a letter: `status` is None where nobody answered, and `fault` says why. `wait` is what they asked for, in
    seconds."""

    letter: Letter
    status: int | None
    milliseconds: int
    answer: str = ""
    fault: str = ""
    wait: int = 0

    @property
    def is_delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def body_of(kind: str, at: datetime, number: int | None, data: dict[str, Any], *, sandbox: bool) -> bytes:
    """`{type, timestamp, sequence, sandbox, data}`; `sequence` counts the events of one case. Shapes: api/event_shapes.py."""
    said = {"type": kind, "timestamp": clocks.as_text(at), "sequence": number, "sandbox": sandbox, "data": data}
    return json.dumps(said, ensure_ascii=False).encode()


def post(letter: Letter) -> Answered:
    started = time.monotonic()
    try:
        addresses.check_url(letter.url, may_be_local=settings.WEBHOOKS_MAY_BE_LOCAL)
        answer = exchange(
            "POST", letter.url, _headers(letter, int(time.time())), letter.body, until=started + LONGEST_SECONDS,
            largest=LARGEST_ANSWER, cut=True,
            resolve=partial(addresses.resolve, may_be_local=settings.WEBHOOKS_MAY_BE_LOCAL),
        )  # fmt: skip
    except TimeoutError:
        return Answered(letter, None, _since(started), fault=f"no whole answer within {LONGEST_SECONDS} seconds")
    except Exception as error:  # a server can make a library stumble in ways that nobody has listed
        return Answered(letter, None, _since(started), fault=f"{type(error).__name__}: {error}"[:300])
    said = answer.body.decode("utf-8", "replace").replace("\x00", "�")
    wait = answer.headers.get("retry-after", "")
    return Answered(
        letter, answer.status, _since(started), answer=said[:KEPT_ANSWER],
        wait=int(wait) if wait.isascii() and wait.isdigit() and len(wait) < 7 else 0,
    )  # fmt: skip


def _headers(letter: Letter, timestamp: int) -> list[tuple[bytes, bytes]]:
    signature = signing.signatures(letter.secrets, letter.message_id, timestamp, letter.body)
    return [
        (b"Host", addresses.host_header(letter.url).encode()),
        (b"Content-Type", b"application/json"),
        (b"Content-Length", str(len(letter.body)).encode()),
        (b"webhook-id", letter.message_id.encode()),
        (b"webhook-timestamp", str(timestamp).encode()),
        (b"webhook-signature", signature.encode()),
    ]


def _since(started: float) -> int:
    return round(1000 * (time.monotonic() - started))
