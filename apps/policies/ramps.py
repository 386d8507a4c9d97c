"""Ramps at work: started with a draft, widened step by step, stopped at once.

    start(boundary, …)     for a grant that is being drafted; it begins when a version with it rules
    of(ids), stopped(ids)     for a batch of rulings or effects
    widen, leave_out, stop
    sheds(version, active)    whether a version would let go of a ramp

A ramp only ever takes away from what its rule grants, so nobody has to agree when it starts, stops or leaves something out.
Going on to the next step is what two people agreed to when they released the grant.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from apps.policies import audit
from apps.policies.conditions import Condition
from apps.policies.lots import SHARES
from apps.policies.models import Boundary, BoundaryVersion, Ramp
from apps.policies.specs import PolicySpec
from apps.policies.words import Handler

_RAMP = audit.system("ramp")


def start(
    boundary: Boundary,
    case_type: str,
    action: str,
    source: str,
    usual: dict[str, Any],
    proven: dict[str, Any] | None = None,
    made_with: Sequence[str] = (),
) -> Ramp:
    """`proven`: the conditions and ceiling that a certificate covers; a rule with this ramp may say no more. `made_with`: the
    versions that its evidence was made with."""
    return Ramp.objects.create(
        boundary=boundary, case_type=case_type, action=action, source=source, usual=usual, proven=proven,
        made_with=list(made_with),
    )  # fmt: skip


def of(ids: Iterable[int | None]) -> dict[int, Ramp]:
    """By id; asks nothing when there are none."""
    wanted = {pk for pk in ids if pk is not None}
    return Ramp.objects.in_bulk(list(wanted)) if wanted else {}


def stopped(ids: Iterable[int | None]) -> dict[int, str]:
    """Why each of these that was stopped was, by id."""
    return {pk: ramp.stopped_because for pk, ramp in of(ids).items() if ramp.stopped_at is not None}


def _in_versions_that_rule() -> QuerySet[Ramp]:
    """Those that stand in an active version, in what that replaced and still rules some cases, or in what either inherits."""
    active = list(BoundaryVersion.objects.filter(state=BoundaryVersion.State.ACTIVE).select_related("replaced"))
    ruling = {version.pk: version for version in active}
    ruling |= {version.replaced.pk: version.replaced for version in active if version.share < 100 and version.replaced}
    parents = {version.parent_id for version in ruling.values()} - {None} - set(ruling)
    while parents:
        ruling |= BoundaryVersion.objects.in_bulk(list(parents))
        parents = {version.parent_id for version in ruling.values()} - {None} - set(ruling)
    return Ramp.objects.filter(rules__version__in=list(ruling)).distinct()


def stopped_in_force() -> set[int]:
    """Those that were stopped and still stand in a version that rules: somebody has to release what comes after."""
    return set(_in_versions_that_rule().filter(stopped_at__isnull=False).values_list("pk", flat=True))


def released() -> QuerySet[Ramp]:
    """Those of versions that rule, and that were not stopped."""
    return _in_versions_that_rule().filter(stopped_at__isnull=True)


def begin(now: datetime) -> int:
    """The first step begins when a version with the grant rules."""
    ids = list(released().filter(stepped_at__isnull=True).values_list("pk", flat=True))
    return Ramp.objects.filter(pk__in=ids).update(stepped_at=now)


def widen(ramp: Ramp, share: int, now: datetime, reason: str) -> None:
    before, ramp.share, ramp.stepped_at = ramp.share, share, now
    ramp.save(update_fields=["share", "stepped_at"])
    audit.record(_RAMP, ramp, "widened", reason=reason, details={"from": before, "to": share}, at=now)


def begin_again(ramp: Ramp, made_with: Sequence[str], now: datetime, reason: str) -> None:
    """Back to the first step, every decision audited: it was proven with other versions than those at work now."""
    ramp.share, ramp.stepped_at, ramp.audited = SHARES[0], now, 1.0
    ramp.made_with = sorted({*ramp.made_with, *made_with})
    ramp.save(update_fields=["share", "stepped_at", "audited", "made_with"])
    audit.record(_RAMP, ramp, "began_again", reason=reason, at=now)


def leave_out(ramp: Ramp, conditions: Sequence[Condition], now: datetime) -> None:
    """Cases like these are people's from now on: the grant was never certified on them."""
    ramp.unlike = [*ramp.unlike, *(one.as_json() for one in conditions)]
    ramp.save(update_fields=["unlike"])
    audit.record(_RAMP, ramp, "narrowed", reason="; ".join(one.in_words() for one in conditions), at=now)


def stop(ramp: Ramp, because: str, actor: audit.Actor, now: datetime) -> None:
    """From the next ruling on everything under it is people's, and what has not left goes back to them."""
    ramp.stopped_at, ramp.stopped_because = now, because
    ramp.save(update_fields=["stopped_at", "stopped_because"])
    audit.record(actor, ramp, "stopped", reason=because, at=now)


def sheds(version: PolicySpec, active: PolicySpec | None) -> bool:
    """Whether a version would let the AI do at once what the active one lets it do step by step, or stopped.

    Where that one has a ramp for a type and action, the rules that grant it have to stay as they are, in their order; the
    last ones may go, since what they granted falls to nobody behind them.
    """
    if active is None:
        return False
    kinds = {(rule.case_type, rule.action) for rule in active.rules if rule.ramp is not None}
    return any(not _begins_with(_granting(active, kind), _granting(version, kind)) for kind in kinds)


def _begins_with(whole: list[object], part: list[object]) -> bool:
    return whole[: len(part)] == part


def _granting(policy: PolicySpec, kind: tuple[str, str]) -> list[object]:
    """What the rules that grant a type and action say, without their place."""
    return [
        (rule.conditions, rule.ceiling, rule.ramp) for rule in policy.rules
        if rule.handler == Handler.AUTONOMOUS and (rule.case_type, rule.action) == kind
    ]  # fmt: skip
