"""What the machinery keeps only for a while: answers to calls, counts of calls, and the log of webhooks."""

from datetime import datetime, timedelta

from apps.interactions.api import idempotency, limits
from apps.interactions.models import OutboxEvent, WebhookDelivery

LOG_KEPT = timedelta(days=30)  # of webhooks that were delivered or given up, and of events that no one waits for
AT_ONCE = 5_000


def forget_old(now: datetime) -> int:
    """One bounded step; returns how many rows went."""
    ended = WebhookDelivery.objects.filter(ended_at__lt=now - LOG_KEPT).order_by("id").values("pk")[:AT_ONCE]
    gone, _ = WebhookDelivery.objects.filter(pk__in=ended).delete()
    unheard = OutboxEvent.objects.filter(created_at__lt=now - LOG_KEPT, number__isnull=False, deliveries__isnull=True)
    gone += OutboxEvent.objects.filter(pk__in=unheard.order_by("id").values("pk")[:AT_ONCE]).delete()[0]
    return gone + idempotency.forget_old(now) + limits.forget_old(now)
