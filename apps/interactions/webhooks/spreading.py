"""Spreading: each new event is numbered within its case, and becomes a delivery for every endpoint that hears of it."""

from collections import defaultdict

import pgbulk
from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from apps.interactions.models import OutboxEvent, WebhookDelivery, WebhookEndpoint
from apps.interactions.models.webhook import NEVER

AT_ONCE = 500
_LOCK = 7_202_601  # of the whole database: two who spread at once would give one number twice


def spread(limit: int = AT_ONCE) -> int:
    """Of the oldest events that nobody has spread yet; returns how many. Nothing, while another process is at it."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
            if not cursor.fetchone()[0]:
                return 0
        events = list(OutboxEvent.objects.filter(number__isnull=True).order_by("id")[:limit])
        if not events:
            return 0
        _number(events)
        _deliver(events)
    return len(events)


def _number(events: list[OutboxEvent]) -> None:
    numbered = OutboxEvent.objects.filter(
        partner__in={event.partner_id for event in events}, subject__in={event.subject for event in events},
        number__isnull=False,
    )  # fmt: skip
    known = numbered.order_by().values("partner", "subject").annotate(last=Max("number"))
    last = defaultdict(int, {(row["partner"], row["subject"]): row["last"] for row in known})
    for event in events:
        last[event.partner_id, event.subject] += 1
        event.number = last[event.partner_id, event.subject]
    pgbulk.update(OutboxEvent, events, ["number"])


def _deliver(events: list[OutboxEvent]) -> None:
    """Those who were stopped get theirs when they listen again; they are locked, so that none begins to listen meanwhile."""
    listening: defaultdict[int, list[WebhookEndpoint]] = defaultdict(list)
    partners = {event.partner_id for event in events}
    endpoints = WebhookEndpoint.objects.filter(partner__in=partners, removed_at__isnull=True)
    for endpoint in endpoints:
        listening[endpoint.partner_id].append(endpoint)
    silent = endpoints.filter(stopped_at__isnull=False).order_by("pk").select_for_update(no_key=True)
    stopped = set(silent.values_list("pk", flat=True))
    now = timezone.now()
    WebhookDelivery.objects.bulk_create(
        [
            WebhookDelivery(
                event=event,
                endpoint=endpoint,
                subject=event.subject,
                made_at=now,
                next_at=NEVER if endpoint.pk in stopped else now,
            )
            for event in events
            for endpoint in listening[event.partner_id]
            if endpoint.hears(event.kind) and endpoint.created_at <= event.created_at
        ],
        ignore_conflicts=True,
    )
