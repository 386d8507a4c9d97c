"""Releasing a boundary version: draft, submit, approve, shadow, activate, roll back.

Every function takes the person who acts, raises Refused with a sentence when it may not be, and leaves audit
rows. Edits are allowed in drafts only, also by trigger. Whether a version widens is decided by the verifier: then
somebody who contributed to no part of it has to approve it, also by trigger; one that only tightens takes one person.
"""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import models, transaction
from django.utils import timezone

from apps.policies import audit, checking, editing, events, replaying
from apps.policies.errors import Refused
from apps.policies.machines import move
from apps.policies.models import Boundary, BoundaryVersion
from apps.policies.verification import Verification


def draft_from(user: User, boundary: Boundary, source: BoundaryVersion | None = None) -> BoundaryVersion:
    """A new draft with the rules and guardrails of `source` (default: the active version)."""
    editing.within_remit(user, boundary)
    with transaction.atomic():
        source = source or boundary.active_version
        version = copy_of(source, boundary) if source else _next_version(boundary)
        version.contributors.add(user)
        if source is not None and source.state not in (BoundaryVersion.State.ACTIVE, BoundaryVersion.State.RETIRED):
            version.contributors.add(*source.contributors.all())  # whoever wrote it has a part in the copy, too
        reason = f"from version {source.number}" if source else "empty"
        audit.record(audit.person(user), version, "drafted", reason=reason)
    return version


def empty_draft(user: User, boundary: Boundary) -> BoundaryVersion:
    """A new draft that says nothing yet."""
    editing.within_remit(user, boundary)
    with transaction.atomic():
        version = _next_version(boundary)
        version.contributors.add(user)
        audit.record(audit.person(user), version, "drafted", reason="empty")
    return version


def copy_of(source: BoundaryVersion, boundary: Boundary, *, note: str = "") -> BoundaryVersion:
    """A draft of the boundary that says the same, inside the caller's transaction."""
    plan = {}
    if source.state == BoundaryVersion.State.ACTIVE and source.boundary_id == boundary.pk:
        plan = {"share": source.share, "ends_at": source.ends_at}
    version = _next_version(boundary, parent=source.parent, note=note, **plan)
    _copy_rows(source, version)
    return version


def _next_version(boundary: Boundary, **fields: Any) -> BoundaryVersion:
    Boundary.objects.select_for_update(no_key=True).get(pk=boundary.pk)
    last = boundary.versions.aggregate(last=models.Max("number"))["last"] or 0
    return BoundaryVersion.objects.create(boundary=boundary, number=last + 1, **fields)


def _copy_rows(source: BoundaryVersion, target: BoundaryVersion) -> None:
    for rows in (list(source.rules.all()), list(source.guardrails.all())):
        for row in rows:
            row.pk, row._state.adding, row.version = None, True, target
            row.save()


def submit(user: User, version: BoundaryVersion) -> BoundaryVersion:
    """Verify the draft and hand it on for approval. Raises Refused with every problem that was found."""
    with transaction.atomic():
        version = _locked(user, version)
        problems = checking.problems_of(version)
        if problems:
            raise Refused(" ".join(problems))
        keep_verification(version, checking.verification_of(version))
        if version.widens and replaying.is_missing(version):
            raise Refused("This version widens, and was not replayed as it is. Replay it over the last days first.")
        move(version, "submit", actor=audit.person(user), save=VERIFIED,
             details=lambda row: {"widens": row.widens, "content_hash": row.verified_hash})  # fmt: skip
        version.contributors.add(user)
    return version


VERIFIED = ("verification", "verified_hash", "verified_against", "widens")


def keep_verification(version: BoundaryVersion, verification: Verification) -> None:
    """Put what was found on the version, to be saved with `VERIFIED`."""
    version.verification = verification.as_json()
    version.widens = checking.widens(version, verification)
    version.verification["widens"] = version.widens
    version.verified_hash, version.verified_against = version.current_hash(), version.boundary.active_version


def plan(user: User, version: BoundaryVersion, *, share: int, ends_at: datetime | None) -> BoundaryVersion:
    """What share of the cases a draft rules at first, and when it ends by itself: part of what is approved."""
    if not 1 <= share <= 100:
        raise Refused("The share of cases is a whole number from 1 to 100 percent.")
    _valid_end(ends_at)
    with transaction.atomic():
        version = _locked(user, version)
        if version.state != BoundaryVersion.State.DRAFT:
            raise Refused("Share and end are part of what is approved: they change only in a draft.")
        version.share, version.ends_at = share, ends_at
        version.save(update_fields=["share", "ends_at"])
        version.contributors.add(user)
        details = {"share": share, "ends_at": ends_at.isoformat() if ends_at else None}
        audit.record(audit.person(user), version, "planned", details=details)
    return version


def approve(user: User, version: BoundaryVersion, *, seen: str | None = None) -> BoundaryVersion:
    """Agree to exactly this content. `seen` is the release hash that the person was shown.

    Raises Refused when it widens and the person had a part in it, or when it is not what they saw.
    """
    with transaction.atomic():
        version = _locked(user, version)
        if seen is not None and seen != version.release_hash():
            raise Refused("It was changed since you opened this page. Look at it again before you approve it.")
        version.approved_by, version.approved_hash = user, version.release_hash()
        move(
            version,
            "approve",
            actor=audit.person(user),
            save=("approved_by", "approved_hash"),
            details=lambda row: {"content_hash": row.approved_hash, "widens": row.widens},
        )
    return version


def tighten(user: User, version: BoundaryVersion) -> BoundaryVersion:
    """Release a draft that only tightens, by one person and at once. Raises Refused when it widens anything."""
    with transaction.atomic():
        version = submit(user, version)
        if version.widens:
            raise Refused("This version widens what the AI may do, so a second person has to approve it.")
        return activate(user, approve(user, version))


def reject(user: User, version: BoundaryVersion, reason: str) -> BoundaryVersion:
    """Back to draft. What was approved no longer counts. Raises Refused without a reason."""
    if not reason.strip():
        raise Refused("Say what has to change: its authors will read it.")
    with transaction.atomic():
        version = _locked(user, version)
        version.approved_by, version.approved_hash, version.widens = None, "", None
        move(
            version,
            "reject",
            actor=audit.person(user),
            reason=reason.strip(),
            save=("approved_by", "approved_hash", "widens"),
        )
    return version


def start_shadow(user: User, version: BoundaryVersion) -> BoundaryVersion:
    """Rule live traffic beside the active version from now on, storing both and acting on neither's account."""
    with transaction.atomic():
        return move(_locked(user, version), "shadow", actor=audit.person(user))[0]


def activate(user: User, version: BoundaryVersion) -> BoundaryVersion:
    """Make an approved version the one that rules; the one before it is retired in the same transaction.

    Raises Refused when it is not as it was approved, when its end has passed, or when another version was released since
    and against that one it widens or has a problem.
    """
    with transaction.atomic():
        Boundary.objects.select_for_update(no_key=True).get(pk=version.boundary_id)
        version = _locked(user, version)
        _valid_end(version.ends_at)
        before = version.boundary.active_version
        if version.verified_against != before:
            _verify_anew(version)
        actor = audit.person(user)
        if version.state == BoundaryVersion.State.APPROVED:
            move(version, "shadow", actor=actor, reason="no live shadow period was asked for")
        swap(version, before, actor, reason="", replaced=_beside(version, before))
    return version


def _beside(version: BoundaryVersion, before: BoundaryVersion | None) -> BoundaryVersion | None:
    """What rules outside the version's share and after its end: what it replaces, or, when that one had a share or an end
    of its own which this one keeps to, what was beside that one."""
    if (
        before is None
        or (before.share == 100 and before.ends_at is None)
        or not checking.keeps_to_plan(version, before)
    ):
        return before
    return before.replaced


def _verify_anew(version: BoundaryVersion) -> None:
    """Another version was released since this one was approved: what was proved then may not hold any more."""
    only_tightened = version.widens is False
    if problems := checking.problems_of(version):
        raise Refused("Another version was released since, and against that one: " + " ".join(problems))
    keep_verification(version, checking.verification_of(version))
    if version.widens and only_tightened:
        raise Refused(
            "Another version was released since, and against that one this widens. Send it back to draft, and have it "
            "approved by somebody who worked on no part of it."
        )
    version.save(update_fields=VERIFIED)


def swap(
    version: BoundaryVersion,
    before: BoundaryVersion | None,
    actor: audit.Actor,
    *,
    reason: str,
    replaced: BoundaryVersion | None,
) -> None:
    """The old version goes and the new one rules, inside the caller's transaction. `replaced` is what rules the cases
    outside its share, and after its end."""
    if before is not None:
        move(before, "retire", actor=actor, reason=f"replaced by version {version.number}")
    version.activated_at, version.replaced = timezone.now(), replaced
    move(version, "activate", actor=actor, reason=reason, save=("activated_at", "replaced"),
         details=lambda row: {"share": row.share, "ends_at": row.ends_at.isoformat() if row.ends_at else None})  # fmt: skip
    events.boundary_changed.send(sender=BoundaryVersion, version=version)


def _valid_end(ends_at: datetime | None) -> None:
    if ends_at is not None and ends_at <= timezone.now():
        raise Refused("The end of a release lies in the future.")


def raise_share(user: User, version: BoundaryVersion, share: int) -> BoundaryVersion:
    """Let an active version rule more of the cases; the rest is ruled by the version it replaced."""
    with transaction.atomic():
        version = _locked(user, version)
        if version.state != BoundaryVersion.State.ACTIVE or not version.share < share <= 100:
            raise Refused(f"The share of an active version can be raised, from {version.share} % up to 100 %.")
        before, version.share = version.share, share
        version.save(update_fields=["share"])
        audit.record(audit.person(user), version, "share_raised", details={"from": before, "to": share})
    return version


def move_child(user: User, child: BoundaryVersion, parent: BoundaryVersion) -> BoundaryVersion:
    """Prepare the release that moves a child to another version of its parent: a draft of the child, pinned to it."""
    with transaction.atomic():
        draft = draft_from(user, child.boundary, child)
        editing.set_parent(user, draft, parent)
        editing.annotate(user, draft, f"Moves to {parent}.")
    return BoundaryVersion.objects.select_related("boundary", "parent").get(pk=draft.pk)


def roll_back(user: User, active: BoundaryVersion, target: BoundaryVersion, reason: str) -> BoundaryVersion:
    """A new version from an older one of the same boundary: active at once when that only tightens. Otherwise it is a
    release like any other, prepared: in review, or still a draft while it is replayed. Raises Refused without a reason.
    """
    if not reason.strip():
        raise Refused("Say why you roll back: the log and the next editor will ask.")
    if target.state != BoundaryVersion.State.RETIRED or target.boundary_id != active.boundary_id:
        raise Refused(f"{target} never ruled: only a version that did can be rolled back to.")
    with transaction.atomic():
        version = draft_from(user, active.boundary, target)
        version.note = f"Roll back from version {active.number} to version {target.number}: {reason.strip()}"
        version.save(update_fields=["note"])
        audit.record(audit.person(user), version, "rolled_back", reason=version.note)
        if not checking.widens(version, checking.verification_of(version)):
            return tighten(user, version)
        if replaying.is_missing(version):
            replaying.ask(user, version)
            return version
        return submit(user, version)


def _locked(user: User, version: BoundaryVersion) -> BoundaryVersion:
    editing.within_remit(user, version.boundary)
    return BoundaryVersion.objects.select_for_update(no_key=True).select_related("boundary").get(pk=version.pk)
