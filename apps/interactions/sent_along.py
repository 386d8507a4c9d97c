"""What a call tells of a customer or an order beside their reference.

People see it while the shop has told of no such customer or order. Nothing else reads it, so it can grant nothing. Once the
shop tells of them, the cases that named them go on with what the shop says.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import connection, models
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from apps.interactions import hearing
from apps.interactions.models import Customer, Interaction, Order
from apps.interactions.waking import wake_workers
from apps.policies import audit
from apps.policies.models import Partner

NAMED_BY = {"customer": "external_id", "order": "number"}
_MODELS: dict[str, type[Customer] | type[Order]] = {"customer": Customer, "order": Order}
NAMES_ONE = Q(order__isnull=True, order_candidates=[], sent_along__has_key="order")
"""Cases about an order that the shop has not told of: about no other one."""


def kept(kind: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of what was told: all of it, by the reference as others write it."""
    return {**told, NAMED_BY[kind]: told[NAMED_BY[kind]].strip()}


def reference(kind: str, told: Any) -> Any:
    """Whom or what is meant, be it told as a reference or in whole."""
    return told[NAMED_BY[kind]].strip() if isinstance(told, Mapping) else told


def unknown(case: Interaction) -> dict[str, Any]:
    """What was told of whom the shop has not told of."""
    to_come = {"customer": case.customer_id is None, "order": case.order_id is None and not case.order_candidates}
    return {kind: case.sent_along[kind] for kind in NAMED_BY if kind in case.sent_along and to_come[kind]}


def order_to_come(case: Interaction) -> str | None:
    """The number of the order it is about, when the shop has not told of that."""
    told = unknown(case).get("order")
    return told["number"] if told else None


def in_words(case: Interaction) -> list[str]:
    """A line for the customer, one for the order."""
    words = {"customer": _customer_in_words, "order": _order_in_words}
    return [words[kind](told) for kind, told in unknown(case).items()]


def _customer_in_words(told: Mapping[str, Any]) -> str:
    said = [told.get(name) for name in ("name", "email", "country", "postcode")]
    said += [f"{told['tier']} tier" if told.get("tier") else None]
    said += [f"a customer since {_day(told['since'])}" if told.get("since") else None]
    return _line(f"Customer {told['external_id']}", said)


def _order_in_words(told: Mapping[str, Any]) -> str:
    total = f"{told['total']} {told.get('currency') or ''}".strip() if told.get("total") is not None else None
    dated = {"placed": "placed_at", "promised for": "promised_at", "delivered": "delivered_at"}
    said = [told.get("status"), total]
    said += [f"{word} {_day(told[name])}" if told.get(name) else None for word, name in dated.items()]
    said += [f"{line['quantity']} × {line['name']} at {line['unit_price']}" for line in told.get("lines") or ()]
    said += [f"tracking {told['tracking_number']}" if told.get("tracking_number") else None]
    place = ", ".join(str(part) for part in (told.get("destination") or {}).values() if part)
    said += [f"to {place}" if place else None]
    return _line(f"Order {told['number']}", said)


def _line(named: str, said: list[str | None]) -> str:
    parts = ", ".join(part for part in said if part)
    return f"{named}: {parts}" if parts else named


def _day(moment: str) -> str:
    day = parse_date(moment) or parse_datetime(moment)
    return f"{day:%-d %b %Y}" if day else moment


def one_at_a_time(model: type[models.Model], partner_id: int, name: str) -> None:
    """Until the transaction ends, nobody else makes this row, or takes in a case that names it."""
    named = f"{model._meta.db_table} {partner_id} {name}".encode()
    lock = int.from_bytes(hashlib.sha256(named).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock])


def hold(partner: Partner, told: Iterable[Mapping[str, Any]]) -> None:
    """What is told of stays as it is until the transaction ends. Before any row is locked, and always in one order."""
    for kind, name in sorted({(kind, reference(kind, one)) for each in told for kind, one in each.items()}):
        one_at_a_time(_MODELS[kind], partner.pk, name)


def found_since(case: Interaction) -> dict[str, Any]:
    """What the shop has told of meanwhile."""
    told = unknown(case)
    hold(case.partner, [told])
    named = {kind: {NAMED_BY[kind]: reference(kind, one)} for kind, one in told.items()}
    return {
        kind: _MODELS[kind]._default_manager.filter(partner=case.partner, **one).first() for kind, one in named.items()
    }


def now_known(row: Customer | Order) -> None:
    """The shop told of somebody or something for the first time: the cases that named it are read again."""
    kind = "customer" if isinstance(row, Customer) else "order"
    name = getattr(row, NAMED_BY[kind])
    one_at_a_time(type(row), row.partner_id, name)
    naming = {f"{kind}__isnull": True, f"sent_along__{kind}__{NAMED_BY[kind]}": name}
    cases = Interaction.objects.select_for_update(no_key=True).in_the_open().exclude(sent_along={})
    for case in cases.filter(partner_id=row.partner_id, **naming).order_by("pk"):
        setattr(case, kind, row)
        case.save(update_fields=[kind])
        if case.state != Interaction.State.RESOLVED:
            reason = f"the shop told of {kind} {name}"
            hearing.hear(case, actor=audit.system("intake"), now=timezone.now(), reason=reason)
            wake_workers()
