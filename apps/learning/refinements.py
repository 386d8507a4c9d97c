"""Refinement reports: made weekly or when somebody asks (reporting.py), accepted into a draft or dismissed with a reason.

    make_report(boundary, now, …)        looks at the evidence, expires what was open, proposes what is certified
    accept(user, refinement_id)          a draft of the boundary with the rule; it is verified, replayed and released as any
    dismiss(user, refinement_id, why)    kept, and not proposed again on the same evidence

A report proposes and grants nothing.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django_q.tasks import async_task

from apps.learning import evidence, guides, practice, proposing, refining, replays
from apps.learning.certification import ALPHA, alpha_of_report, counting, lower_bound
from apps.learning.models import Refinement, RefinementReport
from apps.learning.tightening import LOOKING_BACK as LATELY
from apps.learning.tightening import tighten
from apps.policies import audit, coaching, editing, ramps
from apps.policies.errors import Moved, Refused
from apps.policies.machines import move
from apps.policies.models import Boundary, BoundaryVersion, Rule, SoughtKind
from apps.policies.words import Action

LOOKING_BACK = timedelta(days=365)
Said = Callable[[str, int], object]
"""Hears of progress: what is being done, and the percentage that is."""
_S = Refinement.State


def make_report(boundary: Boundary, now: datetime, said: Said = lambda step, percent: None) -> RefinementReport:
    """One look at what was judged blind and the boundary does not grant, and at what it grants and was found wrong.

    One that tests nothing spends no α. Whether it does is told by the older part of the evidence alone, so that leaving it
    out of the count promises no less. All that takes long comes before anything is locked; raises Moved when another report was
    made meanwhile.
    """
    partners, before = list(boundary.partner_set.real()), RefinementReport.objects.filter(boundary=boundary)
    number, spending = before.count() + 1, before.filter(tested__gt=0).count() + 1
    said("reading what was judged", 0)
    pieces, granted = _looked_at(boundary, evidence.pieces_of(partners, now - LOOKING_BACK, now), now)
    targets = practice.targets_in(boundary)
    findings = refining.refine(
        pieces, targets=targets, report=spending, last_tested=_last_tested(before),
        guides=lambda: guides.guides_of(partners, now - LOOKING_BACK, now),
        said=lambda done, of: said(f"looking for regions, {done} of {of} types and actions", 30 + 60 * done // of),
    )  # fmt: skip
    said("writing down what is proven", 90)
    tested = [finding for finding in findings if finding.certificates]
    by_two = evidence.judged_by_two(partners, now - LOOKING_BACK, now)
    proposed = [proposing.widening(boundary, finding, pieces, now) for finding in tested]
    proposed += [proposing.tightening(boundary, found, granted, now) for found in tighten(granted, targets=targets)]
    report = RefinementReport(
        boundary=boundary, number=number, made_at=now, target=targets.overall,
        alpha=alpha_of_report(spending) if tested else 0.0,
        pieces=len(pieces), tested=sum(len(finding.certificates) for finding in tested),
        tested_kinds=sorted({(finding.case_type, finding.action) for finding in tested}),
        waiting=[_waiting(finding) for finding in findings if finding.proposed is None],
        pairs=sum(found.pairs for found in by_two.values()),
        differing=sum(found.differing for found in by_two.values()),
        by_two={
            case_type: [found.pairs, found.differing, max(targets.of(case_type, action) for action in Action.values)]
            for case_type, found in by_two.items()
        },
    )  # fmt: skip
    actor = audit.system("refinement")
    with transaction.atomic():
        Boundary.objects.select_for_update(no_key=True).get(pk=boundary.pk)
        if before.count() + 1 != number:
            raise Moved("Another report of this boundary was made meanwhile. Look at that one.")
        report.save(force_insert=True)
        _expire(report, [finding for finding in tested if finding.proposed is not None], pieces, actor)
        for row in proposed:
            if row is not None:
                row.report = report
                row.save(force_insert=True)
        _seek(boundary, refining.sought(pieces, findings))
        audit.record(actor, report, "made", at=now)
        async_task("apps.learning.replays.attach", report.pk, timeout=replays.LONGEST_SECONDS)
    return report


def _looked_at(
    boundary: Boundary, judged: Sequence[evidence.Piece], now: datetime
) -> tuple[list[evidence.Piece], list[evidence.Piece]]:
    """What was judged blind and is people's, and what was judged lately of what is the AI's; of neither what is from before a
    grant of its kind was stopped: what was true then is so no more."""
    policy, stops = practice.practised(boundary), practice.stops_of(boundary)
    fresh = [
        one for one in judged
        if (stop := stops.get((one.case_type, one.action))) is None or one.judged.on > stop.date()
    ]  # fmt: skip
    lately = (now - LATELY).date()
    peoples = refining.grantable([one for one in fresh if one.how == "blind"], policy)
    return peoples, refining.granted_by([one for one in fresh if one.granted and one.judged.on >= lately], policy)


def _expire(
    report: RefinementReport, proven: Sequence[refining.Finding], pieces: Sequence[evidence.Piece], actor: audit.Actor
) -> None:
    """End what was open: narrowings, which are looked for anew each time, what is proven again, what is old, what later
    judgements refute, and what is of a kind of which a grant was stopped since. A certificate stays one otherwise, until
    somebody decides."""
    again = {(finding.case_type, finding.action) for finding in proven}
    stopped = practice.stops_of(report.boundary)
    rows = Refinement.objects.select_for_update(no_key=True, of=("self",)).select_related("report")
    over = []
    for row in rows.filter(report__boundary=report.boundary, state=_S.OPEN):
        kind, made_at = (row.case_type, row.action), row.report.made_at
        is_old = report.made_at - made_at > practice.GOOD_FOR
        is_over = kind in again or is_old or stopped.get(kind, made_at) > made_at or _is_refuted(row, pieces)
        if row.kind == Refinement.Kind.TIGHTEN or is_over:
            over.append(row)
    move(over, "expire", actor=actor, reason=f"report {report.number}")


def _is_refuted(row: Refinement, pieces: Sequence[evidence.Piece]) -> bool:
    """Whether what was judged in its region since its report is surely wrong more often than the target it was proven for."""
    region, kind, day = row.as_region(), (row.case_type, row.action), row.report.made_at.date()
    later = [one for one in pieces if (one.case_type, one.action) == kind and one.judged.on >= day]
    since = [one.judged for one in later if region.holds(one.facts, one.amount)]
    clusters = counting(since, wrong_first=False)
    target = max((step.get("target", 0.0) for step in row.steps), default=0.0)
    a_look = ALPHA / (practice.GOOD_FOR / timedelta(weeks=1))  # it is looked at week by week as long as it is good
    return lower_bound(sum(one.wrong for one in clusters), len(clusters), a_look) > target


def _last_tested(reports: QuerySet[RefinementReport]) -> dict[refining.Kind, date]:
    found: dict[refining.Kind, date] = {}
    for report in reports.filter(tested__gt=0).order_by("made_at"):
        found |= {(case_type, action): report.made_at.date() for case_type, action in report.tested_kinds}
    return found


def _waiting(finding: refining.Finding) -> dict[str, Any]:
    """A region that is not proven, in words, and how many more customers it takes: by its own test, where it was tested."""
    failed = next((one for one in finding.certificates if not one.certified), None)
    return {
        "case_type": finding.case_type, "action": finding.action, "words": finding.regions[-1].in_words(),
        "more_needed": failed.more_needed if failed else finding.more_needed,
        "because": list(failed.reasons) if failed else [],
    }  # fmt: skip


def _seek(boundary: Boundary, kinds: Sequence[refining.Kind]) -> None:
    """More is judged blind, until the next report, where it would tell something."""
    SoughtKind.objects.filter(boundary=boundary).delete()
    SoughtKind.objects.bulk_create(
        SoughtKind(boundary=boundary, case_type=case_type, action=action, percent=round(100 * refining.SOUGHT))
        for case_type, action in kinds
    )


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
    """A draft of the boundary with a rule for the region. One that widens comes behind what is granted already and in front of
    what people decide, and begins with a small part of its cases; one that tightens comes first.

    Raises Moved when it is open no more, Refused when the boundary is outside the person's remit, or when a grant of its kind
    was stopped since.
    """
    with transaction.atomic():
        row = _open(user, refinement_id)
        boundary = row.report.boundary
        stop = practice.stops_of(boundary).get((row.case_type, row.action))
        if stop is not None and stop > row.report.made_at:
            raise Refused("A grant of this kind was stopped since: wait for the next report, on evidence from after.")
        widens, said = row.kind == Refinement.Kind.WIDEN, row.rule(practice.practised(boundary))
        rule = Rule(
            case_type=said.case_type, handler=said.handler, action=said.action,
            ceiling=said.ceiling.amount if said.ceiling else None, seniority=said.seniority,
            conditions=[condition.as_json() for condition in said.conditions],
        )  # fmt: skip
        note = f"{row.report}, proposal {row.pk}"
        if widens:
            rule.ramp = ramps.start(
                boundary, row.case_type, row.action, note, row.rests_on["usual"], row.region, row.rests_on["made_with"]
            )
        row.version = coaching.draft_with(user, boundary, rule, note, after_granting=widens)
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
