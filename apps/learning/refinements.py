"""Refinement reports: made weekly or when somebody asks, accepted into a draft or dismissed with a reason.

    make_report(boundary, now)           looks at the evidence, expires what was open, proposes what is certified
    accept(user, refinement_id)          a draft of the boundary with the rule; it is verified, replayed and released as any
    dismiss(user, refinement_id, why)    kept, and not proposed again on the same evidence

A report proposes and grants nothing.
"""

import hashlib
import logging
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from apps.learning import evidence, refining
from apps.learning.breaker import TARGET
from apps.learning.certification import Certificate, alpha_of_report
from apps.learning.models import Refinement, RefinementReport
from apps.learning.region import Region
from apps.policies import audit, coaching, editing
from apps.policies.errors import Moved, Refused
from apps.policies.facts import value_as_json
from apps.policies.machines import move
from apps.policies.models import Boundary, BoundaryVersion, Rule
from apps.policies.words import Handler

log = logging.getLogger(__name__)

LOOKING_BACK = timedelta(days=365)
EVERY = timedelta(days=7)
_S = Refinement.State


def make_due(now: datetime) -> int:
    """The weekly reports: of every boundary in force whose last one is a week old."""
    due = Boundary.objects.filter(versions__state=BoundaryVersion.State.ACTIVE).annotate(
        last=Max("refinement_reports__made_at")
    )
    made = 0
    for boundary in [one for one in due if one.last is None or now - one.last >= EVERY]:
        try:
            make_report(boundary, now)
            made += 1
        except Exception:
            log.exception("the report of %s could not be made; the others are", boundary)
    return made


def make_report(boundary: Boundary, now: datetime) -> RefinementReport:
    """One look at what was judged blind and the boundary does not grant.

    One that tests nothing spends no α. Whether it does is told by the older half of the evidence alone, so that leaving it
    out of the count promises no less.
    """
    partners = list(boundary.partner_set.all())
    judged = evidence.pieces_of(partners, now - LOOKING_BACK, now)
    pieces = [one for one in judged if one.how == "blind" and not one.granted]
    actor = audit.system("refinement")
    with transaction.atomic():
        Boundary.objects.select_for_update(no_key=True).get(pk=boundary.pk)
        before = RefinementReport.objects.filter(boundary=boundary)
        spending = before.filter(tested__gt=0).count() + 1
        findings = refining.refine(pieces, targets=refining.Targets(TARGET), report=spending)
        report = RefinementReport.objects.create(
            boundary=boundary, number=before.count() + 1, made_at=now, target=TARGET,
            alpha=alpha_of_report(spending) if findings else 0.0,
            pieces=len(pieces), tested=sum(len(finding.regions) for finding in findings),
        )  # fmt: skip
        older = list(Refinement.objects.select_for_update(no_key=True).filter(report__boundary=boundary, state=_S.OPEN))
        move(older, "expire", actor=actor, reason=f"report {report.number}")
        for finding in findings:
            _propose(report, finding, pieces)
        audit.record(actor, report, "made", at=now)
    return report


def _propose(report: RefinementReport, finding: refining.Finding, pieces: list[evidence.Piece]) -> None:
    region = finding.proposed
    if region is None or (region.ceiling and region.ceiling.currency != report.boundary.currency):
        return
    named = _hash_of(region, finding, pieces)
    dismissed = Refinement.objects.filter(report__boundary=report.boundary, state=_S.DISMISSED, evidence_hash=named)
    if dismissed.exists():
        return
    Refinement.objects.create(
        report=report, case_type=finding.case_type, action=finding.action, region=_region_json(region),
        steps=[_step(*pair) for pair in zip(finding.regions, finding.certificates, strict=True)], evidence_hash=named,
    )  # fmt: skip


def _hash_of(region: Region, finding: refining.Finding, pieces: list[evidence.Piece]) -> str:
    """Names the proposal and the cases inside it."""
    kind = (finding.case_type, finding.action)
    inside = sorted(
        one.judged.case for one in pieces if (one.case_type, one.action) == kind and region.holds(one.facts, one.amount)
    )
    return hashlib.sha256(f"{kind} {region.in_words()} {' '.join(inside)}".encode()).hexdigest()


def _region_json(region: Region) -> dict[str, Any]:
    ceiling = value_as_json(region.ceiling) if region.ceiling else None
    return {"conditions": [condition.as_json() for condition in region.conditions], "ceiling": ceiling}


def _step(region: Region, found: Certificate) -> dict[str, Any]:
    return {
        "words": region.in_words(),
        "judgements": found.judgements,
        "customers": found.clusters,
        "days": found.days,
        "supervisors": found.supervisors,
        "wrong": found.wrong,
        "bound": found.bound,
        "bound_without_largest": found.bound_without_largest,
        "alpha": found.alpha,
        "money_share": found.money_share,
        "reasons": list(found.reasons),
        "more_needed": found.more_needed,
    }


def _open(user: User, refinement_id: int) -> Refinement:
    row = (
        Refinement.objects.select_for_update(no_key=True, of=("self",))
        .select_related("report__boundary")
        .filter(pk=refinement_id)
        .first()
    )
    if row is None or row.state != _S.OPEN:
        raise Moved("This proposal is not open any more.")
    editing.within_remit(user, row.report.boundary)
    row.closed_by = user
    return row


def accept(user: User, refinement_id: int) -> BoundaryVersion:
    """A draft of the boundary with a rule for the region, before what else is said of the type.

    Raises Moved when it is open no more, Refused when the boundary is outside the person's remit.
    """
    with transaction.atomic():
        row = _open(user, refinement_id)
        region = row.as_region()
        rule = Rule(
            case_type=row.case_type, handler=Handler.AUTONOMOUS, action=row.action,
            ceiling=region.ceiling.amount if region.ceiling else None,
            conditions=[condition.as_json() for condition in region.conditions],
        )  # fmt: skip
        note = f"{row.report}, proposal {row.pk}"
        row.version = coaching.draft_with(user, row.report.boundary, rule, note)
        move(row, "accept", actor=audit.person(user), save=("version", "closed_by"))
    return row.version


def dismiss(user: User, refinement_id: int, why: str) -> Refinement:
    """Raises Refused without a reason."""
    if not why.strip():
        raise Refused("Say why not: it is kept, and the same is not proposed again on the same evidence.")
    with transaction.atomic():
        row = _open(user, refinement_id)
        row.reason = why.strip()
        move(row, "dismiss", actor=audit.person(user), reason=row.reason, save=("reason", "closed_by"))
    return row


def ask_for_report(user: User, boundary: Boundary) -> RefinementReport:
    """A report out of turn. It spends its part of α like any other."""
    editing.within_remit(user, boundary)
    return make_report(boundary, timezone.now())
