"""What insights are made of: what somebody looks at, tables, and the percentiles and shares that they hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, Exists, F, Field, FloatField, OuterRef, Q, QuerySet
from django.db.models.aggregates import Aggregate
from django.db.models.functions import Coalesce

from apps.interactions.models import DecisionRecord, Escalation, Interaction
from apps.interactions.models.outcome import REOPENED_WITHIN
from apps.policies.models import partners_of

_NOT_CASES = ("merged", "dismissed")


class Percentile(Aggregate):
    """PostgreSQL's continuous percentile, for `p` from 0 to 1."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(%(p)s) WITHIN GROUP (ORDER BY %(expressions)s)"

    def __init__(self, expression: object, p: float, output_field: Field[Any, Any] | None = None) -> None:
        super().__init__(expression, p=p, output_field=output_field or FloatField())


@dataclass(frozen=True, slots=True)
class Chosen:
    """What somebody looks at: the brands they may see, narrowed by brand, type and channel; `since` is when it starts."""

    user: User
    since: datetime
    brand: str = ""
    type: str = ""
    channel: str = ""

    def cases(self) -> QuerySet[Interaction]:
        rows = Interaction.objects.filter(partner__in=partners_of(self.user).real(), created_at__gte=self.since)
        return rows.filter(self._where("")).exclude(state__in=_NOT_CASES).annotate(by_person=by_person())

    def of(self, rows: QuerySet[Any], case: str) -> QuerySet[Any]:
        """Rows of another table; `case` is the path to their interaction."""
        return rows.filter(self._where(f"{case}__"), **{f"{case}__partner__in": partners_of(self.user).real()})

    def clocks(self) -> QuerySet[Escalation]:
        """What was decided in this time, and what waits."""
        waits = Q(state__in=[Escalation.State.OPEN, Escalation.State.CLAIMED])
        counted = Q(closed_at__gte=self.since) | waits
        return self.of(Escalation.objects.filter(counted), "interaction")

    def _where(self, path: str) -> Q:
        chosen = {"partner__slug": self.brand, "case_type": self.type, "channel": self.channel}
        return Q(**{f"{path}{name}": value for name, value in chosen.items() if value})


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: its label, and its values in the order of the table's columns."""

    label: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""


def by_person() -> Exists:
    """Whether a person decided anything on a case."""
    return Exists(DecisionRecord.objects.filter(interaction=OuterRef("pk"), decided_by__isnull=False))


def resolved_alone() -> Q:
    """For rows with `by_person`. The AI decided and no person did before: a case that a person asked the customer about
    is not the AI's alone."""
    return Q(handler="autonomous", state__in=["resolved", "closed"], resolved_at__isnull=False, by_person=False)


def came_back() -> Exists:
    """Whether another case followed within seven days of this one's end. All that follow are linked to the first."""
    first = Coalesce(OuterRef("linked_to"), OuterRef("pk"))
    ended = OuterRef("resolved_at")
    return Exists(
        Interaction.objects.filter(
            linked_to=first, received_at__gt=ended, received_at__lte=ended + REOPENED_WITHIN
        ).exclude(pk=OuterRef("pk"))
    )


def began_again() -> Exists:
    """Whether a case is itself what came back: it followed another of its family within seven days."""
    began = OuterRef("created_at")
    first = OuterRef("linked_to")
    return Exists(
        Interaction.objects.filter(
            Q(pk=first) | Q(linked_to=first), resolved_at__lte=began, resolved_at__gte=began - REOPENED_WITHIN
        ).exclude(pk=OuterRef("pk"))
    )


def durably() -> Q:
    """For rows with `by_person`, `back` and `again`. What came back is charged to the case it came after, and only there:
    a case that began as a reopening is not reopened by that."""
    return resolved_alone() & Q(back=False) & (Q(reopened=0) | Q(reopened=1, again=True))


def kept(*, now: datetime) -> dict[str, Count]:
    """Aggregates over escalations: those whose clock can be told of, `done`, and of those in time. One that still waits
    past its clock has missed it already."""
    missed = Q(state__in=[Escalation.State.OPEN, Escalation.State.CLAIMED], due_at__lt=now)
    ended = Q(state=Escalation.State.DONE)
    return {
        "done": Count("pk", filter=ended | missed),
        "in_time": Count("pk", filter=ended & Q(closed_at__lte=F("due_at"))),
    }


def share(part: int, whole: int) -> float | None:
    """In percent, to one decimal; None of nothing."""
    return round(100 * part / whole, 1) if whole else None


def whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def by(rows: QuerySet[Any], path: str, **counts: Any) -> dict[Any, dict[str, Any]]:
    """Aggregates of rows, by the value that a path leads to."""
    return {row[path]: row for row in rows.values(path).annotate(**counts)}
