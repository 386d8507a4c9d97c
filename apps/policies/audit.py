"""Writing the audit trail: who did what to what, from which state to which, why, in which request.

    record(actor, version, "edited", reason="…", details={…})

Transitions are written by `machines.move`. Every row of one request or one worker turn carries the same
correlation id.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, User
from django.db import models
from django.utils import timezone

from apps.policies.correlation import correlated, correlation_id
from apps.policies.models.audit import AuditEntry

__all__ = ["Actor", "correlated", "correlation_id", "entry_for", "key", "person", "record", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person (with `user_id`), an API key, or a named part of the system."""

    kind: str
    name: str
    user_id: int | None = None


def person(user: AbstractBaseUser) -> Actor:
    assert isinstance(user, User)
    return Actor(AuditEntry.ActorKind.PERSON, user.get_username(), user.pk)


def system(part: str) -> Actor:
    return Actor(AuditEntry.ActorKind.SYSTEM, part)


def key(prefix: str) -> Actor:
    return Actor(AuditEntry.ActorKind.KEY, prefix)


def record(
    actor: Actor,
    subject: models.Model,
    event: str,
    *,
    reason: str = "",
    details: dict[str, Any] | None = None,
    at: datetime | None = None,
) -> AuditEntry:
    entry = entry_for(actor, subject, event, reason=reason, details=details, at=at)
    entry.save(force_insert=True)
    return entry


def entry_for(
    actor: Actor,
    subject: models.Model,
    event: str,
    *,
    from_state: str = "",
    to_state: str = "",
    reason: str = "",
    details: dict[str, Any] | None = None,
    at: datetime | None = None,
) -> AuditEntry:
    """An unsaved row, for callers that write many at once."""
    return AuditEntry(
        at=at or timezone.now(),
        actor_kind=actor.kind,
        actor=actor.name,
        user_id=actor.user_id,
        partner_id=_partner_id(subject),
        subject_type=subject._meta.label_lower,
        subject_id=str(subject.pk),
        event=event,
        from_state=from_state,
        to_state=to_state,
        reason=reason,
        details=details or {},
        correlation_id=correlation_id(),
    )


def _partner_id(subject: models.Model) -> int | None:
    if subject._meta.label_lower == "policies.partner":
        return int(subject.pk)
    owner = subject if hasattr(subject, "partner_id") else getattr(subject, "interaction", None)
    value: int | None = getattr(owner, "partner_id", None)
    return value
