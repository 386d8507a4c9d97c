"""One way through every state machine: `move` runs the guards, writes the states and the audit rows together.

django-fsm guards one row in memory; its checks do not reach `QuerySet.update`. So no other code saves a
state: `move` asks each row's transition method (guards run there), then writes all rows that came from the
same state with one compare-and-set UPDATE, and one audit row for each.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pgbulk
from django.db import models, transaction
from django_fsm import FSMField, TransitionNotAllowed

from apps.policies import audit
from apps.policies.errors import Moved, Refused
from apps.policies.models.audit import AuditEntry

Row = TypeVar("Row", bound=models.Model)


def guard(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Marks a condition of a transition; its docstring is what `docs/states.md` says of it."""
    return check


def in_state_list(choices: type[models.TextChoices], name: str) -> models.CheckConstraint:
    """The database's own list of the states of a machine."""
    return models.CheckConstraint(condition=models.Q(state__in=choices.values), name=name)


def move(
    rows: Row | Iterable[Row],
    event: str,
    *,
    actor: audit.Actor,
    reason: str = "",
    save: Sequence[str] = (),
    details: Callable[[Row], dict[str, Any]] | None = None,
) -> list[Row]:
    """Move rows by one event and audit it; `save` names other changed fields to write with the state. Their texts have to fit:
    of a list of values PostgreSQL cuts the first to its column, where it refuses the others.

    Raises Refused when a guard or the machine says no, and Moved when a row is no longer in the state it
    was read in. Then nothing is written and the rows in memory are no longer to be used.
    """
    batch: list[Row] = [rows] if isinstance(rows, models.Model) else list(rows)
    if not batch:
        return []
    model: type[models.Model] = type(batch[0])
    came_from: dict[str, list[Row]] = defaultdict(list)
    entries: list[AuditEntry] = []
    for row in batch:
        source = str(row.state)  # type: ignore[attr-defined]
        try:
            getattr(row, event)()
        except TransitionNotAllowed:
            raise Refused(_not_allowed(row, event, source)) from None
        came_from[source].append(row)
        entries.append(
            audit.entry_for(
                actor,
                row,
                event,
                from_state=source,
                to_state=str(row.state),  # type: ignore[attr-defined]
                reason=reason,
                details=details(row) if details else None,
            )
        )
    with transaction.atomic():
        for source, group in came_from.items():
            _write(model, source, group, save)
        AuditEntry.objects.bulk_create(entries)
    return batch


def _write(model: type[models.Model], source: str, group: list[Row], save: Sequence[str]) -> None:
    stored = model._base_manager.filter(state=source)
    if len(group) == 1:
        changes = {name: getattr(group[0], name) for name in ("state", *save)}
        written = stored.filter(pk=group[0].pk).update(**changes)
    else:
        target = group[0].state  # type: ignore[attr-defined]
        written = stored.filter(pk__in=[row.pk for row in group]).update(state=target)
        if save and written == len(group):
            pgbulk.update(model._base_manager.all(), group, list(save))
    if written != len(group):
        raise Moved(f"This {model._meta.verbose_name} has changed meanwhile. Open it again and look.")


def _not_allowed(row: models.Model, event: str, source: str) -> str:
    why = getattr(row, "why_not", None)
    sentence = why(event) if callable(why) else None
    return (
        sentence
        or f"This {row._meta.verbose_name} is {source.replace('_', ' ')}: it cannot be “{event.replace('_', ' ')}”."
    )


@dataclass(frozen=True, slots=True)
class Edge:
    """One line of a machine's table."""

    source: str
    event: str
    target: str
    who: str
    guards: tuple[str, ...]


def edges(model: type[models.Model]) -> list[Edge]:
    """The machine of a model as read from its transition methods, in the order of its states."""
    field = model._meta.get_field("state")
    assert isinstance(field, FSMField)
    order = [value for value, _ in field.choices or ()]
    found = [
        Edge(
            str(item.source),
            item.name,
            str(item.target),
            item.custom.get("who", ""),
            tuple(guard.__doc__ or guard.__name__ for guard in item.conditions),
        )
        for item in field.get_all_transitions(model)
    ]
    return sorted(found, key=lambda edge: (order.index(edge.source), edge.event, order.index(edge.target)))
