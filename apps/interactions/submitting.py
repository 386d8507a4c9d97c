"""From checked input to intake and mirror: the one way in for the API and for `manage.py ingest`."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from rest_framework import serializers

from apps.interactions import catalogue, intake, mirror, taking
from apps.interactions.api import catalogue_shapes
from apps.interactions.api import serializers as shapes
from apps.interactions.api.problems import flat_errors
from apps.interactions.mirror import Stored
from apps.interactions.models import Article, Customer, Order, Product
from apps.interactions.sent_along import NAMED_BY, kept, reference
from apps.policies import audit
from apps.policies.errors import Invalid
from apps.policies.models import Partner

MOST_EVENTS = 500


def checked(shape: type[serializers.Serializer[Any]], data: object) -> dict[str, Any]:
    """The validated data. Raises Invalid naming each field and reason."""
    try:
        return dict(shapes.reader(shape).run_validation(data))
    except serializers.ValidationError as error:
        raise Invalid(flat_errors(error.detail)) from None


def submit_interaction(
    partner: Partner,
    data: object,
    *,
    actor: audit.Actor,
    as_sent: bool = False,
    wake: bool = True,
    vouched: bool = True,
    accept: Callable[..., intake.Accepted] = intake.accept,
) -> intake.Accepted:
    """Take one interaction. `as_sent` dates the case by its first message instead of by the clock (`ingest`); `vouched` is
    whether who sends it answers for whom it names as the customer; `accept` may be `intake.take`."""
    now = timezone.now()
    arrival = _arrival(checked(shapes.InteractionIn, data), now, as_sent=as_sent, vouched=vouched)
    return accept(partner, arrival, actor=actor, now=now, wake=wake)


def submit_interactions(
    partner: Partner, items: Sequence[object], *, actor: audit.Actor, vouched: bool = True
) -> list[intake.Accepted | Invalid]:
    """Take many; what came of each, in their order."""
    now, shape = timezone.now(), shapes.reader(shapes.InteractionIn)
    read: list[intake.Arrival | Invalid] = []
    for item in items:
        try:
            read.append(_arrival(shape.run_validation(item), now, vouched=vouched))
        except serializers.ValidationError as error:
            read.append(Invalid(flat_errors(error.detail)))
    taken = iter(
        taking.accept_many(partner, [one for one in read if not isinstance(one, Invalid)], actor=actor, now=now)
    )
    return [one if isinstance(one, Invalid) else next(taken) for one in read]


def _arrival(found: dict[str, Any], now: datetime, *, as_sent: bool = False, vouched: bool = True) -> intake.Arrival:
    values = dict(found) | ({} if vouched else {"sender_verified": False})
    messages = [
        intake.Words(**message, received_at=message["sent_at"] if as_sent else now)
        for message in values.pop("messages")
    ]
    told = {kind: kept(kind, values[kind]) for kind in NAMED_BY if isinstance(values.get(kind), dict)}
    values |= {kind: reference(kind, one) for kind, one in told.items()}
    said = {name: value for name, value in values.items() if value is not None}
    return intake.Arrival(messages=messages, vouched=vouched, sent_along=told, **said)


def submit_customer(
    partner: Partner, external_id: str, data: object, *, actor: audit.Actor, as_of: datetime | None = None
) -> Stored[Customer]:
    """`as_of` dates what does not date itself: a file by its own time; otherwise it is true from now on."""
    _checked_id("external_id", external_id, 100)
    found = _named(checked(shapes.CustomerIn, data), "external_id", external_id)
    with transaction.atomic():
        stored = mirror.put_customer(
            partner, external_id, found, as_of=found.get("as_of") or as_of or timezone.now(), again=as_of is not None
        )
        if stored.changed:
            audit.record(actor, stored.row, "mirrored")
    return stored


def submit_order(
    partner: Partner, number: str, data: object, *, actor: audit.Actor, as_of: datetime | None = None
) -> Stored[Order]:
    _checked_id("number", number, 60)
    found = _named(checked(shapes.OrderIn, data), "number", number)
    with transaction.atomic():
        stored = mirror.put_order(
            partner, number, found, as_of=found.get("as_of") or as_of or timezone.now(), again=as_of is not None
        )
        if stored.changed:
            audit.record(actor, stored.row, "mirrored", reason=stored.row.status)
    return stored


def submit_order_events(partner: Partner, number: str, data: object, *, actor: audit.Actor) -> Order:
    checked_events = _checked_events(shapes.EventIn, data)
    with transaction.atomic():
        order = mirror.add_events(partner, number, checked_events)
        audit.record(actor, order, "events_mirrored", reason=", ".join(event["kind"] for event in checked_events)[:200])
    return order


def submit_product(partner: Partner, sku: str, data: object, *, actor: audit.Actor) -> Stored[Product]:
    _checked_id("sku", sku, 60)
    found = _named(checked(catalogue_shapes.ProductIn, data), "sku", sku)
    with transaction.atomic():
        stored = catalogue.put_product(partner, sku, found, as_of=found.get("as_of") or timezone.now())
        if stored.changed:
            audit.record(actor, stored.row, "mirrored")
    return stored


def submit_article(partner: Partner, slug: str, data: object, *, actor: audit.Actor) -> Stored[Article]:
    found = _named(checked(catalogue_shapes.ArticleIn, data), "slug", slug)
    with transaction.atomic():
        stored = catalogue.put_article(partner, slug, found, as_of=found.get("as_of") or timezone.now())
        if stored.changed:
            audit.record(actor, stored.row, "mirrored", reason="published" if stored.row.published else "not published")
    return stored


def submit_customer_events(customer: Customer, data: object) -> int:
    """One event or a list of up to `MOST_EVENTS`; returns how many were sent."""
    events = _checked_events(catalogue_shapes.CustomerEventIn, data)
    catalogue.add_customer_events(customer, events)
    return len(events)


def _checked_events(shape: type[serializers.Serializer[Any]], data: object) -> list[dict[str, Any]]:
    """One event, or a list of up to `MOST_EVENTS`. Raises Invalid, which names those of a list by their places."""
    if not isinstance(data, list):
        return [checked(shape, data)]
    if not 1 <= len(data) <= MOST_EVENTS:
        raise Invalid({"body": [f"Send 1 to {MOST_EVENTS} events."]})
    found: list[dict[str, Any]] = []
    errors: dict[str, list[str]] = {}
    one = shapes.reader(shape)
    for place, event in enumerate(data):
        try:
            found.append(one.run_validation(event))
        except serializers.ValidationError as error:
            errors |= flat_errors(error.detail, f"[{place}]")
    if errors:
        raise Invalid(errors)
    return found


def _checked_id(field: str, name: str, longest: int) -> None:
    """Ids come from addresses and file lines too, which no serializer sees."""
    if not name.strip() or len(name) > longest or "\x00" in name:
        raise Invalid({field: [f"An id has 1 to {longest} characters."]})


def _named(data: dict[str, Any], field: str, name: str) -> dict[str, Any]:
    """The address names the object; a body that names another is a mistake."""
    if data.get(field, name) != name:
        raise Invalid({field: [f"The address says “{name}”. Send the same here, or leave it out."]})
    return data
