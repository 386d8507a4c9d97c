"""The ramps of released grants, week by week: on to the next step, and how much is audited; what drifts goes back to people.

go_on(now)       from the sweeper; what is due is decided by the rows
held_by(ramp)    why a step is not over, in words
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Min, Q
from django.utils import timezone

from apps.interactions import notifying, precedents, reading_models
from apps.interactions.models import DecisionRecord, Notice
from apps.learning import drift, evidence, practice, shadow_reading, steps
from apps.learning.certification import Judged
from apps.learning.models import CaseAudit, Refinement
from apps.learning.models.audit import found_wrong
from apps.learning.shadow_reading import Shadow
from apps.policies import audit, ramps
from apps.policies.conditions import Condition, read_value
from apps.policies.errors import Moved, Refused
from apps.policies.facts import VOCABULARY, Value, value_as_json
from apps.policies.lots import SHARES
from apps.policies.models import Ramp, Ruling

log = logging.getLogger(__name__)

A_WEEK, A_DAY = timedelta(days=7), timedelta(days=1)
LEAST = 0.0001  # a brand audits as much as it says besides
MOST_LOOKED_AT = 5_000  # rulings of a week that drift is looked for in
_S = CaseAudit.State


def go_on(now: datetime) -> int:
    """Begin what was released, and end the steps that are over; returns how many went on."""
    for row in ramps.released().filter(stepped_at__isnull=True):
        if because := _outdated_because(row, now):
            _stop_before_it_begins(row, because, now)
    ramps.begin(now)
    went_on = 0
    for row in ramps.released():
        try:
            went_on += _go_on(row, now)
        except Exception:
            log.exception("the ramp %s could not go on; the others do", row)
    return went_on


def _go_on(found: Ramp, now: datetime) -> bool:
    drifts, others = _drifts(found, now), _other_versions(found, now)
    flips = _flips(found, now) if others else None
    with transaction.atomic():
        row = Ramp.objects.select_for_update(no_key=True).get(pk=found.pk)
        if row.stopped_at is not None:
            return False
        known = row.never_certified()
        if new := [one for one in drifts if one not in known]:
            ramps.leave_out(row, new, now)
        if flips is not None and flips.stops:
            stop_for_classifier(row, flips, audit.system("ramp"), now)
            return False
        if others and not row.made_with:  # from before versions were kept: these are the first
            row.made_with = others
            row.save(update_fields=["made_with"])
        elif others:
            with_what = ", ".join(others)
            ramps.begin_again(row, others, now, reason=f"now made with {with_what}")
            said = f"A grant begins again at {row.share} %: {row}, now made with {with_what}."
            _tell(Notice.Kind.AGAIN, row, f"again:{row.pk}:{now:%Y-%m-%d %H:%M}", said, now)
            return False
        before, share = row.share, steps.next_share(step_of(row, now), practice.target_of_ramp(row))
        if share != before:
            ramps.widen(row, share, now, reason="the audits of the step before allow it")
        if share != before:
            row.audited = steps.audit_probability(_decided_a_week(row, now, since=now - A_WEEK) * share / before, LEAST)
        elif row.stepped_at is not None and now - row.stepped_at >= A_DAY:
            since = max(row.stepped_at, now - A_WEEK)
            row.audited = steps.audit_probability(_decided_a_week(row, now, since=since), LEAST)
        row.save(update_fields=["audited"])
        return share != before


def _stop_before_it_begins(row: Ramp, because: str, now: datetime) -> None:
    with transaction.atomic():
        ramps.stop(row, because, audit.system("ramp"), now)
        said = f"A grant did not begin: {row}. {because}"
        _tell(Notice.Kind.BREAKER, row, notifying.key_of_stop(row.pk), said, now)


def _outdated_because(row: Ramp, now: datetime) -> str:
    """Why what was proven before its release proves nothing any more; empty: it still does."""
    proposals = Refinement.objects.filter(version__rules__ramp=row, case_type=row.case_type, action=row.action)
    proven_at = proposals.aggregate(at=Min("report__made_at"))["at"]
    if proven_at is None:
        return ""
    stopped_at = practice.stops_of(row.boundary).get((row.case_type, row.action))
    if stopped_at is not None and stopped_at > proven_at:
        return "A grant of its kind was stopped after it was proven: what was judged before proves nothing now."
    if now - proven_at > practice.GOOD_FOR:
        return f"It was proven more than {practice.GOOD_FOR.days // 7} weeks ago."
    return ""


def _flips(row: Ramp, now: datetime) -> Shadow | None:
    """None where its cases cannot be read again: then it begins again, as with any other version."""
    try:
        return shadow_reading.of_grant(row, reading_models.current(), now)
    except Exception:
        log.exception("the cases of %s cannot be read again", row)
        return None


def stop_for_classifier(row: Ramp, flips: Shadow, actor: audit.Actor, now: datetime) -> None:
    """People's until it is proven anew, with what reads now."""
    ramps.stop(row, flips.because(), actor, now)
    said = f"A grant was stopped: {row}. {flips.because()}"
    _tell(Notice.Kind.BREAKER, row, notifying.key_of_stop(row.pk), said, now)


def _tell(kind: Notice.Kind, row: Ramp, key: str, said: str, now: datetime) -> None:
    page = f"/admin/policies/ramp/{row.pk}/change/"
    notifying.raise_notice(kind, key, said, page, now, case_type=row.case_type)


def step_of(row: Ramp, now: datetime) -> steps.Step:
    since = row.stepped_at or now
    rows = CaseAudit.objects.filter(ramp=row)
    waiting = Q(state__in=[_S.OPEN, _S.JUDGED], drawn_at__lt=now - steps.SOON_ENOUGH)
    late = rows.filter(waiting | Q(state=_S.EXPIRED, due_at__gte=now - A_WEEK)).count()
    done = rows.filter(state=_S.DONE, drawn_at__gte=since).annotate(wrong=found_wrong()).order_by("done_at", "pk")
    columns = (
        "pk",
        "decision__interaction__customer",
        "judged_by",
        "decision__decided_at",
        "wrong",
        "partner",
        "probability",
    )
    audits = [
        Judged(
            str(pk),
            str(customer or ""),
            str(by),
            at.date(),
            bool(wrong),
            partner=str(partner),
            probability=float(drawn),
        )
        for pk, customer, by, at, wrong, partner, drawn in done.values_list(*columns)
    ]
    return steps.Step(row.share, (now - since).days, audits, late)


def held_by(row: Ramp, now: datetime) -> str:
    """Why the step is not over; empty when it is, or is the last."""
    if row.stopped_at is not None:
        return row.stopped_because
    if row.stepped_at is None:
        return "no version with it rules yet"
    return "" if row.share == SHARES[-1] else steps.held_by(step_of(row, now), practice.target_of_ramp(row))


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


def _other_versions(row: Ramp, now: datetime) -> list[str]:
    """Versions of classifier, drafter and playbook that its cases of the last day were made with, and its proof was not."""
    lately = Ruling.objects.filter(ramp=row.pk, at__gte=now - A_DAY).values_list("made_with", flat=True)
    found = {one for made_with in lately.distinct() for one in evidence.versions_of(made_with)}
    return sorted(found - set(row.made_with))


def _decided_a_week(row: Ramp, now: datetime, *, since: datetime) -> float:
    """What the AI did alone under it since then, a week. Of its first day in a step nothing is told: as much is audited as was
    settled when it began."""
    alone = DecisionRecord.objects.filter(how=DecisionRecord.How.ALONE, ruling__ramp=row.pk)
    return alone.filter(decided_at__gte=since).count() * (A_WEEK / (now - since))


def _drifts(row: Ramp, now: datetime) -> list[Condition]:
    """What its cases of the last week bring up that it was never certified on; looked for once a day."""
    if row.looked_at is not None and now - row.looked_at < A_DAY:
        return []
    Ramp.objects.filter(pk=row.pk, stopped_at__isnull=True).update(looked_at=now)
    rulings = Ruling.objects.filter(ramp=row.pk, at__gte=now - A_WEEK).order_by("-pk")[:MOST_LOOKED_AT]
    lately = map(precedents.known_facts_of, rulings.select_related("partner"))
    return drift.never_certified(usual_of(row.usual), [facts for facts in lately if facts is not None])


def usual_as_json(usual: Mapping[str, drift.Usual]) -> dict[str, Any]:
    return {
        name: {
            "cases": one.cases, "known": one.known, "low": value_as_json(one.low), "high": value_as_json(one.high),
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
            one.get("cases", one["known"]), one["known"], value(name, one["low"]), value(name, one["high"]),
            frozenset(found for written in one["values"] if (found := value(name, written)) is not None),
        )
        for name, one in raw.items() if name in VOCABULARY
    }  # fmt: skip
