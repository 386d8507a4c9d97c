"""The breaker: stops the AI by itself where audits show that it is wrong more often than the target.

    count(row, now)        an audit is done: it counts in its rule or grant, its type and action, its brand, and in everything
    regret(row, now)       what an audit found right was charged back, or was fraud: it counts as wrong after all
    standing_of(breaker)   the error as it is estimated now, and the bound that it is under

A trip pauses the scope, or stops the grant, so that what has not left goes back to people, and calls whoever is on duty.
Letting the AI go on takes two people: they lift the pause, and the breaker begins anew, or release another grant.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from apps.interactions import notifying
from apps.interactions.models import Notice
from apps.learning import betting, practice, scopes
from apps.learning.models import Breaker, CaseAudit
from apps.learning.models.audit import found_wrong
from apps.learning.scopes import Scope
from apps.policies import audit, pauses, ramps
from apps.policies.models import Pause

AUDITS_A_YEAR = 2_000  # of one scope, at least: within so many a false trip has a chance of at most 5 %


def count(row: CaseAudit, now: datetime) -> None:
    """In the transaction that ends an audit of what the AI did alone, so that each counts exactly once in each scope."""
    assert row.decision is not None
    wrong = CaseAudit.objects.filter(pk=row.pk).filter(found_wrong()).exists()
    allowed = scopes.allowed(row.partner, row.case_type, row.decision.action)
    for scope in scopes.scopes_of(row):
        if scope.is_wide and allowed > scope.target:
            continue
        found = _breaker(scope, now)
        if found.let_go_on_at is not None and row.decision.decided_at < found.let_go_on_at:
            found.save()
            continue
        is_rarer = found.ramp_id is None and float(row.probability) < found.least
        if found.pause is None and (found.target != scope.target or is_rarer):
            found.target = scope.target
            if is_rarer:
                found.least = float(row.probability)
            _reckon_anew(found, now)
        else:
            _count(found, row, wrong, now)


def regret(row: CaseAudit, now: datetime) -> None:
    """Each breaker that counted it is reckoned anew over its audits since it was armed, as if they had been judged with what is
    known now. What each bettor has only grows with what is wrong, so it never has more than if everything had been known from
    the start: the promise on false alarms stays."""
    for scope in scopes.scopes_of(row):
        found = Breaker.objects.select_for_update(no_key=True, of=("self",)).filter(**scope.found_by()).first()
        if found is not None:
            _reckon_anew(found, now)


def _breaker(scope: Scope, now: datetime) -> Breaker:
    """The breaker of a scope, locked. One that tripped and was let go on by two people begins anew; another target alone
    forgets nothing."""
    threshold = betting.threshold_for(AUDITS_A_YEAR)
    new = {
        "target": scope.target,
        "threshold": threshold,
        "least": scope.least,
        "armed_at": now,
        "rule_says": scope.rule_says,
    }
    Breaker.objects.get_or_create(**scope.found_by(), defaults=new)
    related = Breaker.objects.select_for_update(no_key=True, of=("self",)).select_related("pause", "ramp", "boundary")
    found = related.get(**scope.found_by())
    if found.pause is not None and found.pause.lifted_at is not None:
        found.let_go_on_at = found.pause.lifted_at
        found.pause, found.evidence, found.seen, found.wrong = None, [], 0, 0
        found.armed_at, found.least, found.target = now, scope.least, scope.target
    return found


def _count(breaker: Breaker, row: CaseAudit, wrong: bool, now: datetime) -> None:
    detector = betting.Detector(breaker.target, breaker.threshold, breaker.least, seen=breaker.seen)
    detector.keep_pace((now - breaker.armed_at).days)
    breaker.threshold = detector.threshold
    if breaker.evidence:
        detector.evidence = np.array(breaker.evidence)
    tripped = detector.add(_bets_on(breaker)(wrong, row))
    breaker.seen += 1
    breaker.wrong += wrong
    _keep(breaker, detector, tripped, now)


def _reckon_anew(breaker: Breaker, now: datetime) -> None:
    detector, tripped = betting.Detector(breaker.target, breaker.threshold, breaker.least), False
    counted, as_bet = scopes.counted_in(breaker), _bets_on(breaker)
    for audit_row in counted:
        tripped = detector.add(as_bet(audit_row.wrong, audit_row)) or tripped
    breaker.seen, breaker.wrong = len(counted), sum(audit_row.wrong for audit_row in counted)
    _keep(breaker, detector, tripped, now)


def _keep(breaker: Breaker, detector: betting.Detector, tripped: bool, now: datetime) -> None:
    breaker.evidence = [min(value, 1e300) for value in detector.evidence.tolist()]
    if tripped and breaker.pause is None and not (breaker.ramp and breaker.ramp.stopped_at):
        _trip(breaker, now)
    breaker.save()


def _bets_on(breaker: Breaker) -> Callable[[bool, CaseAudit], betting.Audit]:
    """Weighed by how rarely its like is drawn: of a grant all are drawn alike in any week, and so are those of a rule of which
    more is drawn than any brand says, to come to the weekly minimum. One that was drawn with a smaller probability than the
    least, of a breaker that tripped, counts no more than that."""
    alike_over = scopes.largest_share(breaker.boundary) if breaker.boundary is not None else 1.0

    def as_bet(wrong: bool, row: CaseAudit) -> betting.Audit:
        probability = float(row.probability)
        if breaker.ramp_id:
            return betting.Audit(wrong)
        return betting.Audit(wrong, breaker.least if probability > alike_over else max(probability, breaker.least))

    return as_bet


def _trip(breaker: Breaker, now: datetime) -> None:
    """A grant is stopped, any other scope paused; of a rule its type and action, for every brand of its boundary."""
    actor = audit.system(practice.BREAKER)
    found = f"{breaker.wrong} of {breaker.seen} audits found it wrong, where {breaker.target:.0%} is the target"
    if breaker.ramp is not None:
        ramps.stop(breaker.ramp, f"Breaker: {found}.", actor, now)
        key, page = notifying.key_of_stop(breaker.ramp.pk), f"/admin/policies/ramp/{breaker.ramp.pk}/change/"
    else:
        breaker.pause = _pause_of_its_rule(breaker) or pauses.pause_as(
            actor, f"Breaker: {found}.", partner=breaker.partner, boundary=breaker.boundary, case_type=breaker.case_type,
            action=breaker.action,
        )  # fmt: skip
        key, page = notifying.key_of_trip(breaker.pause.pk), f"/admin/policies/pause/{breaker.pause.pk}/change/"
    audit.record(actor, breaker, "tripped", reason=found, at=now)
    notifying.raise_notice(
        Notice.Kind.BREAKER, key, f"The breaker stopped the AI: {breaker.scope_in_words()}. {found}", page, now,
        partner=breaker.partner, case_type=breaker.case_type,
    )  # fmt: skip


def _pause_of_its_rule(breaker: Breaker) -> Pause | None:
    """Where a rule of the type and action tripped by the same audits, its pause stops the same: two people lift one."""
    if breaker.partner is None or not breaker.case_type:
        return None
    same = Pause.objects.filter(paused_as=practice.BREAKER, paused_by=None, lifted_at=None, boundary__isnull=False)
    return same.filter(boundary=breaker.partner.boundary_id, case_type=breaker.case_type, action=breaker.action).first()


@dataclass(frozen=True, slots=True)
class Standing:
    """`rate` ± `error` is estimated; the true rate is under `bound` with 95 % confidence, whenever one looks."""

    rate: float
    error: float
    bound: float
    target: float

    @property
    def on_probation(self) -> bool:
        """Until the bound is under the target nobody knows that the AI is good enough."""
        return self.bound > self.target


def standing_of(breaker: Breaker) -> Standing:
    """Read from its audits since it was armed."""
    counted = scopes.counted_in(breaker)
    rate, error = betting.estimate([betting.Audit(row.wrong, float(row.probability)) for row in counted])
    bets = list(map(_bets_on(breaker), (row.wrong for row in counted), counted))
    return Standing(rate, error, betting.upper(bets, least=breaker.least), breaker.target)
