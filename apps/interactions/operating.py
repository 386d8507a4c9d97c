"""What an operator does: retry stalled cases, settle effects nobody could tell the outcome of, read a case's life."""

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db import models, transaction
from django.utils import timezone

from apps.interactions import settling
from apps.interactions.connectors import Outcome
from apps.interactions.models import Effect, Interaction
from apps.interactions.waking import wake_workers
from apps.policies import audit
from apps.policies.errors import Refused
from apps.policies.machines import move
from apps.policies.models import AuditEntry

AT_ONCE = 2_000  # cases of one transaction


def retry(user: User, cases: Iterable[Interaction]) -> tuple[int, int]:
    """Try the stalled ones among `cases` again; returns how many, and how many were not stalled."""
    ids = [case.pk for case in cases]
    parts = [ids[begins : begins + AT_ONCE] for begins in range(0, len(ids), AT_ONCE)]
    stalled = sum(_retry(user, part) for part in parts)
    return stalled, len(ids) - stalled


def _retry(user: User, ids: list[int]) -> int:
    with transaction.atomic():
        stalled = list(
            Interaction.objects.select_for_update(no_key=True, of=("self",)).filter(
                pk__in=ids, state=Interaction.State.STALLED
            )
        )
        for case in stalled:
            case.due_at, case.attempts, case.stalled_because = timezone.now(), 0, ""
        move(stalled, "retry", actor=audit.person(user), save=("due_at", "attempts", "stalled_because"))
        wake_workers()
    return len(stalled)


def settle_unknown(user: User, effect_id: int, outcome: Outcome) -> Effect:
    """Say what became of an effect whose outcome is unknown. Raises Refused without a reference or reason."""
    if outcome.verdict == "done" and not outcome.reference.strip():
        raise Refused("Give the shop's reference of what was done, so that it can be found again.")
    if outcome.verdict == "refused" and not outcome.reason.strip():
        raise Refused("Say why it was not done.")
    return settling.settle(effect_id, outcome, actor=audit.person(user))


def life_of(case: Interaction) -> models.QuerySet[AuditEntry]:
    """Every audit row of a case, its packets, escalations, decisions and effects, in order."""
    wanted = models.Q(subject_type="interactions.interaction", subject_id=str(case.pk))
    parts = {
        "interactions.contextpacket": case.packets.values_list("pk", flat=True),
        "interactions.escalation": case.escalations.values_list("pk", flat=True),
        "interactions.decisionrecord": case.decisions.values_list("pk", flat=True),
        "interactions.effect": Effect.objects.filter(decision__interaction=case).values_list("pk", flat=True),
    }
    for subject_type, ids in parts.items():
        wanted |= models.Q(subject_type=subject_type, subject_id__in=[str(pk) for pk in ids])
    return AuditEntry.objects.filter(wanted).order_by("id")
