"""Reading shops into the mirror: what changed, and what an effect of ours came to.

Each order is written with the time at which it was read, so nothing older replaces it.
"""

import logging
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.utils import timezone

from apps.interactions import settling, shops, submitting, vault
from apps.interactions.connections import NOBODY, Busy, Desk, Task
from apps.interactions.models import Effect, ShopConnection, ShopMark
from apps.interactions.shops.adapter import Adapter, Denied, Seen, Silent
from apps.policies import audit
from apps.policies.errors import Invalid, Refused
from apps.policies.models import Partner

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
MOST_AT_ONCE = 50  # orders of one reading; the others are next
READS_FOR = 120.0  # seconds, less than the lease; what is left is next
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
    passed_over: list[tuple[str, str, str]] = field(default_factory=list)  # number, mark, why
    fault: str = ""
    is_whole: bool = True


def take(limit: int, busy: Busy = NOBODY) -> list[Task]:
    """The connections that are due, each held until what was read is kept or its lease ends."""
    return [Task(partial(read, reading), keep, reading.connection_id) for reading in due(limit, busy)]


def due(limit: int, busy: Busy = NOBODY) -> list[Reading]:
    now, token = timezone.now(), uuid.uuid4()
    with transaction.atomic():
        late = ShopConnection.objects.filter(next_at__lte=now, partner__connector=Partner.Connector.SHOP)
        late = late.exclude(pk__in=[connection for connection, count in busy.items() if count])
        rows = list(late.select_for_update(no_key=True, skip_locked=True).order_by("next_at")[:limit])
        ShopConnection.objects.filter(pk__in=[row.pk for row in rows]).update(token=token, next_at=now + LEASE)
    found = []
    for row in rows:
        try:
            adapter = shops.adapter_of(row)
        except vault.Unreadable as error:
            row.back_off(str(error))
            continue
        found.append(
            Reading(row.pk, token, adapter, row.read_to or now, dict(row.marks.values_list("number", "mark")), now)
        )
    return found


def read(reading: Reading) -> Found:
    """In a thread: it touches no database."""
    found, ends = Found(reading), time.monotonic() + READS_FOR
    try:
        for number, mark in reading.adapter.changed(reading.since, reading.marks):
            if len(found.seen) + len(found.passed_over) >= MOST_AT_ONCE or time.monotonic() > ends:
                found.is_whole = False
                break
            _read_one(found, number, mark)
    except (Silent, Denied) as fault:
        found.fault = str(fault)
    except Exception as error:  # an answer of another shape than the shop's documents say
        log.exception("shop connection %s could not be read", reading.connection_id)
        found.fault = f"its answer could not be understood: {type(error).__name__}: {error}"
    return found


def _read_one(found: Found, number: str, mark: str) -> None:
    """One order that cannot be read holds up no other: it is passed over until it changes. Raises Silent."""
    try:
        seen = found.reading.adapter.read(number)
    except Denied as denied:
        found.passed_over.append((number, mark, str(denied)))
    except Silent:
        raise
    except Exception as error:
        log.exception("order %s of connection %s could not be read", number, found.reading.connection_id)
        found.passed_over.append((number, mark, f"it could not be understood ({type(error).__name__})"))
    else:
        if seen is not None:
            found.seen.append((seen, mark))


def keep(found: Found | Exception) -> None:
    """Write what was read, and when to read again. How orders stood is kept whoever holds the connection now."""
    assert isinstance(found, Found)
    reading, now = found.reading, timezone.now()
    connection = ShopConnection.objects.select_related("partner").get(pk=reading.connection_id)
    problems = [f"order {number}: {why}" for number, _, why in found.passed_over]
    for seen, _ in found.seen:
        try:
            into_mirror(connection.partner, seen, reading.began)
        except (Invalid, Refused) as error:
            problems.append(f"order {seen.number}: {error}")
    marks = [(seen.number, mark) for seen, mark in found.seen] + [
        (number, mark) for number, mark, _ in found.passed_over
    ]
    ShopMark.objects.bulk_create(
        [ShopMark(connection=connection, number=number, mark=mark[:80], made_at=now) for number, mark in dict(marks).items()],
        update_conflicts=True, unique_fields=["connection", "number"], update_fields=["mark"],
    )  # fmt: skip
    held = ShopConnection.objects.filter(pk=connection.pk, token=reading.token)
    if found.fault:
        with transaction.atomic():
            row = held.select_for_update(no_key=True).first()
            if row is not None:
                row.back_off(found.fault)
        return
    held.update(
        token=None, read_at=now, failures=0, error="; ".join(problems[:5]),
        read_to=reading.began if found.is_whole else reading.since, next_at=now + connection.EVERY if found.is_whole else now,
    )  # fmt: skip


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
