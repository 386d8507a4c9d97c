"""Releases with an end: a day before they are announced, and at their end the version they replaced rules again.

Nobody approves a fall back when it happens: the end was part of what was approved, and what comes back was approved
when it was released. The log names the release clock, never a person.
"""

import logging
from datetime import datetime, timedelta

from django.db import transaction

from apps.policies import audit, checking, releases
from apps.policies.machines import move
from apps.policies.models import Boundary, BoundaryVersion

log = logging.getLogger(__name__)
WARNED_BEFORE = timedelta(days=1)
_CLOCK = audit.system("release clock")


def end_due(now: datetime) -> int:
    """Warn of the releases that end within a day and end those whose time has come; returns how many ended."""
    _warn(now)
    due = BoundaryVersion.objects.filter(state=BoundaryVersion.State.ACTIVE, ends_at__lte=now)
    return sum(_try(version, now) for version in due.select_related("boundary", "replaced"))


def _try(version: BoundaryVersion, now: datetime) -> bool:
    try:
        return _fall_back(version, now)
    except Exception:
        # One that cannot end must not keep others from ending; it is tried again at the next sweep.
        log.exception("version %s could not end", version.pk)
        return False


def _warn(now: datetime) -> None:
    soon = BoundaryVersion.objects.filter(
        state=BoundaryVersion.State.ACTIVE, ends_at__lte=now + WARNED_BEFORE, end_warned_at=None
    )
    for version in soon:
        if BoundaryVersion.objects.filter(pk=version.pk, end_warned_at=None).update(end_warned_at=now):
            audit.record(_CLOCK, version, "ends_soon", reason=f"ends at {version.ends_at:%Y-%m-%d %H:%M} UTC")


def _fall_back(ending: BoundaryVersion, now: datetime) -> bool:
    """Bring back what the ending version replaced, as a new version; without a predecessor nothing rules any more."""
    with transaction.atomic():
        Boundary.objects.select_for_update(no_key=True).get(pk=ending.boundary_id)
        if not BoundaryVersion.objects.filter(
            pk=ending.pk, state=BoundaryVersion.State.ACTIVE, ends_at__lte=now
        ).exists():
            return False
        reason = f"the release of version {ending.number} ended"
        before = _what_rules_then(ending, now)
        if before is None:
            move(ending, "retire", actor=_CLOCK, reason=reason)
            return True
        version = releases.copy_of(before, ending.boundary, note=f"Back to version {before.number}: {reason}.")
        version.share, version.ends_at = before.share, before.ends_at
        version.save(update_fields=["share", "ends_at"])
        releases.keep_verification(version, checking.verification_of(version))
        version.approved_by, version.approved_hash = before.approved_by, version.release_hash()
        move(version, "submit", actor=_CLOCK, reason=reason, save=releases.VERIFIED)
        approved = f"approved as version {before.number}"
        move(version, "approve", actor=_CLOCK, reason=approved, save=("approved_by", "approved_hash"))
        move(version, "shadow", actor=_CLOCK, reason=reason)
        releases.swap(version, ending, _CLOCK, reason=reason, replaced=before.replaced)
    return True


def _what_rules_then(ending: BoundaryVersion, now: datetime) -> BoundaryVersion | None:
    """The version that the ending one replaced, or, when that one has ended too, the one before it."""
    before = ending.replaced
    while before is not None and before.ends_at is not None and before.ends_at <= now:
        before = before.replaced
    return before
