"""Endpoints that never answer: stopped after a day, or at once when they say that they are gone; their owner is told."""

import logging
import time
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import F, Q

from apps.interactions import notifying
from apps.interactions.models import Notice, WebhookDelivery, WebhookEndpoint
from apps.interactions.models.webhook import NEVER
from apps.policies import audit

log = logging.getLogger(__name__)

HOPELESS_AFTER = timedelta(hours=24)
LEAST_FAILURES = 5  # so that one that seldom hears of anything is not stopped for one bad evening
_WEBHOOKS = audit.system("webhooks")
LONGEST_SECONDS = 20.0  # of one look
TELL_AGAIN = timedelta(minutes=15)


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
    endpoint.told_at, endpoint.tell_at = (None if actor == _WEBHOOKS else now), None
    endpoint.save(update_fields=["stopped_at", "stopped_because", "told_at", "tell_at"])
    endpoint.deliveries.filter(status=WebhookDelivery.Status.WAITING).update(next_at=NEVER)
    audit.record(actor, endpoint, "stopped", reason=because, at=now)


def tell(now: datetime) -> int:
    """Mail the contacts of endpoints that were stopped; one that could not be told is tried again, after the others. Whom no
    mail can reach, or who named nobody, those on duty are told of. Returns how many contacts were told."""
    told, until = 0, time.monotonic() + LONGEST_SECONDS
    stopped = WebhookEndpoint.objects.filter(stopped_at__isnull=False, told_at__isnull=True, removed_at__isnull=True)
    due = stopped.filter(Q(tell_at__isnull=True) | Q(tell_at__lte=now)).select_related("partner")
    for endpoint in due.order_by(F("tell_at").asc(nulls_first=True), "pk"):
        if time.monotonic() > until:  # a server that does not answer holds up nothing else for longer
            break
        mine = stopped.filter(pk=endpoint.pk, tell_at=endpoint.tell_at, stopped_at=endpoint.stopped_at)
        if mine.update(tell_at=now + TELL_AGAIN):
            told += _tell(endpoint, now)
    return told


def _tell(endpoint: WebhookEndpoint, now: datetime) -> bool:
    mailed = False
    try:
        if endpoint.contact:
            subject = " ".join(f"Remit stopped a webhook of {endpoint.partner}".split())
            mailed = bool(send_mail(subject, _words(endpoint), None, [endpoint.contact]))
    except OSError as error:
        log.warning("%s could not be told that its webhook was stopped: %s", endpoint.contact, error)
        return False
    except ValueError as error:  # an address that no mail can hold: it is not tried again
        log.warning("nobody can write to %s about its webhook: %s", endpoint.contact, error)
    if not mailed:
        notifying.raise_notice(
            Notice.Kind.WEBHOOK, notifying.key_of_webhook(endpoint),
            f"{endpoint.partner.name}: a webhook was stopped, and nobody of theirs could be told. {endpoint.url}",
            f"/admin/interactions/webhookendpoint/{endpoint.pk}/change/", now, partner=endpoint.partner,
        )  # fmt: skip
    WebhookEndpoint.objects.filter(pk=endpoint.pk, stopped_at=endpoint.stopped_at).update(told_at=now)
    return mailed


def _words(endpoint: WebhookEndpoint) -> str:
    return (
        f"The webhook {endpoint.url} of {endpoint.partner} does not answer, so nothing is sent to it any more.\n\n"
        f"{endpoint.stopped_because}\n\n"
        "Events are kept for it. Mend it, then let it listen again: what it did not hear is sent then.\n\n"
        f"{settings.SITE_URL}/admin/interactions/webhookendpoint/{endpoint.pk}/change/\n"
        f'or by API: PATCH /api/v1/webhook-endpoints/{endpoint.reference}/ with {{"listening": true}}\n'
    )
