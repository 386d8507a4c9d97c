"""Claiming: who holds a case. A claim is a lease with a token; a heartbeat renews it, and it lapses alone.

`take_next` locks with SKIP LOCKED, so any number of people taking at once get different cases.
"""

import uuid
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from apps.interactions import duty
from apps.interactions.models import DecisionRecord, Escalation
from apps.interactions.models.escalation import LEASE, EscalationQuerySet
from apps.policies import audit
from apps.policies.errors import Moved, Refused
from apps.policies.machines import move
from apps.policies.models import remit_of
from apps.policies.words import Seniority

_S = Escalation.State
LEASE_AFTER_LEAVING = timedelta(seconds=20)
_HELD = ("handed_to", "claimed_by", "claimed_at", "lease_token", "lease_until")


def covered_by_remit(user: User) -> EscalationQuerySet:
    """The escalations a person may see: their brands, types and languages. Those of a sandbox are work for who was given it
    by name alone."""
    remit = remit_of(user)
    found = Escalation.objects.all()
    partner_ids = remit.partner_ids()
    if partner_ids is not None:
        found = found.filter(partner_id__in=partner_ids)
    else:
        found = found.filter(partner__sandbox_of__isnull=True)
    if remit.case_types:
        found = found.filter(case_type__in=remit.case_types)
    if remit.languages:
        found = found.filter(language__in=[language.lower() for language in remit.languages])
    return found  # `Remit.reads` says the same of one case


def may_take(user: User) -> EscalationQuerySet:
    """The waiting escalations a person may decide: remit, seniority, not proposed by them, and handed to nobody else
    whose time has not run out."""
    theirs = Q(handed_to__isnull=True) | Q(handed_to=user) | Q(due_at__lte=timezone.now())
    found = covered_by_remit(user).filter(theirs, state=_S.OPEN)
    if not user.has_perm("interactions.decide_senior"):
        found = found.filter(seniority=Seniority.ANY)
    own = DecisionRecord.objects.filter(
        interaction=OuterRef("interaction"), state=DecisionRecord.State.PROPOSED, decided_by=user
    )
    return found.exclude(Exists(own))


def held_by(user: User) -> Escalation | None:
    """The case this person holds and has not decided yet; the latest when there are more."""
    deciding = DecisionRecord.objects.filter(escalation=OuterRef("pk"), state=DecisionRecord.State.DECIDED)
    return (
        covered_by_remit(user)
        .filter(~Exists(deciding), state=_S.CLAIMED, claimed_by=user)
        .order_by("-claimed_at")
        .first()
    )


def next_for(user: User, among: Q | None = None) -> EscalationQuerySet:
    """What this person may take and has not skipped, most urgent first; `among` is the part of the queue they work on."""
    return may_take(user).filter(among or Q()).exclude(skipped_by=user).most_urgent()


def take_next(user: User, among: Q | None = None) -> Escalation | None:
    """Claim what was handed to this person, else the most urgent case they may decide; None when nothing waits for them."""
    with transaction.atomic():
        for part in _in_order(user, among):
            free = next_for(user, part).select_for_update(no_key=True, skip_locked=True, of=("self",))
            if (escalation := free.first()) is not None:
                return _hold(escalation, user)
    return None


def coming_for(user: User, among: Q | None = None) -> int | None:
    """The escalation that `take_next` would claim now, if nobody else is faster."""
    found = (next_for(user, part).values_list("pk", flat=True).first() for part in _in_order(user, among))
    return next((pk for pk in found if pk is not None), None)


def _in_order(user: User, among: Q | None) -> tuple[Q | None, ...]:
    return Q(handed_to=user), among


def claim(user: User, escalation_id: int) -> Escalation:
    """Claim one case by name. Raises Refused when another holds it or it is not this person's to decide."""
    with transaction.atomic():
        found = may_take(user).filter(pk=escalation_id).select_for_update(no_key=True, of=("self",)).first()
        if found is None:
            raise Refused(why_not_claimable(user, escalation_id))
        return _hold(found, user)


def _hold(escalation: Escalation, user: User) -> Escalation:
    escalation.hold_for(user, timezone.now())
    escalation.handed_to = None  # it has arrived: let go of, it is everybody's again
    move(escalation, "claim", actor=audit.person(user), save=_HELD)
    return escalation


def why_not_claimable(user: User, escalation_id: int) -> str:
    """Why this person cannot take a case, in a sentence; empty when they can."""
    if may_take(user).filter(pk=escalation_id).exists():
        return ""
    found = covered_by_remit(user).filter(pk=escalation_id).select_related("claimed_by").first()
    if found is None:
        return "This case is not in your remit."
    if found.state == _S.CLAIMED and found.claimed_by is not None:
        name = "You" if found.claimed_by_id == user.pk else found.claimed_by.get_full_name() or str(found.claimed_by)
        return f"{name} already hold{'' if name == 'You' else 's'} this case."
    if found.state != _S.OPEN:
        return "This case has been decided already."
    if found.seniority == Seniority.SENIOR:
        return "This case needs a senior."
    return "This case was handed to somebody else, or you proposed its decision and a second person has to agree."


def holding(user: User, escalation_id: int, token: uuid.UUID | None) -> Escalation:
    """The escalation, locked, if this person holds it under this token. Raises Moved when the lease lapsed."""
    found = (
        Escalation.objects.select_for_update(no_key=True, of=("self",))
        .select_related("partner", "interaction__partner", "interaction__customer", "interaction__order")
        .filter(pk=escalation_id)
        .first()
    )
    if found is None or found.state != _S.CLAIMED or found.claimed_by_id != user.pk or found.lease_token != token:
        raise Moved("Your hold on this case has lapsed. Take it again; what you typed is kept below.")
    return found


def renew(user: User, escalation_id: int, token: uuid.UUID | None) -> datetime:
    """The heartbeat: the lease runs on from now."""
    with transaction.atomic():
        escalation = holding(user, escalation_id, token)
        escalation.lease_until = timezone.now() + LEASE
        escalation.save(update_fields=["lease_until"])
    return escalation.lease_until


def release(user: User, escalation_id: int, token: uuid.UUID | None, *, skip: bool = False) -> None:
    """Put a case back. `skip` keeps it from being offered to this person again."""
    with transaction.atomic():
        escalation = holding(user, escalation_id, token)
        _undecided(escalation)
        put_back(escalation, audit.person(user), "skipped" if skip else "released")
        if skip:
            escalation.skipped_by.add(user)


def release_others(user: User, keep: int) -> None:
    """Put back what this person holds besides one case, when nothing has been decided on it."""
    with transaction.atomic():
        deciding = DecisionRecord.objects.filter(escalation=OuterRef("pk"), state=DecisionRecord.State.DECIDED)
        others = Escalation.objects.select_for_update(no_key=True, of=("self",)).filter(
            ~Exists(deciding), state=_S.CLAIMED, claimed_by=user
        )
        for escalation in others.exclude(pk=keep):
            put_back(escalation, audit.person(user), "went back to an earlier case")


def leave(user: User, escalation_id: int, token: uuid.UUID | None) -> None:
    """The page was closed: the case goes back soon, unless it was only loaded anew and says so by its heartbeat."""
    with transaction.atomic():
        escalation = holding(user, escalation_id, token)
        if not escalation.decisions.filter(state=DecisionRecord.State.DECIDED).exists():
            escalation.lease_until = timezone.now() + LEASE_AFTER_LEAVING
            escalation.save(update_fields=["lease_until"])


def colleagues_for(user: User, escalation: Escalation) -> list[User]:
    """Who else may decide a case: by right, remit and seniority; those who are away last."""
    right = (
        "interactions.decide_senior" if escalation.seniority == Seniority.SENIOR else "interactions.decide_escalation"
    )
    may = User.objects.with_perm(right, backend="django.contrib.auth.backends.ModelBackend", include_superusers=False)
    brand = Q(remit__all_partners=True) | Q(remit__partners=escalation.partner_id)
    found = may.filter(brand, is_active=True).exclude(pk=user.pk).select_related("remit").distinct()
    able = [other for other in found if other.remit.reads(escalation.case_type, escalation.language)]
    away = duty.away(timezone.now())
    return sorted(able, key=lambda other: (other.pk in away, other.first_name, other.username))


def hand_to(user: User, escalation_id: int, token: uuid.UUID | None, colleague: User | None, note: str) -> None:
    """Hand a case to a named person, who finds it first. Raises Refused without a note or when they may not decide it."""
    if colleague is None:
        raise Refused("Choose whom you hand it to.")
    if not note.strip():
        raise Refused("Say in a word what they should know.")
    with transaction.atomic():
        escalation = holding(user, escalation_id, token)
        _undecided(escalation)
        if colleague not in colleagues_for(user, escalation):
            raise Refused(f"{colleague.get_full_name() or colleague} may not decide this case.")
        escalation.handed_to = colleague
        escalation.save(update_fields=["handed_to"])
        escalation.skipped_by.remove(colleague)
        escalation.interaction.notes.create(by=user, text=note.strip())
        put_back(escalation, audit.person(user), f"handed to {colleague.get_username()}: {note.strip()}")


def hand_to_senior(user: User, escalation_id: int, token: uuid.UUID | None, note: str) -> None:
    """Hand a case to seniors, with a note that says why. Raises Refused without one."""
    if not note.strip():
        raise Refused("Say in a word why a senior should decide this.")
    with transaction.atomic():
        escalation = holding(user, escalation_id, token)
        _undecided(escalation)
        escalation.seniority, escalation.handed_to = Seniority.SENIOR, None
        escalation.save(update_fields=["seniority"])
        escalation.interaction.notes.create(by=user, text=note.strip())
        put_back(escalation, audit.person(user), f"handed to seniors: {note.strip()}")


def _undecided(escalation: Escalation) -> None:
    """A case whose decision is about to leave cannot be let go."""
    if escalation.decisions.filter(state=DecisionRecord.State.DECIDED).exists():
        raise Refused("You have decided this case. Take your decision back before you let it go.")


def put_back(escalation: Escalation, actor: audit.Actor, reason: str) -> None:
    escalation.let_go()
    move(escalation, "release", actor=actor, reason=reason, save=_HELD)


def release_lapsed(limit: int = 200) -> int:
    """Leases that ran out go back to the queue, unless a decision in its undo window holds the case."""
    now = timezone.now()
    deciding = DecisionRecord.objects.filter(escalation=OuterRef("pk"), state=DecisionRecord.State.DECIDED)
    with transaction.atomic():
        lapsed = list(
            Escalation.objects.select_for_update(no_key=True, skip_locked=True, of=("self",)).filter(
                ~Exists(deciding), state=_S.CLAIMED, lease_until__lt=now
            )[:limit]
        )
        for escalation in lapsed:
            escalation.let_go()
        move(lapsed, "release", actor=audit.system("sweeper"), reason="the lease lapsed", save=_HELD)
    return len(lapsed)
