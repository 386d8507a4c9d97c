"""The queue on the left of Reach: what waits for this person, most urgent first, each line its brief's question."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.contrib.auth.models import User
from django.db.models import OuterRef, Q, Subquery
from django.db.models.fields.json import KeyTextTransform

from apps.interactions import claiming
from apps.interactions.models import ContextPacket, DecisionRecord, Escalation, Interaction
from apps.interactions.models.escalation import EscalationQuerySet
from apps.policies.models import partners_of
from apps.policies.words import Seniority

SHOWN = 60
FILTERS = {"all": "All", "senior": "Senior", "mine": "Mine"}


@dataclass(frozen=True, slots=True)
class Queue:
    """What the list shows: the first `SHOWN` rows of the chosen filter, and how many each filter has."""

    rows: list[Escalation]
    counts: dict[str, int]
    chosen: str

    @property
    def more(self) -> int:
        return self.counts[self.chosen] - len(self.rows)

    @property
    def tabs(self) -> list[tuple[str, str, int]]:
        return [(name, label, self.counts[name]) for name, label in FILTERS.items()]


def queue_of(user: User, chosen: str = "all") -> Queue:
    """The waiting cases of a person's remit. An unknown filter shows all."""
    chosen = chosen if chosen in FILTERS else "all"
    waiting = claiming.covered_by_remit(user).waiting()
    filtered = {name: _filtered(waiting, name, user) for name in FILTERS}
    question = ContextPacket.objects.filter(
        interaction=OuterRef("interaction"), state=ContextPacket.State.READY
    ).values(question=KeyTextTransform("question", "content"))[:1]
    rows = (
        filtered[chosen]
        .most_urgent()
        .annotate(question=Subquery(question))
        .select_related("interaction__customer", "partner", "claimed_by")[:SHOWN]
    )
    return Queue(list(rows), {name: found.count() for name, found in filtered.items()}, chosen)


def _filtered(waiting: EscalationQuerySet, name: str, user: User) -> EscalationQuerySet:
    match name:
        case "senior":
            return waiting.filter(seniority=Seniority.SENIOR)
        case "mine":
            return waiting.filter(Q(claimed_by=user) | Q(handed_to=user))
    return waiting


@dataclass(frozen=True, slots=True)
class Today:
    """The numbers in the header, for the brands a person may see."""

    resolved_by_ai: int
    waiting: int
    median_seconds: int | None


def today(user: User, now: datetime) -> Today:
    """Today's numbers; `now` in the person's time zone says when today began."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    brands = partners_of(user)
    alone = Interaction.objects.filter(partner__in=brands, handler="autonomous", resolved_at__gte=midnight)
    taken = DecisionRecord.objects.filter(partner__in=brands, decided_at__gte=midnight).values_list(
        "seconds", flat=True
    )
    seconds = [number for number in taken[:1000] if number is not None]
    return Today(
        resolved_by_ai=alone.count(),
        waiting=claiming.covered_by_remit(user).waiting().count(),
        median_seconds=int(median(seconds)) if seconds else None,
    )


def last_decisions(user: User, now: datetime) -> list[DecisionRecord]:
    """A person's decisions that can still be taken back, the latest first."""
    return list(
        DecisionRecord.objects.filter(
            Q(decided_by=user) | Q(second_by=user), state=DecisionRecord.State.DECIDED, commit_at__gt=now
        )
        .filter(decided_at__gte=now - timedelta(days=1))
        .select_related("interaction")
        .order_by("-decided_at")
    )
