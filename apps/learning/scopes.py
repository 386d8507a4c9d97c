"""What an audit of the AI counts in: everything, its brand, its type and action there, and its grant or its rule.

scopes_of(row)         each with its target and the smallest probability that it is drawn with there
counted_in(breaker)    the audits of a breaker's scope since it was armed
"""

from dataclasses import dataclass
from typing import Any

from django.db.models import Max, Min, Q, QuerySet

from apps.learning import practice
from apps.learning.models import Breaker, CaseAudit
from apps.learning.models.audit import found_wrong
from apps.policies.models import Boundary, BoundaryVersion, Partner, Ramp
from apps.policies.sentences import sentence_of


@dataclass(frozen=True, slots=True)
class Scope:
    """`rule` names what a rule without a ramp says, in whatever version of `boundary`, and `rule_says` says it."""

    target: float
    least: float
    partner: Partner | None = None
    case_type: str = ""
    action: str = ""
    ramp: Ramp | None = None
    boundary: Boundary | None = None
    rule: str = ""
    rule_says: str = ""

    @property
    def is_wide(self) -> bool:
        """A brand, or everything: a type that two people let be wrong more often stops nothing but itself."""
        return not self.case_type

    def found_by(self) -> dict[str, Any]:
        names = ("partner", "case_type", "action", "ramp", "boundary", "rule")
        return {name: getattr(self, name) for name in names}


def scopes_of(row: CaseAudit) -> list[Scope]:
    assert row.decision is not None
    kind = (row.case_type, row.decision.action)
    partner, least = row.partner, float(row.least)
    here = practice.targets_in(partner.boundary)
    scopes = [
        Scope(practice.targets_in(None).overall, _smallest(least)),
        Scope(here.overall, least, partner=partner),
    ]
    of_kind = Scope(here.of(*kind), least, partner, *kind)
    if row.ramp is not None:  # all of a grant are drawn alike in any week
        return [*scopes, of_kind, Scope(practice.target_of_ramp(row.ramp), 1.0, None, *kind, ramp=row.ramp)]
    return [*scopes, *_of_its_rule(row, kind), of_kind]


def _of_its_rule(row: CaseAudit, kind: tuple[str, str]) -> list[Scope]:
    """None where the version that ruled has no such rule any more."""
    assert row.decision is not None
    version = row.decision.ruling.version
    rule = {one.key: one for one in version.policy().rules}.get(row.rule) if version else None
    if version is None or rule is None:
        return []
    target = practice.targets_in(version.boundary).of(*kind, rule.ceiling.amount if rule.ceiling else None)
    least = _smallest(float(row.least), version.boundary)
    says = sentence_of(version.rows_by_key()[row.rule])
    return [Scope(target, least, None, *kind, boundary=version.boundary, rule=rule.named_by_content(), rule_says=says)]


def _smallest(least: float, boundary: Boundary | None = None) -> float:
    """Of the brands of a boundary, or of all, some have less drawn than this one."""
    drawing = Partner.objects.real().filter(audit_percent__gt=0, **({"boundary": boundary} if boundary else {}))
    smallest = drawing.aggregate(least=Min("audit_percent"))["least"]
    return min(least, smallest / 100) if smallest else least


def largest_share(boundary: Boundary) -> float:
    """Of what the AI does alone, that any brand of a boundary has audited."""
    largest = boundary.partner_set.real().aggregate(largest=Max("audit_percent"))["largest"]
    return (largest or 0) / 100


def allowed(partner: Partner, case_type: str, action: str) -> float:
    return practice.targets_in(partner.boundary).of(case_type, action)


def counted_in(breaker: Breaker) -> list[Any]:
    """In the order in which they were done, each with whether it is `wrong`."""
    rows = CaseAudit.objects.filter(
        kind=CaseAudit.Kind.ALONE, state=CaseAudit.State.DONE, done_at__gte=breaker.armed_at
    )
    of_scope = Q(partner=breaker.partner) if breaker.partner else Q()
    of_scope &= Q(decision__decided_at__gte=breaker.let_go_on_at) if breaker.let_go_on_at else Q()
    of_scope &= Q(ramp=breaker.ramp) if breaker.ramp_id else Q()
    of_scope &= Q(case_type=breaker.case_type, decision__action=breaker.action) if breaker.case_type else Q()
    of_it = rows.filter(of_scope)
    if breaker.boundary is not None:
        of_it = of_it.filter(_of_rule(of_it, breaker.boundary, breaker.rule))
    if not breaker.case_type:
        kinds = of_it.order_by().values_list("partner", "case_type", "decision__action").distinct()
        partners = Partner.objects.select_related("boundary").in_bulk({partner for partner, *_ in kinds})
        for partner, case_type, action in kinds:
            if allowed(partners[partner], case_type, action) > breaker.target:
                of_it = of_it.exclude(partner=partner, case_type=case_type, decision__action=action)
    found = of_it.order_by("done_at", "pk").annotate(wrong=found_wrong())
    return list(found.only("verdict", "probability"))


def _of_rule(rows: QuerySet[CaseAudit], boundary: Boundary, named: str) -> Q:
    """Those under rules that say the same, wherever they stand in a version of the boundary."""
    of_it = rows.filter(ramp__isnull=True, decision__ruling__version__boundary=boundary)
    pairs = set(of_it.order_by().values_list("decision__ruling__version", "rule"))
    versions = BoundaryVersion.objects.in_bulk({version for version, _ in pairs})
    same = Q(pk__in=[])
    for pk, version in versions.items():
        keys = [rule.key for rule in version.policy().rules if rule.named_by_content() == named]
        same |= Q(decision__ruling__version=pk, rule__in=keys, ramp__isnull=True)
    return same
