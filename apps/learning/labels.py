"""Labels: what customers asked for, as people found it; what the classifier is trained anew with, and measured on.

Every case that people decide is one, and every audit of what the AI did alone, weighted by how seldom such cases are drawn.
Where nobody said that it was misread, it was read rightly.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch, QuerySet

from apps.interactions.models import DecisionRecord, Interaction
from apps.interactions.reclassifying import asked_then
from apps.learning.models import CaseAudit

MOST = 20_000  # of each sort, the newest
HEAVIEST = 20.0  # what one text may weigh, however seldom such cases are audited
_DONE = ("committed", "executing", "executed")
_MISREAD = DecisionRecord.WrongPart.TYPE


@dataclass(frozen=True, slots=True)
class Label:
    """One text and what it asks for. `weight` is how many cases it stands for; `corrected` where it was misread. `by`: who
    found it."""

    case: int
    customer: str
    text: str
    intent: str
    weight: float
    corrected: bool
    at: datetime
    by: str = ""
    partner: str = ""


def labels_of(since: datetime, until: datetime) -> list[Label]:
    """Of all brands, the oldest first; the latest one of each case. What was erased has no words, and is none."""
    found: dict[int, Label] = {}
    for label in sorted([*_decided(since, until), *_audited(since, until)], key=lambda one: (one.at, one.case)):
        found[label.case] = label
    return sorted(found.values(), key=lambda one: (one.at, one.case))


def _decided(since: datetime, until: datetime) -> Iterator[Label]:
    rows = DecisionRecord.objects.filter(
        decided_by__isnull=False,
        decided_at__gte=since,
        decided_at__lt=until,
        state__in=_DONE,
        partner__sandbox_of__isnull=True,
    ).exclude(how=DecisionRecord.How.ASKED)
    newest = rows.order_by("-decided_at").prefetch_related(Prefetch("interaction", queryset=_cases()))[:MOST]
    for row in newest:
        yield from _label(row, row.wrong_part == _MISREAD, row.asked_for, 1.0, row.decided_at, row.decided_by_id)


def _audited(since: datetime, until: datetime) -> Iterator[Label]:
    rows = CaseAudit.objects.filter(
        kind=CaseAudit.Kind.ALONE, state=CaseAudit.State.DONE, done_at__gte=since, done_at__lt=until
    )
    cases = Prefetch("decision__interaction", queryset=_cases())
    newest = rows.defer("content").order_by("-done_at").select_related("decision").prefetch_related(cases)[:MOST]
    for row in newest:
        assert row.decision is not None
        assert row.done_at is not None
        weight = min(HEAVIEST, 1 / float(row.probability))
        yield from _label(
            row.decision, row.wrong_part == _MISREAD, row.asked_for, weight, row.done_at, row.judged_by_id
        )


def _cases() -> QuerySet[Interaction]:
    return Interaction.objects.select_related("ruling").prefetch_related("messages", "decisions__ruling")


def _label(
    decision: DecisionRecord, misread: bool, asked_for: str, weight: float, at: datetime, by: int | None
) -> Iterator[Label]:
    """None where the case was ruled anew since, where it was misread and nobody said what they ask for, and where nothing
    was read, or more than one thing."""
    case = decision.interaction
    read = [name for name, _ in case.intents]
    if case.ruling_id != decision.ruling_id or (misread and not asked_for) or (not misread and len(read) != 1):
        return
    text = asked_then(case)
    if text.strip():
        intent = asked_for if misread else read[0]
        yield Label(
            case.pk,
            str(case.customer_id or f"case {case.pk}"),
            text,
            intent,
            weight,
            misread,
            at,
            str(by),
            str(case.partner_id),
        )
