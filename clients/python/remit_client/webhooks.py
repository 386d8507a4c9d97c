"""Webhooks by Standard Webhooks (standardwebhooks.com): whether Remit sent this, and lately."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

LATE_SECONDS = 300


class BadSignature(Exception):
    """It was not sent by who knows the secret, or not lately. Answer 400, and do nothing."""


def verify(
    body: bytes | str, headers: Mapping[str, str], *, secrets: str | Iterable[str], now: float | None = None
) -> dict[str, Any]:
    """The event `{type, timestamp, sequence, sandbox, data}`, of the body as it came. Raises BadSignature, and ValueError for
    what is no secret. While a secret is rotated, give both.

    The same `webhook-id` may come twice: keep those you have worked on.
    """
    raw = body.encode() if isinstance(body, str) else body
    given = {name.lower(): value for name, value in headers.items()}
    try:
        name, stamp, signatures = (given[f"webhook-{part}"] for part in ("id", "timestamp", "signature"))
        sent_at = int(stamp)
    except (KeyError, ValueError) as error:
        raise BadSignature("The headers of a webhook are not all there.") from error
    if abs((time.time() if now is None else now) - sent_at) > LATE_SECONDS:
        raise BadSignature("It was sent too long ago, or a clock is wrong.")
    signed = f"{name}.{stamp}.".encode() + raw
    keys = [_key_of(secret) for secret in ([secrets] if isinstance(secrets, str) else secrets)]
    right = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)) for key in keys]
    found = [part[3:].encode() for part in signatures.split() if part.startswith("v1,")]
    if not any(hmac.compare_digest(one, other) for one in right for other in found):
        raise BadSignature("The signature is not ours.")
    event: dict[str, Any] = json.loads(raw)
    return event


def _key_of(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        raise ValueError("This is no secret of a webhook: it begins with whsec_, as Remit told it.") from None
