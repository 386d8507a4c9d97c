"""What a boundary lets the AI do in practice: without the grants that were stopped, and what they were never certified on.

practised(boundary)    its active version's policy, so
targets_in(boundary)   how often the AI may be wrong there; target_of_ramp(ramp) in what one grant lets it do
stops_of(boundary)     when a grant of each type and action was last stopped, paused by a breaker, or given back to people in
                       part: what was judged before proves nothing now
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from django.db.models import Q

from apps.learning.models import Refinement
from apps.learning.refining import Kind
from apps.policies import ramps
from apps.policies.models import Boundary, Pause, Ramp
from apps.policies.specs import PolicySpec, RuleSpec
from apps.policies.targets import Targets, targets_of
from apps.policies.words import Handler

GOOD_FOR = timedelta(weeks=13)  # of a proposal that nobody decides, or releases
BREAKER = "breaker"  # who paused, where nobody did


def practised(boundary: Boundary) -> PolicySpec:
    version = boundary.active_version
    if version is None:
        return PolicySpec()
    policy = version.policy()
    known = ramps.of(rule.ramp for rule in policy.rules)
    return replace(policy, rules=tuple(one for rule in policy.rules for one in _as_practised(rule, known)))


def targets_in(boundary: Boundary | None) -> Targets:
    version = boundary.active_version if boundary else None
    return targets_of(version.policy()) if version else Targets()


def target_of_ramp(ramp: Ramp) -> float:
    proven = ramp.certificate()
    ceiling = proven.ceiling.amount if proven and proven.ceiling else None
    return targets_in(ramp.boundary).of(ramp.case_type, ramp.action, ceiling)


def _as_practised(rule: RuleSpec, known: Mapping[int, Ramp]) -> Iterator[RuleSpec]:
    ramp = known.get(rule.ramp) if rule.ramp is not None else None
    if ramp is not None and ramp.stopped_at is not None:
        return
    for condition in ramp.never_certified() if ramp else ():
        yield RuleSpec(rule.key, rule.case_type, (*rule.conditions, condition), Handler.HUMAN)
    yield rule


def stops_of(boundary: Boundary) -> dict[Kind, datetime]:
    version = boundary.active_version
    ids = {rule.ramp for rule in version.policy().rules} if version else set()
    rows = Ramp.objects.filter(Q(boundary=boundary) | Q(pk__in=[pk for pk in ids if pk is not None]))
    found: dict[Kind, datetime] = {}
    for row in rows.filter(stopped_at__isnull=False).order_by("stopped_at"):
        assert row.stopped_at is not None
        found[row.case_type, row.action] = row.stopped_at
    given_back = Refinement.objects.filter(
        report__boundary=boundary, kind=Refinement.Kind.TIGHTEN, version__activated_at__isnull=False
    )
    for case_type, action, at in given_back.values_list("case_type", "action", "version__activated_at"):
        assert at is not None
        found[case_type, action] = max(found.get((case_type, action), at), at)
    for kind, at in _trips(boundary, version.policy() if version else PolicySpec()):
        found[kind] = max(found.get(kind, at), at)
    return found


def _trips(boundary: Boundary, policy: PolicySpec) -> Iterator[tuple[Kind, datetime]]:
    """When a breaker paused what, of a brand of this boundary or of all."""
    granted = {
        (rule.case_type, rule.action) for rule in policy.rules if rule.handler == Handler.AUTONOMOUS and rule.action
    }
    here = Q(partner__isnull=True, boundary__isnull=True) | Q(partner__boundary=boundary) | Q(boundary=boundary)
    for pause in Pause.objects.filter(here, paused_by__isnull=True, paused_as=BREAKER):
        kinds = {(pause.case_type, pause.action)} if pause.case_type and pause.action else granted
        for case_type, action in kinds:
            if pause.case_type in ("", case_type) and pause.action in ("", action):
                yield (case_type, action), pause.paused_at
