"""Idempotency keys: a call under a name happens once, and whoever sends it again gets the answer it got.

    begin(key, name, digest, now)       the answer there is, or the call that is ours to make now
    finish(call, answer)                keep the answer, in the transaction of what the call did
    let_go(call)                        nothing happened: the name is free

Names belong to the keys of a brand that may do the same: one on a public page neither hears what others were answered nor takes
a name from them, and a key that replaces another goes on with its names. Another body under the same name is a mistake (422);
one that is under way is waited for by the caller (409). A call whose process died did nothing, since its answer commits with
what it did: after its lease it is taken over.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from apps.interactions.models import ApiKey, IdempotentCall
from apps.policies.errors import Invalid, Refused

KEPT = timedelta(hours=24)
WAIT_SECONDS = 1  # for the first call under a key, before its answer is asked for again
LEASE = timedelta(seconds=60)
LONGEST_NAME = 255
HEADER = "Idempotency-Key"


class UnderWay(Refused):
    """The first call under this key has no answer yet."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content_type: str
    body: str


def checked_name(name: str) -> str:
    if not name or len(name) > LONGEST_NAME or not name.isascii() or not name.isprintable():
        raise Invalid({HEADER: [f"Send 1 to {LONGEST_NAME} visible ASCII characters, such as a UUID."]})
    return name


def digest_of(method: str, path: str, body: bytes) -> str:
    return hashlib.sha256(b"\x00".join([method.encode(), path.encode(), body])).hexdigest()


def begin(key: ApiKey, name: str, digest: str, now: datetime) -> IdempotentCall | Answer:
    """Raises Invalid for another call under this name, UnderWay while it is under way."""
    named = {"partner": key.partner, "name": name, "scopes": _scopes_of(key)}
    fresh = IdempotentCall(**named, digest=digest, begun_at=now, lease_until=now + LEASE)
    for _ in range(2):  # the one in our way may go meanwhile
        try:
            with transaction.atomic():
                fresh.save(force_insert=True)
        except IntegrityError:
            fresh.pk = None
        else:
            return fresh
        with transaction.atomic():
            found = IdempotentCall.objects.select_for_update().filter(**named).first()
            if found is None:
                continue
            if now - found.begun_at >= KEPT:
                found.delete()
                continue
            if found.digest != digest:
                raise Invalid({HEADER: ["Another call was sent under this key. Use a new key for every new call."]})
            if found.status is not None:
                return Answer(found.status, found.content_type, found.answer)
            if found.lease_until > now:
                break
            found.lease_until = now + LEASE
            found.save(update_fields=["lease_until"])
            return found
    raise UnderWay("The first call under this key is still under way. Try again in a moment.")


def _scopes_of(key: ApiKey) -> str:
    return hashlib.sha256(" ".join(sorted(key.scopes)).encode()).hexdigest()


def finish(call: IdempotentCall, answer: Answer) -> None:
    """Raises Refused when somebody else took it over meanwhile: then what was done here must not be."""
    ours = IdempotentCall.objects.filter(pk=call.pk, status__isnull=True, lease_until=call.lease_until)
    if not ours.update(status=answer.status, content_type=answer.content_type, answer=answer.body):
        raise Refused("This call took too long, and was sent again meanwhile. Ask for its answer with the same key.")


def let_go(call: IdempotentCall) -> None:
    IdempotentCall.objects.filter(pk=call.pk, status__isnull=True, lease_until=call.lease_until).delete()


def forget_old(now: datetime) -> int:
    return IdempotentCall.objects.filter(begun_at__lt=now - KEPT).delete()[0]
