"""Reading shops into the mirror: what changed, and what an effect of ours came to.

A connection is read every `EVERY`; one that fails waits longer, up to an hour, and says why. Each order is written with the
time at which it was read, so nothing older replaces it.
"""

import logging
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.utils import timezone

from apps.interactions import settling, shops, submitting, vault
from apps.interactions.connections import Desk, Task
from apps.interactions.models import Effect, ShopConnection
from apps.interactions.shops.adapter import Adapter, Denied, Seen, Silent
from apps.policies import audit
from apps.policies.errors import Invalid, Refused
from apps.policies.models import Partner

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=30)
LEASE = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=1)
MOST_AT_ONCE = 200  # orders of one reading; the others are next
MOST_MARKS = 20_000
_SHOPS = audit.system("shops")


@dataclass(frozen=True, slots=True)
class Reading:
    """What one connection is to be read for; `marks` are how its orders stood the last time."""

    connection_id: int
    token: uuid.UUID
    adapter: Adapter
    since: datetime
    marks: dict[str, str]
    began: datetime


@dataclass(slots=True)
class Found:
    """What was read, as far as it came: `fault` says what ended it, and `is_whole` whether nothing was left for the next."""

    reading: Reading
    seen: list[tuple[Seen, str]] = field(default_factory=list)
    fault: str = ""
    is_whole: bool = True


def take(limit: int) -> list[Task]:
    """The connections that are due, each held until what was read is kept or its lease ends."""
    return [Task(partial(read, reading), keep) for reading in due(limit)]


def due(limit: int) -> list[Reading]:
    now, token = timezone.now(), uuid.uuid4()
    with transaction.atomic():
        late = ShopConnection.objects.filter(next_at__lte=now, partner__connector=Partner.Connector.SHOP)
        rows = list(late.select_for_update(no_key=True, skip_locked=True).order_by("next_at")[:limit])
        ShopConnection.objects.filter(pk__in=[row.pk for row in rows]).update(token=token, next_at=now + LEASE)
    found = []
    for row in rows:
        try:
            adapter = shops.adapter_of(row)
        except vault.Unreadable as error:
            _failed(row.pk, str(error))
            continue
        found.append(Reading(row.pk, token, adapter, row.read_to or now, dict(row.marks), now))
    return found


def read(reading: Reading) -> Found:
    """In a thread: it touches no database."""
    found = Found(reading)
    try:
        for number, mark in reading.adapter.changed(reading.since, reading.marks):
            if len(found.seen) >= MOST_AT_ONCE:
                found.is_whole = False
                break
            if (seen := reading.adapter.read(number)) is not None:
                found.seen.append((seen, mark))
    except (Silent, Denied) as fault:
        found.fault = str(fault)
    except Exception as error:  # an answer of another shape than the shop's documents say
        log.exception("shop connection %s could not be read", reading.connection_id)
        found.fault = f"its answer could not be understood: {type(error).__name__}: {error}"
    return found


def keep(found: Found) -> None:
    """Write what was read, and when to read again."""
    reading, now = found.reading, timezone.now()
    connection = ShopConnection.objects.select_related("partner").get(pk=reading.connection_id)
    marks, problems = dict(reading.marks), list[str]()
    for seen, mark in found.seen:
        try:
            into_mirror(connection.partner, seen, reading.began)
        except (Invalid, Refused) as error:
            problems.append(f"order {seen.number}: {error}")
        marks[seen.number] = mark  # read once more when it changes again, not before
    marks = dict(list(marks.items())[-MOST_MARKS:])
    if found.fault:
        _failed(connection.pk, found.fault, marks)
        return
    ShopConnection.objects.filter(pk=connection.pk, token=reading.token).update(
        token=None, marks=marks, read_at=now, failures=0, error="; ".join(problems[:5]),
        read_to=reading.began if found.is_whole else reading.since, next_at=now + EVERY if found.is_whole else now,
    )  # fmt: skip


def _failed(connection_id: int, why: str, marks: dict[str, str] | None = None) -> None:
    with transaction.atomic():
        row = ShopConnection.objects.select_for_update(no_key=True).get(pk=connection_id)
        row.failures, row.error, row.token = row.failures + 1, why[:1000], None
        row.next_at = timezone.now() + min(EVERY * 2 ** min(row.failures, 10), LONGEST_WAIT)
        row.marks = row.marks if marks is None else marks
        row.save(update_fields=["failures", "error", "token", "next_at", "marks"])


def into_mirror(partner: Partner, seen: Seen, as_of: datetime) -> None:
    """An order and its customer as the shop has them; what it shows under keys of ours settles what was not known.

    Raises Invalid where the mirror cannot hold it.
    """
    stated = as_of.isoformat()
    with transaction.atomic():
        customer = {**seen.customer, "as_of": stated}
        submitting.submit_customer(partner, seen.customer["external_id"], customer, actor=_SHOPS)
        submitting.submit_order(partner, seen.number, {**seen.order, "as_of": stated}, actor=_SHOPS)
    _settle(partner, seen)


def _settle(partner: Partner, seen: Seen) -> None:
    open_ones = Effect.objects.filter(partner=partner, key__in=list(seen.traces), state=Effect.State.UNKNOWN)
    for effect in open_ones:
        outcome = seen.traces[str(effect.key)].outcome()
        if outcome is not None:
            settling.settle(effect.pk, outcome, actor=_SHOPS)


DESK = Desk("mirror", take, threads=8)
