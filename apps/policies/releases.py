"""Releasing a boundary version: draft, submit, approve by another person, activate.

Every function takes the person who acts, raises Refused with a sentence when it may not be, and leaves audit
rows. Edits are allowed in drafts only, also by trigger.
"""

from django.contrib.auth.models import User
from django.db import models, transaction
from django.utils import timezone

from apps.policies import audit
from apps.policies.conditions import BadCondition
from apps.policies.errors import Refused
from apps.policies.facts import VOCABULARY
from apps.policies.machines import move
from apps.policies.models import Boundary, BoundaryVersion, Guardrail, Rule
from apps.policies.words import MONEY_ACTIONS, Handler


def draft_from(user: User, boundary: Boundary, source: BoundaryVersion | None = None) -> BoundaryVersion:
    """A new draft with the rules and guardrails of `source` (default: the active version)."""
    with transaction.atomic():
        Boundary.objects.select_for_update(no_key=True).get(pk=boundary.pk)
        source = source or boundary.active_version
        last = boundary.versions.aggregate(last=models.Max("number"))["last"] or 0
        version = BoundaryVersion.objects.create(boundary=boundary, number=last + 1)
        version.contributors.add(user)
        if source is not None:
            _copy_rows(source, version)
        reason = f"from version {source.number}" if source else "empty"
        audit.record(audit.person(user), version, "drafted", reason=reason)
    return version


def _copy_rows(source: BoundaryVersion, target: BoundaryVersion) -> None:
    for rows in (list(source.rules.all()), list(source.guardrails.all())):
        for row in rows:
            row.pk, row._state.adding, row.version = None, True, target
            row.save()


def submit(user: User, version: BoundaryVersion) -> BoundaryVersion:
    """Check every rule and hand the draft to a second person. Raises Refused naming the rule and why."""
    with transaction.atomic():
        version = _locked(version)
        problems = problems_of(version)
        if problems:
            raise Refused(" ".join(problems))
        move(version, "submit", actor=audit.person(user))
        version.contributors.add(user)
    return version


def approve(user: User, version: BoundaryVersion) -> BoundaryVersion:
    with transaction.atomic():
        version = _locked(version)
        version.approved_by, version.approved_hash = user, version.current_hash()
        move(
            version,
            "approve",
            actor=audit.person(user),
            save=("approved_by", "approved_hash"),
            details=lambda row: {"content_hash": row.approved_hash},
        )
    return version


def reject(user: User, version: BoundaryVersion, reason: str) -> BoundaryVersion:
    """Back to draft. What was approved no longer counts. Raises Refused without a reason."""
    if not reason.strip():
        raise Refused("Say what has to change: its authors will read it.")
    with transaction.atomic():
        version = _locked(version)
        version.approved_by, version.approved_hash = None, ""
        move(
            version,
            "reject",
            actor=audit.person(user),
            reason=reason.strip(),
            save=("approved_by", "approved_hash"),
        )
    return version


def activate(user: User, version: BoundaryVersion) -> BoundaryVersion:
    """Make an approved version the one that rules; the one before it is retired in the same transaction."""
    actor = audit.person(user)
    with transaction.atomic():
        Boundary.objects.select_for_update(no_key=True).get(pk=version.boundary_id)
        version = _locked(version)
        before = version.boundary.active_version
        if version.state == BoundaryVersion.State.APPROVED:
            move(version, "shadow", actor=actor, reason="no live shadow period was asked for")
        if before is not None:
            move(before, "retire", actor=actor, reason=f"replaced by version {version.number}")
        version.activated_at = timezone.now()
        move(version, "activate", actor=actor, save=("activated_at",))
    return version


def _locked(version: BoundaryVersion) -> BoundaryVersion:
    return BoundaryVersion.objects.select_for_update(no_key=True).select_related("boundary").get(pk=version.pk)


def problems_of(version: BoundaryVersion) -> list[str]:
    """What keeps a version from being submitted, a sentence each, naming the rule."""
    found = [problem for rule in version.rules.all() for problem in problems_of_rule(rule)]
    return found + [problem for rail in version.guardrails.all() for problem in problems_of_guardrail(rail)]


def problems_of_guardrail(guardrail: Guardrail) -> list[str]:
    name = f"Guardrail {guardrail.position}" if guardrail.position else "This guardrail"
    try:
        conditions = guardrail.parsed_conditions()
    except BadCondition as error:
        return [f"{name}: {error}"]
    if guardrail.kind == Guardrail.Kind.NEVER and not conditions:
        return [f"{name} has no condition: it would stop everything. Use a pause for that."]
    return []


def problems_of_rule(rule: Rule) -> list[str]:
    name = f"Rule {rule.position}" if rule.position else "This rule"
    try:
        conditions = rule.parsed_conditions()
    except BadCondition as error:
        return [f"{name}: {error}"]
    found = []
    if rule.handler == Handler.AUTONOMOUS:
        said = [VOCABULARY[c.fact].label for c in conditions if not VOCABULARY[c.fact].grants]
        if said:
            found.append(
                f"{name} lets the AI act because of {', '.join(said)}, which the customer writes. "
                "Such a fact may only restrict: move it to a rule for people, or to a guardrail."
            )
        if not rule.action:
            found.append(f"{name} lets the AI act but names no action.")
        if rule.action in MONEY_ACTIONS and rule.ceiling is None:
            found.append(f"{name} lets the AI give money without a ceiling. Set one.")
    return found
