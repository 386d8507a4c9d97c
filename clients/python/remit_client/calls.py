"""Calls of the API. What was refused raises `Refused`; what may pass is tried again, and happens once."""

import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import httpx

Json = dict[str, Any]
TRIES = 4
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
_PASSING = (429, 500, 502, 503, 504)


class Refused(Exception):
    """The API's own words: `status`, `problem` (RFC 9457), and the id of the request, to ask about."""

    def __init__(self, status: int, problem: Json, request_id: str) -> None:
        self.status, self.problem, self.request_id = status, problem, request_id
        fields = "".join(f"; {name}: {' '.join(reasons)}" for name, reasons in problem.get("errors", {}).items())
        super().__init__(
            f"{status} {problem.get('title', '')}: {problem.get('detail', '')}{fields} (request {request_id})"
        )

    @property
    def errors(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = self.problem.get("errors", {})
        return found


class Remit:
    """One brand's door. Use it as a context manager, or `close` it."""

    def __init__(
        self, address: str, key: str, *, timeout: float = 10.0, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._http = httpx.Client(
            base_url=f"{address.rstrip('/')}/api/v1", headers={"Authorization": f"Bearer {key}"}, timeout=timeout,
            transport=transport,
        )  # fmt: skip

    def __enter__(self) -> "Remit":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # Interactions

    def send(
        self, *, external_id: str, channel: str, text: str = "", customer: str | Json | None = None,
        order: str | Json | None = None, messages: list[Json] | None = None, **more: Any,
    ) -> Json:  # fmt: skip
        """One interaction: a customer's `text`, now, or `messages` as the API takes them. The customer and the order by
        reference, or told in whole where the mirror may not have them yet."""
        said = messages or [{"author": "customer", "text": text, "sent_at": _now()}]
        named = {name: value for name, value in (("customer", customer), ("order", order)) if value is not None}
        sent = {"external_id": external_id, "channel": channel, "messages": said, **named, **more}
        return self._object("POST", "/interactions/", sent)

    def send_many(self, interactions: list[Json]) -> list[Json]:
        """Up to 500; a verdict each, in their order."""
        results: list[Json] = self._object("POST", "/interactions/batch/", {"interactions": interactions})["results"]
        return results

    def interaction(self, name: str, *, fields: str | None = None) -> Json:
        return self._object("GET", f"/interactions/{_part(name)}/", query={"fields": fields} if fields else {})

    def interactions(self, **filters: Any) -> Iterator[Json]:
        """All that fit, the newest first, page by page."""
        return self._pages("/interactions/", filters)

    def say(self, interaction: str, text: str, *, author: str = "customer") -> Json:
        sent = {"author": author, "text": text, "sent_at": _now()}
        return self._object("POST", f"/interactions/{_part(interaction)}/messages/", sent)

    def outcome(self, interaction: str, kind: str, reference: str, *, score: int | None = None) -> Json:
        scored = {} if score is None else {"score": score}
        sent = {"kind": kind, "reference": reference, "at": _now(), **scored}
        return self._object("POST", f"/interactions/{_part(interaction)}/outcomes/", sent)

    # The mirror

    def put_customer(self, external_id: str, **values: Any) -> Json:
        return self._object("PUT", f"/customers/{_part(external_id)}/", values)

    def put_order(self, number: str, *, if_match: str | None = None, **values: Any) -> Json:
        headers = {"If-Match": if_match} if if_match else {}
        return self._object("PUT", f"/orders/{_part(number)}/", values, headers=headers)

    def put_product(self, sku: str, **values: Any) -> Json:
        return self._object("PUT", f"/products/{_part(sku)}/", values)

    def put_article(self, slug: str, **values: Any) -> Json:
        return self._object("PUT", f"/articles/{_part(slug)}/", values)

    def order_event(self, number: str, kind: str, at: datetime, **values: Any) -> Json:
        return self._object("POST", f"/orders/{_part(number)}/events/", {"kind": kind, "at": at.isoformat(), **values})

    # Actions and authority

    def report(self, key: str, outcome: str, *, reference: str = "", reason: str = "") -> Json:
        """What became of an action: `done` or `refused`."""
        return self._object(
            "POST", f"/actions/{_part(key)}/result/", {"outcome": outcome, "reference": reference, "reason": reason}
        )

    def decision(self, name: str) -> Json:
        return self._object("GET", f"/decisions/{_part(name)}/")

    def rulings(self, **filters: Any) -> Iterator[Json]:
        return self._pages("/rulings/", filters)

    def dry_run(self, **asked: Any) -> Json:
        return self._object("POST", "/rulings/dry-run/", asked)

    def pause(self, reason: str, **what: Any) -> Json:
        return self._object("POST", "/pauses/", {"reason": reason, **what})

    # Webhooks

    def register_webhook(self, url: str, **values: Any) -> Json:
        """With its `secret`, which is told once."""
        return self._object("POST", "/webhook-endpoints/", {"url": url, **values})

    def webhooks(self) -> list[Json]:
        found: list[Json] = self._object("GET", "/webhook-endpoints/")["results"]
        return found

    def change_webhook(self, name: str, **values: Any) -> Json:
        """`listening=True` lets one hear again that was stopped; what it missed is sent then."""
        return self._object("PATCH", f"/webhook-endpoints/{_part(name)}/", values)

    def remove_webhook(self, name: str) -> None:
        self._object("DELETE", f"/webhook-endpoints/{_part(name)}/")

    def test_webhook(self, name: str) -> Json:
        """Sends it a `webhook.test`; answers with the delivery, to look at."""
        return self._object("POST", f"/webhook-endpoints/{_part(name)}/test/")

    def rotate_webhook(self, name: str) -> Json:
        """With its new `secret`, which is told once; for a day the one before signs as well."""
        return self._object("POST", f"/webhook-endpoints/{_part(name)}/rotate/")

    def replay_webhook(self, name: str, since: datetime, until: datetime) -> Json:
        """The events of a time once more, under their ids. Raises ValueError for a time without a zone."""
        if since.tzinfo is None or until.tzinfo is None:
            raise ValueError("Give times with a zone.")
        sent = {"since": since.isoformat(), "until": until.isoformat()}
        return self._object("POST", f"/webhook-endpoints/{_part(name)}/replay/", sent)

    def deliveries(self, **filters: Any) -> Iterator[Json]:
        return self._pages("/webhook-deliveries/", filters)

    # How

    def _pages(self, path: str, filters: Mapping[str, Any]) -> Iterator[Json]:
        page = self._object("GET", path, query=dict(filters))
        while True:
            yield from page["results"]
            if not page["next"]:
                return
            page = self._object("GET", path, query=dict(parse_qsl(urlsplit(page["next"]).query)))  # to no other host

    def _object(
        self, method: str, path: str, body: Json | None = None, *, query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:  # fmt: skip
        sent = dict(headers or {})
        if method in ("POST", "PATCH", "DELETE"):
            sent["Idempotency-Key"] = str(uuid.uuid4())  # one for all tries of this call
        for attempt in range(TRIES):
            last = attempt == TRIES - 1
            try:
                answer = self._http.request(method, path, json=body, params=query or None, headers=sent)
            except httpx.TransportError:
                if last:
                    raise
                time.sleep(FIRST_PAUSE_SECONDS * 2**attempt)
                continue
            passes = answer.status_code == 409 and "Retry-After" in answer.headers  # no other 409 has one
            if last or not (answer.status_code in _PASSING or passes):
                return _read(answer)
            time.sleep(_pause(answer, attempt))
        raise AssertionError("the last try ends above")


def _pause(answer: httpx.Response, attempt: int) -> float:
    asked = answer.headers.get("Retry-After", "")
    wait = float(asked) if asked.isdigit() else FIRST_PAUSE_SECONDS * 2**attempt
    return min(wait, LONGEST_PAUSE_SECONDS)


def _read(answer: httpx.Response) -> Json:
    if answer.is_success:
        found: Json = answer.json() if answer.content else {}
        return found
    try:
        problem = answer.json()
    except ValueError:
        problem = {"title": "No problem that can be read", "detail": answer.text[:200]}
    raise Refused(answer.status_code, problem, answer.headers.get("X-Request-Id", ""))


def _part(name: str) -> str:
    return quote(name, safe="")


def _now() -> str:
    return datetime.now(UTC).isoformat()
