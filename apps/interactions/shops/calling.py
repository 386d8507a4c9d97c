"""One call to a shop: over HTTPS, bounded in time and size, to public addresses alone."""

import base64
import time
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.conf import settings

from apps.interactions.exchange import Answer, TooLarge, exchange
from apps.interactions.shops.adapter import Denied, Silent
from apps.interactions.webhooks import addresses

LONGEST_SECONDS = 20
LARGEST_ANSWER = 8 * 1024 * 1024


def call(method: str, url: str, headers: Mapping[str, str], body: Any = None) -> tuple[int, Any, Mapping[str, str]]:
    """Status, JSON and headers of the answer.

    Raises Silent where there is no answer, or none in JSON; Denied for an address that may not be called.
    """
    content = b"" if body is None else orjson.dumps(body)
    try:
        addresses.check_url(url, may_be_local=settings.WEBHOOKS_MAY_BE_LOCAL)
    except addresses.NotAllowed as refused:
        raise Denied(f"The shop's address may not be called: {refused}") from refused
    sent = {"Host": addresses.host_header(url), "Accept": "application/json", **headers}
    if body is not None:
        sent |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
    try:
        answer = exchange(
            method, url, [(name.encode(), value.encode()) for name, value in sent.items()], content,
            until=time.monotonic() + LONGEST_SECONDS, largest=LARGEST_ANSWER,
            resolve=partial(addresses.resolve, may_be_local=settings.WEBHOOKS_MAY_BE_LOCAL),
        )  # fmt: skip
    except (OSError, TooLarge) as error:
        raise Silent(f"{type(error).__name__}: {error}") from error
    return answer.status, _json(answer), answer.headers


def _json(answer: Answer) -> Any:
    try:
        return orjson.loads(answer.body) if answer.body else None
    except ValueError as error:
        raise Silent(f"it answered {answer.status}, and not in JSON") from error


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def at(url: str, path: str) -> str:
    """`path` below an address, whatever slashes it was typed with."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}{path}"
