"""Secrets and signatures, as Standard Webhooks has them (standardwebhooks.com, specification 1.0).

A secret is derived from a key of the installation, so that no table holds it.
"""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings

from apps.interactions.models import WebhookEndpoint

OVERLAP = timedelta(hours=24)  # the secret before a rotation signs as well


def secret_of(reference: uuid.UUID, generation: int) -> str:
    """`whsec_…`, 256 bits."""
    told = f"webhook {reference} {generation}".encode()
    return "whsec_" + base64.b64encode(hmac.digest(settings.WEBHOOK_KEY.encode(), told, hashlib.sha256)).decode()


def secrets_of(endpoint: WebhookEndpoint, now: datetime) -> list[str]:
    """Those that sign now, the newest first."""
    rotated = endpoint.rotated_at
    overlaps = rotated is not None and now < rotated + OVERLAP
    last = endpoint.generation - 1 if overlaps else endpoint.generation
    return [secret_of(endpoint.reference, number) for number in range(endpoint.generation, last - 1, -1)]


def signatures(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """Of the id, the time in seconds and the body, one for each secret."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets]
    return " ".join(f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}" for key in keys)
