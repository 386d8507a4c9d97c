"""What the machinery keeps only for a while: answers to calls, counts of calls, and the log of webhooks."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.interactions.api import idempotency, limits
from apps.interactions.models import OutboxEvent, ShopHook, ShopMark, WebhookDelivery

LOG_KEPT = timedelta(days=30)  # of webhooks that were delivered or given up, and of events that no one waits for
MARKS_KEPT = timedelta(days=90)  # longer than connectors look back for orders that changed
AT_ONCE = 20_000


def forget_old(now: datetime) -> int:
    """One bounded step; returns how many rows went."""
    long_ago = now - LOG_KEPT
    over = Q(ended_at__lt=long_ago) | Q(made_at__lt=long_ago, endpoint__stopped_at__lt=long_ago)
    gone = _some(WebhookDelivery.objects.filter(over))
    unheard = OutboxEvent.objects.filter(created_at__lt=long_ago, number__isnull=False, deliveries__isnull=True)
    newer = OutboxEvent.objects.filter(
        partner=OuterRef("partner"), subject=OuterRef("subject"), number__gt=OuterRef("number")
    )
    unheard = unheard.exclude(payload={})
    gone += _some(unheard.filter(Exists(newer)))
    # The last one of each case stays, without its content: numbers go on from it.
    last = unheard.order_by("id").values("pk")[:AT_ONCE]
    OutboxEvent.objects.filter(pk__in=last).update(payload={})
    gone += _some(ShopMark.objects.filter(made_at__lt=now - MARKS_KEPT))
    gone += _some(ShopHook.objects.filter(received_at__lt=long_ago))
    return gone + idempotency.forget_old(now) + limits.forget_old(now)


def _some(rows: QuerySet[Any]) -> int:
    chosen = list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    return rows.model._default_manager.filter(pk__in=chosen).delete()[0] if chosen else 0
