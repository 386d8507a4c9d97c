"""What insights are made of: what somebody looks at, tables, and the percentiles and shares that they hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Exists, Field, FloatField, OuterRef, Q, QuerySet
from django.db.models.aggregates import Aggregate

from apps.interactions.models import Interaction
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
        rows = Interaction.objects.filter(partner__in=partners_of(self.user), created_at__gte=self.since)
        return rows.filter(self._where("")).exclude(state__in=_NOT_CASES)

    def of(self, rows: QuerySet[Any], case: str) -> QuerySet[Any]:
        """Rows of another table; `case` is the path to their interaction."""
        return rows.filter(self._where(f"{case}__"), **{f"{case}__partner__in": partners_of(self.user)})

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


def resolved_alone() -> Q:
    return Q(handler="autonomous", state__in=["resolved", "closed"], resolved_at__isnull=False)


def came_back() -> Exists:
    """Whether the customer came back with a case within seven days: on it, or with a case that follows it."""
    return Exists(Interaction.objects.filter(linked_to=OuterRef("pk"), reopened__gt=0))


def share(part: int, whole: int) -> float | None:
    """In percent, to one decimal; None of nothing."""
    return round(100 * part / whole, 1) if whole else None


def whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def by(rows: QuerySet[Any], path: str, **counts: Any) -> dict[Any, dict[str, Any]]:
    """Aggregates of rows, by the value that a path leads to."""
    return {row[path]: row for row in rows.values(path).annotate(**counts)}
