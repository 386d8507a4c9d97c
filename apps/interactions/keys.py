"""API keys: made, replaced and revoked, in the admin and by API.

issue(partner, name, scopes, …)   the row, with the whole key in `issued`, which is kept nowhere
replace(key, …)                   a new key in its place; the old one opens for a day more
end_overlap(key, …)               the old one opens nothing any more
revoke(key, …)                    it opens nothing from now on
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction

from apps.interactions.models import ApiKey
from apps.policies import audit
from apps.policies.errors import Refused
from apps.policies.models import Partner

OVERLAP = timedelta(hours=24)


def issue(
    partner: Partner, name: str, scopes: Sequence[str], *, actor: audit.Actor, by: User | None = None,
    expires_at: datetime | None = None,
) -> ApiKey:  # fmt: skip
    key = ApiKey(partner=partner, name=name, scopes=list(scopes), created_by=by, expires_at=expires_at)
    key.issue()
    with transaction.atomic():
        key.save(force_insert=True)
        audit.record(actor, key, "issued", details={"scopes": key.scopes})
    return key


def replace(key_id: int, *, actor: audit.Actor, now: datetime, by: User | None = None) -> ApiKey:
    """Raises Refused for one that opens nothing, or was replaced already."""
    with transaction.atomic():
        old = ApiKey.objects.select_for_update(no_key=True).get(pk=key_id)
        if not old.is_usable(now):
            raise Refused("This key opens nothing any more: make a new one.")
        before = ApiKey.objects.filter(replaces=old).first()
        if before is not None and before.last_used_at is not None:
            raise Refused("This key was replaced already. Use the new one, or make another.")
        if before is not None:  # nobody has it: its answer was lost
            before.replaces = None
            before.save(update_fields=["replaces"])
            revoke(before, actor=actor, now=now)
        made = ApiKey(
            partner=old.partner, name=old.name, scopes=old.scopes, networks=old.networks,
            calls_a_minute=old.calls_a_minute, expires_at=old.expires_at, replaces=old, created_by=by,
        )  # fmt: skip
        made.issue()
        made.save(force_insert=True)
        old.expires_at = min(now + OVERLAP, old.expires_at or now + OVERLAP)
        old.save(update_fields=["expires_at"])
        audit.record(actor, old, "replaced", details={"by": made.prefix}, at=now)
    return made


def end_overlap(key_id: int, *, actor: audit.Actor, now: datetime) -> None:
    """A key that was replaced opens nothing from now on; the one in its place does. Raises Refused for one that was not."""
    with transaction.atomic():
        old = ApiKey.objects.select_for_update(no_key=True).get(pk=key_id)
        if not old.is_usable(now) or not ApiKey.objects.filter(replaces=old, revoked_at__isnull=True).exists():
            raise Refused("Only a key that was replaced, and still opens, ends before its time. Revoke any other.")
        old.revoked_at = now
        old.save(update_fields=["revoked_at"])
        audit.record(actor, old, "overlap_ended", at=now)


def revoke(key: ApiKey, *, actor: audit.Actor, now: datetime) -> int:
    """With those that were made in its place, since whoever had it may have made them; returns how many that were."""
    one: ApiKey | None = key
    ended = 0
    while one is not None:
        if one.revoked_at is None:
            one.revoked_at = now
            one.save(update_fields=["revoked_at"])
            audit.record(actor, one, "revoked", at=now)
            ended += 1
        one = ApiKey.objects.filter(replaces=one).first()
    return ended
