"""The queue on the left of Reach: what waits for this person, most urgent first, each line its brief's question."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.contrib.auth.models import User
from django.db.models import Count, Q
from django.utils import timezone

from apps.interactions import alike, claiming
from apps.interactions.models import DecisionRecord, Escalation, Interaction
from apps.policies.models import Partner, partners_of
from apps.reach.filters import SHOW, Filters, tab
from apps.reach.models import SavedView
from apps.reach.tables import by_person, resolved_alone

SHOWN = 60
PACE_OVER = timedelta(hours=1)
FEWEST_FOR_PACE = 3  # decisions in that time


@dataclass(frozen=True, slots=True)
class Queue:
    """What the list shows: the first `SHOWN` rows of what is chosen, how many each tab has, and how long all of it takes
    at the pace of the last hour (None: too few decisions to say)."""

    rows: list[Escalation]
    counts: dict[str, int]
    filters: Filters
    minutes: int | None
    brands: list[Partner]
    views: list[SavedView]
    alike: dict[int, int]

    @property
    def more(self) -> int:
        return self.counts[self.filters.show] - len(self.rows)

    @property
    def tabs(self) -> list[tuple[str, str, int]]:
        return [(name, label, self.counts[name]) for name, label in SHOW.items()]


def queue_of(user: User, filters: Filters) -> Queue:
    """The waiting cases of a person's remit."""
    now = timezone.now()
    waiting = claiming.covered_by_remit(user).waiting().filter(filters.beside_tab(now))
    counts = waiting.aggregate(**{name: Count("pk", filter=tab(name, user) or None) for name in SHOW})
    rows = list(
        waiting.filter(tab(filters.show, user))
        .most_urgent()
        .select_related("interaction__customer", "partner", "claimed_by")[:SHOWN]
    )
    return Queue(
        rows,
        counts,
        filters,
        None if filters.narrowed else minutes_at_pace(user, counts["all"], now),
        list(partners_of(user).order_by("name")[:200]),
        list(SavedView.objects.filter(user=user)),
        alike.how_many(rows),
    )


def minutes_at_pace(user: User, waiting: int, now: datetime) -> int | None:
    """How long `waiting` cases take when people decide as many an hour as in the last one."""
    lately = DecisionRecord.objects.filter(
        partner__in=partners_of(user).real(), decided_by__isnull=False, decided_at__gte=now - PACE_OVER
    ).count()
    return None if lately < FEWEST_FOR_PACE else round(60 * waiting / lately)


@dataclass(frozen=True, slots=True)
class Today:
    """The numbers in the header, for the brands a person may see."""

    resolved_by_ai: int
    waiting: int
    median_seconds: int | None


def today(user: User, now: datetime) -> Today:
    """Today's numbers; `now` in the person's time zone says when today began."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    brands = partners_of(user).real()
    alone = Interaction.objects.filter(partner__in=brands, resolved_at__gte=midnight).annotate(by_person=by_person())
    taken = DecisionRecord.objects.filter(
        partner__in=brands, decided_by__isnull=False, decided_at__gte=midnight
    ).values_list("seconds", flat=True)
    seconds = [number for number in taken[:1000] if number is not None]
    return Today(
        resolved_by_ai=alone.filter(resolved_alone()).count(),
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
        .select_related("interaction", "partner")
        .order_by("-decided_at")
    )
