"""What a report proposes, written down with all that it rests on: the cases, the numbers, and what it would change."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

from django.db.models import QuerySet

from apps.interactions import precedents
from apps.interactions.models import DecisionRecord
from apps.learning import drift, practice, ramping, refining
from apps.learning.certification import FEWEST_CUSTOMERS, Certificate
from apps.learning.evidence import Piece, passes
from apps.learning.models import Refinement
from apps.learning.region import Region
from apps.learning.tightening import Tightening
from apps.policies.facts import value_as_json
from apps.policies.lots import HELD_OUT
from apps.policies.models import Boundary, Partner, Ruling
from apps.policies.money import Money
from apps.policies.specs import Proposal
from apps.policies.words import Handler

LATELY = timedelta(weeks=4)
MOST_RULINGS = 20_000
AGREEING = 5  # examples; of disagreement all are told
_S = Refinement.State


def widening(
    boundary: Boundary, finding: refining.Finding, pieces: Sequence[Piece], now: datetime
) -> Refinement | None:
    """What is certified, unless the same was dismissed on the same evidence; not saved, and without its report."""
    region = finding.proposed
    if region is None or (region.ceiling and region.ceiling.currency != boundary.currency):
        return None
    steps = [_step(*pair) for pair in zip(finding.regions, finding.certificates, strict=True)]
    return _proposal(boundary, Refinement.Kind.WIDEN, (finding.case_type, finding.action), region, steps, pieces, now)


def tightening(boundary: Boundary, found: Tightening, pieces: Sequence[Piece], now: datetime) -> Refinement | None:
    step = {"words": found.region.in_words(), "judgements": found.judged, "wrong": found.wrong, "lower": found.lower}
    return _proposal(boundary, Refinement.Kind.TIGHTEN, found.kind, found.region, [step], pieces, now)


def _proposal(
    boundary: Boundary, kind: str, of: refining.Kind, region: Region, steps: list[dict[str, Any]],
    pieces: Sequence[Piece], now: datetime,
) -> Refinement | None:  # fmt: skip
    inside = [one for one in pieces if (one.case_type, one.action) == of and region.holds(one.facts, one.amount)]
    certifying = refining.split(pieces)[1] if kind == Refinement.Kind.WIDEN else pieces
    proven = [one for one in certifying if (one.case_type, one.action) == of and region.holds(one.facts, one.amount)]
    named, written, rests_on = _hash_of(kind, of, region, inside), _region_json(region), _rests_on(inside, proven)
    dismissed = Refinement.objects.filter(report__boundary=boundary, state=_S.DISMISSED, kind=kind)
    same = dismissed.filter(case_type=of[0], action=of[1])  # the limits of a narrowing move with its weeks
    if dismissed.filter(evidence_hash=named).exists() or any(_is_known(rests_on, row) for row in same):
        return None
    return Refinement(
        kind=kind, case_type=of[0], action=of[1], region=written, steps=steps, evidence_hash=named,
        rests_on=rests_on, expected=_expected(boundary, kind, of, region, now),
    )  # fmt: skip


def _is_known(rests_on: dict[str, Any], dismissed: Refinement) -> bool:
    """What is given back rests on the mistakes of the last weeks, which are others every week: it comes again when a third of
    them are new."""
    if dismissed.kind != Refinement.Kind.TIGHTEN:
        return False
    new = set(rests_on["differing"]) - set(dismissed.rests_on["differing"])
    return len(new) < refining.ANEW * len(rests_on["differing"])


def _hash_of(kind: str, of: refining.Kind, region: Region, inside: Sequence[Piece]) -> str:
    """Names the proposal and the cases inside it."""
    cases = " ".join(sorted(one.judged.case for one in inside))
    return hashlib.sha256(f"{kind} {of} {region.in_words()} {cases}".encode()).hexdigest()


def _rests_on(inside: Sequence[Piece], proven: Sequence[Piece]) -> dict[str, Any]:
    """Every case that was judged differently, some of the others, what is usual in all of them, and what those that certify it
    were made with."""
    return {
        "differing": [one.judged.case for one in inside if one.judged.wrong],
        "agreeing": [one.judged.case for one in inside if not one.judged.wrong][-AGREEING:],
        "usual": ramping.usual_as_json(drift.usual([one.facts for one in inside])),
        "made_with": _made_with(proven),
    }


def _made_with(proven: Sequence[Piece]) -> list[str]:
    """The versions that it is proven for: of classifier, drafter and playbook those that made the cases of
    `FEWEST_CUSTOMERS` at least, or the one that made most."""
    owners = {
        (made, one.judged.partner, one.judged.customer or one.judged.on) for one in proven for made in one.made_with
    }
    counts = Counter(made for made, *_ in owners)
    most = {made.split()[0]: made for made, _ in reversed(counts.most_common())}
    return sorted({made for made, count in counts.items() if count >= FEWEST_CUSTOMERS} | set(most.values()))


def _expected(boundary: Boundary, kind: str, of: refining.Kind, region: Region, now: datetime) -> dict[str, Any]:
    """Cases of the last four weeks that would be handled otherwise once its ramp is over, of all; their money, and the hours
    that people would have spent on them, or saved."""
    partners = Partner.objects.real().filter(boundary=boundary)
    rulings = Ruling.objects.filter(partner__in=partners, at__gte=now - LATELY)
    alone = rulings.filter(handler=Handler.AUTONOMOUS)
    widens = kind == Refinement.Kind.WIDEN
    rows = (rulings.exclude(handler=Handler.AUTONOMOUS) if widens else alone).filter(case_type=of[0], action=of[1])
    would_get = refining.gets(practice.practised(boundary))
    read, whole = 0, rows.count()
    handled: dict[str, Decimal | None] = {}  # by case: its money, as it was ruled on first; None: it stays as it is
    for ruling in rows.select_related("partner").order_by("-pk")[:MOST_RULINGS]:
        read += 1
        amount, facts = precedents.amount_of(ruling), precedents.known_facts_of(ruling)
        fits = facts is not None and region.holds(facts, amount)
        if fits and widens:
            fits = passes(ruling.downgrades) and would_get(of[0], _proposed(ruling, amount), facts or {})
        handled[ruling.subject] = (amount.amount if amount else Decimal(0)) if fits else None
    otherwise = [money for money in handled.values() if money is not None]
    part = (whole / read if read else 1) * (1 - HELD_OUT / 100 if widens else 1)
    cases, money = round(len(otherwise) * part), (sum(otherwise, Decimal(0)) * Decimal(part)).quantize(Decimal("0.01"))
    took = DecisionRecord.objects.filter(
        partner__in=partners, ruling__case_type=of[0], decided_by__isnull=False, seconds__isnull=False,
        decided_at__gte=now - LATELY,
    ).values_list("seconds", flat=True)  # fmt: skip
    seconds = median([float(one or 0) for one in took] or [0.0])
    return {
        "cases": cases, "of": _cases(rulings), "alone": _cases(alone), "money": str(money),
        "currency": boundary.currency, "hours": round(cases * seconds / 3600, 1),
    }  # fmt: skip


def _cases(rulings: QuerySet[Ruling]) -> int:
    return rulings.order_by().values("subject").distinct().count()


def _proposed(ruling: Ruling, amount: Money | None) -> Proposal:
    return Proposal(ruling.action, amount, (), bool(ruling.proposal.get("discloses_order", True)))


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
        "capped": found.capped,
        "money_share": found.money_share,
        "reasons": list(found.reasons),
        "more_needed": found.more_needed,
        "target": found.target,
    }
