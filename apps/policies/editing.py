"""Editing a draft: every change names its author, who can then not approve the version, and leaves an audit row."""

from typing import Any

from django.contrib.auth.models import User
from django.db import models, transaction

from apps.policies import audit
from apps.policies.errors import Refused
from apps.policies.models import Boundary, BoundaryVersion, Guardrail, Rule, rules_only_brands_of
from apps.policies.sentences import sentence_of

Row = Rule | Guardrail
MOST_GENERATIONS = 5


def save(user: User, row: Row, *, seen: int | None = None) -> None:
    """Add or change a rule or guardrail of a draft. `seen` is the revision that the person edited.

    Raises Refused when the version is no draft any more, or when somebody else saved the row meanwhile.
    """
    with transaction.atomic():
        version = _draft(user, row.version_id)
        if row.pk is not None:
            stored = type(row)._default_manager.filter(pk=row.pk).first()
            _not_overwritten(row, stored, seen)
            row.revision = stored.revision + 1 if stored else 1
        event = "rule_changed" if row.pk else "rule_added"
        if row.pk is None:
            last = (
                type(row)._default_manager.filter(version=version).aggregate(last=models.Max("position"))["last"] or 0
            )
            row.position = last + 1
        row.save()
        if event == "rule_added" and isinstance(row, Rule):
            _put_with_its_type(row)
        _edited(user, version, event, row)


def _put_with_its_type(added: Rule) -> None:
    """Number the rules anew, so that those of one type stand together, and the added one last among its own."""
    rules = list(Rule.objects.filter(version_id=added.version_id))
    first: dict[str, int] = {}
    for rule in rules:
        first.setdefault(rule.case_type, rule.position)
    rules.sort(key=lambda rule: (first[rule.case_type], rule.position))
    for position, rule in enumerate(rules, start=1):
        rule.position = position
    Rule.objects.bulk_update(rules, ["position"])
    added.position = next(rule.position for rule in rules if rule.pk == added.pk)


def _not_overwritten(row: Row, stored: Row | None, seen: int | None) -> None:
    if stored is None:
        raise Refused(f"Somebody deleted this meanwhile. What you wrote: {sentence_of(row)}")
    if seen is not None and stored.revision != seen:
        raise Refused(
            f"Somebody saved this meanwhile, so yours was not saved. It says now: {sentence_of(stored)} "
            f"What you wrote: {sentence_of(row)} Open it again to change what it says now."
        )


def delete(user: User, row: Row) -> None:
    with transaction.atomic():
        version = _draft(user, row.version_id)
        _edited(user, version, "rule_deleted", row)
        row.delete()


def move(user: User, row: Row, *, up: bool) -> None:
    """Change places with the neighbour of the same type; at the end of the list nothing happens."""
    with transaction.atomic():
        version = _draft(user, row.version_id)
        neighbours = _siblings(row)
        if up:
            other = neighbours.filter(position__lt=row.position).order_by("-position").first()
        else:
            other = neighbours.filter(position__gt=row.position).order_by("position").first()
        if other is None:
            return
        row.position, other.position = other.position, row.position
        row.save(update_fields=["position"])
        other.save(update_fields=["position"])
        _edited(user, version, "rule_moved", row)


def annotate(user: User, version: BoundaryVersion, note: str) -> None:
    """Say what a draft changes and why."""
    with transaction.atomic():
        locked = _draft(user, version.pk)
        locked.note = note
        locked.save(update_fields=["note"])
        locked.contributors.add(user)
        audit.record(audit.person(user), locked, "note_changed", reason=note)


def set_parent(user: User, version: BoundaryVersion, parent: BoundaryVersion | None) -> None:
    """Let a draft inherit from a released version of another boundary, or from none.

    Raises Refused for a version that is not released, of another currency, or that inherits from this boundary.
    """
    with transaction.atomic():
        locked = _draft(user, version.pk)
        if parent is not None:
            _may_inherit(locked, parent)
        locked.parent = parent
        locked.save(update_fields=["parent"])
        locked.contributors.add(user)
        audit.record(audit.person(user), locked, "parent_changed", reason=str(parent or "none"))


def delete_boundary(user: User, boundary: Boundary) -> None:
    """Delete a boundary that nobody uses. Raises Refused, naming who does, or what has to stay on record."""
    within_remit(user, boundary)
    users = [partner.name for partner in boundary.partner_set.all()]
    if users:
        raise Refused(
            f"{', '.join(users)} use{'s' if len(users) == 1 else ''} this boundary. Give them another one first."
        )
    heirs = Boundary.objects.filter(versions__parent__boundary=boundary).distinct()
    if heirs:
        raise Refused(f"{', '.join(heir.name for heir in heirs)} inherit from this boundary.")
    if boundary.versions.exists():
        raise Refused(
            "This boundary has versions, and who worked on them stays on record. Give it another name instead."
        )
    with transaction.atomic():
        audit.record(audit.person(user), boundary, "deleted", reason=boundary.name)
        boundary.delete()


def within_remit(user: User, boundary: Boundary) -> None:
    """Raises Refused to somebody whose remit leaves out a brand that the boundary rules."""
    if not rules_only_brands_of(user, boundary):
        raise Refused(f"{boundary} rules brands outside your remit: somebody who has all of them may change it.")


def _may_inherit(version: BoundaryVersion, parent: BoundaryVersion) -> None:
    if parent.state not in (BoundaryVersion.State.ACTIVE, BoundaryVersion.State.RETIRED):
        raise Refused(f"{parent} was never released: only a released version can be a parent.")
    if parent.boundary.currency != version.boundary.currency:
        raise Refused(
            f"{parent} is in {parent.boundary.currency}, and {version.boundary} in {version.boundary.currency}."
        )
    ancestor: BoundaryVersion | None = parent
    for _ in range(MOST_GENERATIONS):
        if ancestor is None:
            return
        if ancestor.boundary_id == version.boundary_id:
            raise Refused(f"{parent} inherits from {version.boundary} itself: that would be a circle.")
        ancestor = ancestor.parent
    raise Refused(f"At most {MOST_GENERATIONS} generations of boundaries inherit from each other.")


def _siblings(row: Row) -> models.QuerySet[Any]:
    """The rows of its version that it changes places with: for a rule those of its type."""
    if isinstance(row, Rule):
        return Rule.objects.filter(version_id=row.version_id, case_type=row.case_type)
    return Guardrail.objects.filter(version_id=row.version_id)


def _draft(user: User, version_id: int) -> BoundaryVersion:
    version = (
        BoundaryVersion.objects.select_for_update(no_key=True, of=("self",))
        .select_related("boundary")
        .get(pk=version_id)
    )
    within_remit(user, version.boundary)
    if version.state != BoundaryVersion.State.DRAFT:
        raise Refused(
            f"{version} is {version.get_state_display().lower()}: only a draft can be edited. Make a new draft."
        )
    return version


def _edited(user: User, version: BoundaryVersion, event: str, row: Row) -> None:
    version.contributors.add(user)
    kind = "rule" if isinstance(row, Rule) else "guardrail"
    details = {"row": kind, "position": row.position, "conditions": row.conditions}
    audit.record(audit.person(user), version, event, reason=sentence_of(row), details=details)
