"""The ramps of released grants, week by week: on to the next step, and how much is audited; what drifts goes back to people.

go_on(now)       from the sweeper; what is due is decided by the rows
held_by(ramp)    why a step is not over, in words
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.interactions import precedents
from apps.interactions.models import DecisionRecord
from apps.learning import betting, drift, ramp
from apps.learning.breaker import TARGET
from apps.learning.models import CaseAudit
from apps.policies import audit, ramps
from apps.policies.conditions import read_value
from apps.policies.errors import Moved, Refused
from apps.policies.facts import VOCABULARY, Value, value_as_json
from apps.policies.models import Ramp, Ruling
from apps.policies.ramping import SHARES

A_WEEK = timedelta(days=7)
LEAST = 0.0001  # a brand audits as much as it says besides
MOST_LOOKED_AT = 5_000  # rulings of a week that drift is looked for in
_S = CaseAudit.State


def go_on(now: datetime) -> int:
    """Begin what was released, and end the steps that are over; returns how many went on."""
    ramps.begin(now)
    return sum(_go_on(row.pk, now) for row in ramps.released())


def _go_on(ramp_id: int, now: datetime) -> bool:
    with transaction.atomic():
        row = Ramp.objects.select_for_update(no_key=True).get(pk=ramp_id)
        if row.stopped_at is not None:
            return False
        _leave_out_what_drifts(row, now)
        before, share = row.share, ramp.next_share(step_of(row, now), TARGET)
        if share != before:
            ramps.widen(row, share, now, reason="the audits of the step before allow it")
        row.audited = ramp.audit_probability(_decided(row, now) * share / before, LEAST)
        row.save(update_fields=["audited"])
        return share != before


def step_of(row: Ramp, now: datetime) -> ramp.Step:
    since = row.stepped_at or now
    rows = CaseAudit.objects.filter(ramp=row, drawn_at__gte=since)
    overdue = rows.filter(Q(state__in=[_S.OPEN, _S.JUDGED], due_at__lt=now) | Q(state=_S.EXPIRED)).count()
    done = rows.filter(state=_S.DONE).order_by("done_at", "pk").values_list("verdict", "probability")
    audits = [betting.Audit(verdict == CaseAudit.Verdict.WRONG, float(probability)) for verdict, probability in done]
    return ramp.Step(row.share, (now - since).days, audits, overdue)


def held_by(row: Ramp, now: datetime) -> str:
    """Why the step is not over; empty when it is, or is the last."""
    if row.stopped_at is not None:
        return row.stopped_because
    if row.stepped_at is None:
        return "no version with it rules yet"
    return "" if row.share == SHARES[-1] else ramp.held_by(step_of(row, now), TARGET)


def stop(user: User, ramp_id: int, why: str) -> Ramp:
    """Stop a grant for good; one person may. Raises Refused without a reason, Moved when it was stopped already."""
    if not why.strip():
        raise Refused("Say why you stop it: the people who find the AI stopped will ask.")
    with transaction.atomic():
        row = Ramp.objects.select_for_update(no_key=True, of=("self",)).select_related("boundary").get(pk=ramp_id)
        if row.stopped_at is not None:
            raise Moved("This grant was stopped already.")
        ramps.stop(row, why.strip(), audit.person(user), timezone.now())
    return row


def _decided(row: Ramp, now: datetime) -> int:
    """What the AI did alone under it in the last week."""
    alone = DecisionRecord.objects.filter(how=DecisionRecord.How.ALONE, ruling__ramp=row.pk)
    return alone.filter(decided_at__gte=now - A_WEEK).count()


def _leave_out_what_drifts(row: Ramp, now: datetime) -> None:
    rulings = Ruling.objects.filter(ramp=row.pk, at__gte=now - A_WEEK).order_by("-pk")[:MOST_LOOKED_AT]
    lately = [precedents.facts_of(ruling) for ruling in rulings.select_related("partner")]
    known = row.never_certified()
    new = [one for one in drift.never_certified(usual_of(row.usual), lately) if one not in known]
    if new:
        ramps.leave_out(row, new, now)


def usual_as_json(usual: Mapping[str, drift.Usual]) -> dict[str, Any]:
    return {
        name: {
            "known": one.known, "low": value_as_json(one.low), "high": value_as_json(one.high),
            "values": sorted((value_as_json(value) for value in one.values), key=str),
        }
        for name, one in usual.items()
    }  # fmt: skip


def usual_of(raw: Mapping[str, Any]) -> dict[str, drift.Usual]:
    """The same as it was written; a fact that there is no more is left out."""

    def value(name: str, written: object) -> Value | None:
        return None if written is None else read_value(VOCABULARY[name], written)

    return {
        name: drift.Usual(
            one["known"], value(name, one["low"]), value(name, one["high"]),
            frozenset(found for written in one["values"] if (found := value(name, written)) is not None),
        )
        for name, one in raw.items() if name in VOCABULARY
    }  # fmt: skip
