"""Endpoints that never answer: stopped after a day, or at once when they say that they are gone; their owner is told."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import send_mail

from apps.interactions.models import WebhookDelivery, WebhookEndpoint
from apps.interactions.models.webhook import NEVER
from apps.policies import audit

log = logging.getLogger(__name__)

HOPELESS_AFTER = timedelta(hours=24)
LEAST_FAILURES = 5  # so that one that seldom hears of anything is not stopped for one bad evening
_WEBHOOKS = audit.system("webhooks")
MOST_MAILS = 20  # of one look


def stop_when_hopeless(endpoint: WebhookEndpoint, *, gone: bool, now: datetime) -> None:
    since = endpoint.failing_since
    if endpoint.stopped_at is not None or since is None:
        return
    if gone:
        stop(endpoint, "It answered that it is gone (410).", now)
    elif now - since >= HOPELESS_AFTER and endpoint.failures >= LEAST_FAILURES:
        stop(endpoint, f"Nothing came through since {since:%d %B %Y, %H:%M} UTC, in {endpoint.failures} attempts.", now)


def stop(endpoint: WebhookEndpoint, because: str, now: datetime, actor: audit.Actor = _WEBHOOKS) -> None:
    """What it does not hear waits for it. Who stopped it themselves is not told."""
    endpoint.stopped_at, endpoint.stopped_because = now, because
    endpoint.told_at = None if actor == _WEBHOOKS else now
    endpoint.save(update_fields=["stopped_at", "stopped_because", "told_at"])
    endpoint.deliveries.filter(status=WebhookDelivery.Status.WAITING).update(next_at=NEVER)
    audit.record(actor, endpoint, "stopped", reason=because, at=now)


def tell(now: datetime) -> int:
    """Mail the contacts of endpoints that were stopped; one that could not be told is told at the next look."""
    stopped = WebhookEndpoint.objects.filter(stopped_at__isnull=False, told_at__isnull=True, removed_at__isnull=True)
    told = 0
    for endpoint in stopped.exclude(contact="").select_related("partner").order_by("stopped_at")[:MOST_MAILS]:
        try:
            send_mail(f"Remit stopped a webhook of {endpoint.partner}", _words(endpoint), None, [endpoint.contact])
        except OSError as error:
            log.warning("%s could not be told that its webhook was stopped: %s", endpoint.contact, error)
            continue
        except ValueError as error:  # an address or a name that no mail can hold: it is not tried again
            log.warning("nobody can write to %s about its webhook: %s", endpoint.contact, error)
        else:
            told += 1
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(told_at=now)
    return told


def _words(endpoint: WebhookEndpoint) -> str:
    return (
        f"The webhook {endpoint.url} of {endpoint.partner} does not answer, so nothing is sent to it any more.\n\n"
        f"{endpoint.stopped_because}\n\n"
        "Events are kept for it. Mend it, then let it listen again: what it did not hear is sent then.\n\n"
        f"{settings.SITE_URL}/admin/interactions/webhookendpoint/{endpoint.pk}/change/\n"
        f'or by API: PATCH /api/v1/webhook-endpoints/{endpoint.reference}/ with {{"listening": true}}\n'
    )
