"""Sending: the process that posts what is due.

    spread → take what is due → post in threads → record

A row that is taken is due again when its lease ends, so that what dies with the process is sent by the next one: at least
once. What is about one case goes to an endpoint in order: a later one waits until an earlier one has failed `IN_ORDER` times,
and while it is under way. An endpoint has
one attempt under way until it answers fast, then ever more; those that fail or are slow have threads of their own, so that
they delay nobody else.
"""

import logging
import queue
import random
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pgbulk
from django.db import DataError, IntegrityError, close_old_connections, connection, transaction
from django.utils import timezone

from apps.interactions.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from apps.interactions.webhooks import posting, signing, spreading, stopping
from apps.interactions.webhooks.posting import Answered, Letter

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=2 * posting.LONGEST_SECONDS)
WAITS = [
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 3600, 7200, 14400, 25200, 43200)
]  # 26.7 hours, and never less than 24
JITTER = 0.1  # of a wait, more or less
LONGEST_ASKED = timedelta(hours=1)  # that an answer may ask to wait
IN_ORDER = 4
MOST_AT_ONCE = 8  # of one endpoint
FAST_MILLISECONDS = 1000
THREADS = 64  # of each lane
IDLE_SECONDS = 0.05
_S = WebhookDelivery.Status

# Of each endpoint as many as there is room for, of those the ones that are due longest.
_TAKE = """
WITH room AS (SELECT * FROM unnest(%(endpoints)s::bigint[], %(rooms)s::int[]) AS given(endpoint_id, most)),
due AS (
    SELECT found.id
    FROM interactions_webhookendpoint endpoint
    LEFT JOIN room ON room.endpoint_id = endpoint.id
    CROSS JOIN LATERAL (
        SELECT one.id, one.next_at
        FROM interactions_webhookdelivery one
        WHERE one.endpoint_id = endpoint.id AND one.status = 'waiting' AND one.next_at <= %(now)s
          AND NOT EXISTS (
              SELECT 1 FROM interactions_webhookdelivery earlier
              WHERE earlier.endpoint_id = one.endpoint_id AND earlier.subject = one.subject
                AND earlier.status = 'waiting' AND earlier.id < one.id
                AND (earlier.attempts < %(in_order)s OR earlier.token IS NOT NULL))
        ORDER BY one.next_at, one.id
        LIMIT coalesce(room.most, 1)
        FOR NO KEY UPDATE SKIP LOCKED
    ) found
    WHERE endpoint.removed_at IS NULL AND endpoint.stopped_at IS NULL
      AND (endpoint.failures > 0 OR endpoint.id = ANY(%(slow)s)) = %(of_slow)s
    ORDER BY found.next_at, found.id
    LIMIT %(limit)s
)
UPDATE interactions_webhookdelivery taken
SET attempts = taken.attempts + 1, token = %(token)s, next_at = %(lease)s
FROM due WHERE taken.id = due.id
RETURNING taken.id
"""


class Sender:
    """One process's. Rows are touched by the thread that calls `round` alone."""

    def __init__(self) -> None:
        self._lanes = {slow: ThreadPoolExecutor(THREADS) for slow in (False, True)}
        self._under_way: dict[bool, int] = {False: 0, True: 0}
        self._of_endpoint: Counter[int] = Counter()
        self._room: defaultdict[int, int] = defaultdict(lambda: 1)
        self._slow: set[int] = set()
        self._answered: queue.SimpleQueue[tuple[bool, Answered]] = queue.SimpleQueue()
        self._unrecorded: list[Answered] = []

    def round(self) -> int:
        """One step of everything; returns how many rows were moved."""
        moved = spreading.spread() + self._record()
        for slow in self._lanes:
            moved += self._send(slow)
        return moved

    def finish(self) -> None:
        """Wait for what is under way, and record it."""
        for lane in self._lanes.values():
            lane.shutdown(wait=True)
        self._record()

    def _send(self, slow: bool) -> int:
        free = THREADS - self._under_way[slow]
        letters = self._take(slow, free) if free else []
        for letter in letters:
            self._of_endpoint[letter.endpoint_id] += 1
            self._under_way[slow] += 1
            self._lanes[slow].submit(self._post, slow, letter)
        return len(letters)

    def _post(self, slow: bool, letter: Letter) -> None:
        self._answered.put((slow, posting.post(letter)))

    def _take(self, slow: bool, limit: int) -> list[Letter]:
        now = timezone.now()
        if not WebhookDelivery.objects.filter(status=_S.WAITING, next_at__lte=now).exists():
            return []
        known = {*self._room, *(endpoint for endpoint, count in self._of_endpoint.items() if count)}
        rooms = {endpoint: max(0, self._room[endpoint] - self._of_endpoint[endpoint]) for endpoint in known}
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_TAKE, {
                "endpoints": list(rooms), "rooms": list(rooms.values()), "slow": list(self._slow), "of_slow": slow,
                "limit": limit, "now": now, "lease": now + LEASE, "token": uuid.uuid4(), "in_order": IN_ORDER,
            })  # fmt: skip
            # Read before anybody else may write them: who replays or removes an endpoint takes the token away.
            return _letters_of([row[0] for row in cursor.fetchall()], now)

    def _record(self) -> int:
        while True:
            try:
                slow, one = self._answered.get_nowait()
            except queue.Empty:
                break
            self._under_way[slow] -= 1
            self._learn(one)
            self._unrecorded.append(one)
        count = len(self._unrecorded)
        if count:
            now = timezone.now()
            changed = _keep_what_can_be(self._unrecorded, now)  # what the database does not take is kept the next time
            answered, self._unrecorded = self._unrecorded, []
            _follow_up(changed, answered, now)
        return count

    def _learn(self, one: Answered) -> None:
        endpoint = one.letter.endpoint_id
        self._of_endpoint[endpoint] -= 1
        if one.is_delivered and one.milliseconds <= FAST_MILLISECONDS:
            self._room[endpoint] = min(MOST_AT_ONCE, 2 * self._room[endpoint])
            self._slow.discard(endpoint)
        else:
            self._room[endpoint] = 1
            self._slow.add(endpoint)


def run(should_stop: Callable[[], bool]) -> None:
    """Send until `should_stop()`."""
    sender = Sender()
    while not should_stop():
        try:
            close_old_connections()
            if not sender.round():
                time.sleep(IDLE_SECONDS)
        except Exception:  # one round's fault is not the end of all brands' webhooks: what was taken is due again
            log.exception("a round of sending failed; trying again")
            time.sleep(1)
    sender.finish()


def _letters_of(deliveries: Sequence[int], now: datetime) -> list[Letter]:
    rows = (
        WebhookDelivery.objects.filter(pk__in=deliveries)
        .select_related("event", "endpoint__partner")
        .order_by("next_at", "pk")
    )
    return [_letter(row, now) for row in rows]


def _letter(row: WebhookDelivery, now: datetime) -> Letter:
    assert row.token is not None
    event, in_sandbox = row.event, row.endpoint.partner.sandbox_of_id is not None
    return Letter(
        row.pk, row.endpoint_id, row.token, row.endpoint.url, str(event.event_id),
        posting.body_of(event.kind, event.created_at, event.number, event.payload, sandbox=in_sandbox),
        signing.secrets_of(row.endpoint, now),
    )  # fmt: skip


def _keep_what_can_be(answered: Sequence[Answered], now: datetime) -> list[WebhookDelivery]:
    """One that the database can never take, such as of a delivery that is gone, is let go, and holds up no other."""
    try:
        return _keep(answered, now)
    except (DataError, IntegrityError):
        changed = []
        for one in answered:
            try:
                changed += _keep([one], now)
            except (DataError, IntegrityError):
                log.exception("what came of delivery %s cannot be kept", one.letter.delivery_id)
        return changed


def _keep(answered: Sequence[Answered], now: datetime) -> list[WebhookDelivery]:
    """Returns the deliveries that it changes. One that came back after its lease ended is kept as an attempt, and changes
    nothing."""
    by_delivery = {one.letter.delivery_id: one for one in answered}
    with transaction.atomic():
        rows = WebhookDelivery.objects.select_for_update(no_key=True).filter(pk__in=by_delivery).order_by("pk")
        changed = [row for row in rows if row.token == by_delivery[row.pk].letter.token and row.status == _S.WAITING]
        for row in changed:
            _after(row, by_delivery[row.pk], now)
        pgbulk.update(WebhookDelivery, changed, ["status", "ended_at", "next_at", "token"])
        WebhookAttempt.objects.bulk_create(_attempts(answered, now))
    return changed


def _follow_up(changed: Sequence[WebhookDelivery], answered: Sequence[Answered], now: datetime) -> None:
    _hold_back(changed, now)
    with transaction.atomic():  # of its own: who replays holds the endpoint while it waits for deliveries
        _health(answered, now)


def _after(row: WebhookDelivery, one: Answered, now: datetime) -> None:
    row.token = None
    if one.is_delivered:
        row.status, row.ended_at = _S.DELIVERED, now
    elif row.attempts > len(WAITS):
        row.status, row.ended_at = _S.GAVE_UP, now
    else:
        asked = min(timedelta(seconds=one.wait), LONGEST_ASKED)
        wait = WAITS[row.attempts - 1] * random.uniform(1 - JITTER, 1 + JITTER)
        row.next_at = now + max(wait, asked)


def _hold_back(changed: Sequence[WebhookDelivery], now: datetime) -> None:
    """What has to wait for one that failed is not looked at before that one is due; what somebody else has now is left."""
    for row in changed:
        if row.status == _S.WAITING and row.attempts < IN_ORDER:
            later = WebhookDelivery.objects.filter(
                endpoint=row.endpoint_id, subject=row.subject, status=_S.WAITING, pk__gt=row.pk, next_at__lt=row.next_at
            )
            with transaction.atomic():
                free = later.order_by("pk").select_for_update(no_key=True, skip_locked=True)
                WebhookDelivery.objects.filter(pk__in=[one.pk for one in free]).update(next_at=row.next_at)


def _attempts(answered: Iterable[Answered], now: datetime) -> list[WebhookAttempt]:
    def row(one: Answered) -> WebhookAttempt:
        fields: dict[str, Any] = {"answer": one.answer, "fault": one.fault, "milliseconds": one.milliseconds}
        return WebhookAttempt(delivery_id=one.letter.delivery_id, at=now, status_code=one.status, **fields)

    return [row(one) for one in answered]


def _health(answered: Iterable[Answered], now: datetime) -> None:
    of: defaultdict[int, list[Answered]] = defaultdict(list)
    for one in answered:
        of[one.letter.endpoint_id].append(one)
    rows = WebhookEndpoint.objects.select_for_update(no_key=True, skip_locked=True)
    for endpoint in rows.filter(pk__in=of).order_by("pk"):
        came = of[endpoint.pk]
        if any(one.is_delivered for one in came):
            if endpoint.failures:
                endpoint.failures, endpoint.failing_since = 0, None
                endpoint.save(update_fields=["failures", "failing_since"])
            continue
        endpoint.failures += len(came)
        endpoint.failing_since = endpoint.failing_since or now
        endpoint.save(update_fields=["failures", "failing_since"])
        stopping.stop_when_hopeless(endpoint, gone=any(one.status == 410 for one in came), now=now)
