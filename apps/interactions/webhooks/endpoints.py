"""What partners do with their webhooks, in the admin and by API.

register, change, remove
stop(endpoint)                it hears nothing until it listens again; what it misses waits for it
rotate(endpoint)              a new secret; the old one signs as well for a day
listen_again(endpoint)        after it was stopped: what it did not hear is sent now
test(endpoint)                an event of its own
replay(endpoint, …)           events of a time, or one, once more
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery

from apps.interactions.models import OutboxEvent, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from apps.interactions.models.webhook import NEVER, TEST
from apps.interactions.webhooks import signing, stopping
from apps.policies import audit
from apps.policies.errors import Invalid, Refused
from apps.policies.models import Partner

MOST_OF_A_PARTNER = 10
MOST_REPLAYED = AT_ONCE = 10_000
_S = WebhookDelivery.Status


def of(partner: Partner) -> QuerySet[WebhookEndpoint]:
    return WebhookEndpoint.objects.filter(partner=partner, removed_at__isnull=True)


def with_last_try(rows: QuerySet[WebhookDelivery]) -> QuerySet[WebhookDelivery]:
    """Each with the status that the last attempt was `answered`, the milliseconds it `took`, its `fault`; null before one."""
    last = WebhookAttempt.objects.filter(delivery=OuterRef("pk")).order_by("-id")
    return rows.annotate(
        answered=Subquery(last.values("status_code")[:1]), took=Subquery(last.values("milliseconds")[:1]),
        fault=Subquery(last.values("fault")[:1]),
    )  # fmt: skip


def register(partner: Partner, said: Mapping[str, Any], *, actor: audit.Actor) -> WebhookEndpoint:
    """Raises Invalid for an address that a webhook may not go to, Refused for more than a partner may have."""
    endpoint = WebhookEndpoint(partner=partner, **said)
    _checked(endpoint)
    with transaction.atomic():
        Partner.objects.select_for_update(no_key=True).get(pk=partner.pk)
        if of(partner).count() >= MOST_OF_A_PARTNER:
            raise Refused(f"A brand has at most {MOST_OF_A_PARTNER} webhooks. Remove one first.")
        endpoint.save(force_insert=True)
        audit.record(actor, endpoint, "registered", details={"url": endpoint.url, "events": endpoint.kinds})
    return endpoint


def change(endpoint_id: int, said: Mapping[str, Any], *, actor: audit.Actor) -> WebhookEndpoint:
    with transaction.atomic():
        endpoint = _locked(endpoint_id)
        before = {name: getattr(endpoint, name) for name in said}
        for name, value in said.items():
            setattr(endpoint, name, value)
        _checked(endpoint)
        endpoint.save(update_fields=list(said))
        changes = {name: [before[name], value] for name, value in said.items() if before[name] != value}
        if changes:
            audit.record(actor, endpoint, "changed", details=changes)
    return endpoint


def remove(endpoint_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """It hears nothing more; its log stays."""
    with transaction.atomic():
        endpoint = _locked(endpoint_id)
        endpoint.removed_at = now
        endpoint.save(update_fields=["removed_at"])
        endpoint.deliveries.filter(status=_S.WAITING).update(status=_S.GAVE_UP, ended_at=now, token=None)
        audit.record(actor, endpoint, "removed", at=now)


def rotate(endpoint_id: int, *, actor: audit.Actor, now: datetime) -> WebhookEndpoint:
    """A new secret. Raises Refused while two are valid: a third would shut out who still has the first."""
    with transaction.atomic():
        endpoint = _locked(endpoint_id)
        if len(signing.secrets_of(endpoint, now)) > 1:
            raise Refused(
                "The secret was changed within the last day, and the one before still signs. Wait until it ends."
            )
        endpoint.generation += 1
        endpoint.rotated_at = now
        endpoint.save(update_fields=["generation", "rotated_at"])
        audit.record(actor, endpoint, "secret_rotated", at=now)
    return endpoint


def stop(endpoint_id: int, *, actor: audit.Actor, now: datetime) -> WebhookEndpoint:
    with transaction.atomic():
        endpoint = _locked(endpoint_id)
        if endpoint.stopped_at is None:
            stopping.stop(endpoint, "Its owner stopped it.", now, actor=actor)
    return endpoint


def listen_again(endpoint_id: int, *, actor: audit.Actor, now: datetime) -> WebhookEndpoint:
    with transaction.atomic():
        endpoint = _locked(endpoint_id)
        since = endpoint.failing_since or endpoint.stopped_at or now
        unheard = Q(status=_S.WAITING) | Q(status=_S.GAVE_UP, ended_at__gte=since)
        _send_again(endpoint.deliveries.filter(unheard), now)
        endpoint.stopped_at = endpoint.told_at = endpoint.failing_since = None
        endpoint.stopped_because, endpoint.failures = "", 0
        fields = ["stopped_at", "told_at", "failing_since", "stopped_because", "failures"]
        endpoint.save(update_fields=fields)
        audit.record(actor, endpoint, "listens_again", at=now)
    return endpoint


def test(endpoint_id: int, *, actor: audit.Actor, now: datetime) -> WebhookDelivery:
    """Send it an event that means nothing. Raises Refused when it is stopped: nothing would come."""
    with transaction.atomic():
        endpoint = _locked(endpoint_id)
        if endpoint.stopped_at is not None:
            raise Refused("It is stopped, so nothing is sent to it. Let it listen again first.")
        event = OutboxEvent.objects.create(
            partner_id=endpoint.partner_id, kind=TEST, subject=f"test {uuid.uuid4()}", number=1,
            payload={"endpoint": str(endpoint.reference), "hello": "This is a test."},
        )  # fmt: skip
        audit.record(actor, endpoint, "tested", at=now)
        return WebhookDelivery.objects.create(
            event=event, endpoint=endpoint, subject=event.subject, next_at=now, made_at=now
        )


def replay(endpoint_id: int, since: datetime, until: datetime, *, actor: audit.Actor, now: datetime) -> int:
    """Send it the events of a time once more, also those from before it was registered, as far as they are kept; returns how
    many.

    Raises Refused when there are more than `MOST_REPLAYED`, and Invalid for a time that ends before it begins.
    """
    if until <= since:
        raise Invalid({"until": ["This is not after “since”."]})
    with transaction.atomic():
        endpoint = _locked(endpoint_id)
        events = OutboxEvent.objects.filter(
            partner_id=endpoint.partner_id, created_at__gte=since, created_at__lt=until, number__isnull=False
        ).exclude(kind=TEST).exclude(payload={})  # fmt: skip
        if endpoint.kinds:
            events = events.filter(kind__in=endpoint.kinds)
        heard = list(events.order_by("id")[: MOST_REPLAYED + 1])
        if len(heard) > MOST_REPLAYED:
            raise Refused(f"These are more than {MOST_REPLAYED:,} events. Choose a shorter time.")
        due = _due(endpoint, now)
        _send_again(endpoint.deliveries.filter(event__in=heard), due)
        WebhookDelivery.objects.bulk_create(
            [
                WebhookDelivery(event=event, endpoint=endpoint, subject=event.subject, next_at=due, made_at=now)
                for event in heard
            ],
            ignore_conflicts=True,
        )
        audit.record(actor, endpoint, "replayed", details={"events": len(heard)}, at=now)
    return len(heard)


def replay_one(delivery: WebhookDelivery, *, actor: audit.Actor, now: datetime) -> None:
    """Raises what a removed endpoint raises: nothing is sent to it."""
    with transaction.atomic():
        endpoint = _locked(delivery.endpoint_id)
        _send_again(WebhookDelivery.objects.filter(pk=delivery.pk), _due(endpoint, now))
        audit.record(actor, endpoint, "replayed", details={"events": 1}, at=now)


def _due(endpoint: WebhookEndpoint, now: datetime) -> datetime:
    """What a stopped one does not hear waits until it listens again."""
    return now if endpoint.stopped_at is None else NEVER


def _send_again(rows: QuerySet[WebhookDelivery], due: datetime) -> None:
    """Under the same id, so that who heard it already knows. What is under way at this moment ends as it may."""
    # Locked in one order, as who records does.
    chosen = list(rows.order_by("pk").select_for_update(no_key=True, of=("self",)).values_list("pk", flat=True))
    for begins in range(0, len(chosen), AT_ONCE):
        WebhookDelivery.objects.filter(pk__in=chosen[begins : begins + AT_ONCE]).update(
            status=_S.WAITING, attempts=0, ended_at=None, token=None, next_at=due
        )


def _locked(endpoint_id: int) -> WebhookEndpoint:
    found = (
        WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=endpoint_id, removed_at__isnull=True).first()
    )
    if found is None:
        raise Refused("This webhook was removed.")
    return found


def _checked(endpoint: WebhookEndpoint) -> None:
    try:
        endpoint.full_clean(exclude=["partner", "reference"], validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        raise Invalid({name: list(found) for name, found in error.message_dict.items()}) from error
