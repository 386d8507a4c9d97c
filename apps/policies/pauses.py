"""Pausing and lifting: one person stops the AI at once, two let it go on."""

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.policies import audit
from apps.policies.errors import Refused
from apps.policies.models import Boundary, Partner, Pause, partner_ids_of, rules_only_brands_of
from apps.policies.words import Action, CaseType


def pause(
    user: User, reason: str, *, partner: Partner | None = None, boundary: Boundary | None = None, case_type: str = "",
    action: str = "",
) -> Pause:  # fmt: skip
    """Stop autonomy in a scope from the next ruling on. Raises Refused without a reason or for a scope there is not."""
    return pause_as(audit.person(user), reason, partner=partner, boundary=boundary, case_type=case_type, action=action)


def pause_as(
    actor: audit.Actor, reason: str, *, partner: Partner | None = None, boundary: Boundary | None = None,
    case_type: str = "", action: str = "",
) -> Pause:  # fmt: skip
    """The same by a person or a key."""
    reason = reason.replace("\x00", "")
    if not reason.strip():
        raise Refused("Say why you pause: the people who find the AI stopped will ask.")
    if partner is not None and boundary is not None:
        raise Refused("Pause one brand, or every brand of a boundary: choose one of them.")
    if case_type and case_type not in CaseType.values:
        raise Refused(f"There is no type “{case_type}”; use one of {', '.join(CaseType.values)}.")
    if action and action not in Action.values:
        raise Refused(f"There is no action “{action}”; use one of {', '.join(Action.values)}.")
    with transaction.atomic():
        made = Pause.objects.create(
            partner=partner, boundary=boundary, case_type=case_type, action=action, reason=reason.strip(),
            paused_by_id=actor.user_id, paused_as=actor.name,
        )  # fmt: skip
        audit.record(actor, made, "paused", reason=made.reason)
    return made


def lift(user: User, pause_id: int, reason: str) -> Pause:
    """Ask to lift a pause, or, as a second person, lift it; each says why. Raises Refused when the same person asks
    twice, without a reason, or when it is lifted already."""
    if not reason.strip():
        raise Refused("Say why the AI may go on: the second person, and the log, will ask.")
    with transaction.atomic():
        found = Pause.objects.select_for_update(no_key=True).get(pk=pause_id)
        if not _all_within(user, found):
            raise Refused("This pause is for brands outside your remit.")
        if found.lifted_at:
            raise Refused("This pause has been lifted already.")
        if found.lift_asked_by_id is None:
            found.lift_asked_by = user
            audit.record(audit.person(user), found, "lift_asked", reason=reason.strip())
        elif found.lift_asked_by_id == user.pk:
            raise Refused("You asked to lift this pause. Letting the AI act again takes a second person.")
        else:
            found.lifted_by, found.lifted_at = user, timezone.now()
            audit.record(audit.person(user), found, "lifted", reason=reason.strip())
        found.save()
    return found


def _all_within(user: User, found: Pause) -> bool:
    """Whether every brand that it stops is in somebody's remit."""
    allowed = partner_ids_of(user)
    if found.boundary is not None:
        return rules_only_brands_of(user, found.boundary)
    return allowed is None or found.partner_id in allowed


def of_boundary(boundary: Boundary | None) -> list[Pause]:
    """Those in force that stop every brand of a boundary as such."""
    return list(Pause.objects.filter(lifted_at__isnull=True, boundary=boundary)) if boundary else []


def in_force() -> list[Pause]:
    return list(Pause.objects.filter(lifted_at__isnull=True))


def seen_by(user: User) -> QuerySet[Pause]:
    """The pauses of the brands in somebody's remit, those of their boundaries, and those of every brand."""
    allowed = partner_ids_of(user)
    if allowed is None:
        return Pause.objects.all()
    boundaries = Boundary.objects.filter(partner__in=allowed)
    of_all = Q(partner=None) & (Q(boundary=None) | Q(boundary__in=boundaries))
    return Pause.objects.filter(Q(partner__in=allowed) | of_all)
