"""What the page of a boundary version shows: its rules by type as sentences, its steps, and what can be done now."""

from itertools import groupby
from typing import Any

from django.contrib.auth.models import User

from apps.policies.checking import problems_of, problems_of_rule
from apps.policies.models import AuditEntry, BoundaryVersion, Guardrail, Rule
from apps.policies.sentences import conditions_in_words, guardrail_sentence
from apps.policies.words import Action, CaseType

_S = BoundaryVersion.State
_STEPS = (
    (_S.DRAFT, "Draft"),
    (_S.IN_REVIEW, "Review"),
    (_S.APPROVED, "Approved"),
    (_S.SHADOW, "Shadow"),
    (_S.ACTIVE, "Active"),
)


def version_context(user: User, version: BoundaryVersion) -> dict[str, Any]:
    draft = version.state == _S.DRAFT
    mine = version.contributors.filter(pk=user.pk).exists()
    return {
        "title": f"{version.boundary}, version {version.number}",
        "version": version,
        "brands": list(version.boundary.partner_set.values_list("name", flat=True)),
        "replaces": None if version.state in (_S.ACTIVE, _S.RETIRED) else version.boundary.active_version,
        "steps": _steps(version),
        "groups": _groups(version),
        "guardrails": [{"row": row, "sentence": guardrail_sentence(row)} for row in _guardrails(version)],
        "problems": problems_of(version) if draft else [],
        "may_edit": draft and user.has_perm("policies.change_boundaryversion"),
        "may_submit": draft and user.has_perm("policies.change_boundaryversion"),
        "may_approve": version.state == _S.IN_REVIEW and user.has_perm("policies.approve_boundaryversion"),
        "worked_on_it": mine,
        "may_activate": version.state in (_S.APPROVED, _S.SHADOW)
        and user.has_perm("policies.activate_boundaryversion"),
        "may_reject": version.state in (_S.IN_REVIEW, _S.APPROVED, _S.SHADOW)
        and user.has_perm("policies.change_boundaryversion"),
        "may_draft": user.has_perm("policies.add_boundaryversion"),
        "history": AuditEntry.objects.filter(
            subject_type="policies.boundaryversion", subject_id=str(version.pk)
        ).order_by("-id")[:40],
        "contributors": list(version.contributors.all()),
    }


def _steps(version: BoundaryVersion) -> list[dict[str, str]]:
    states = [state for state, _ in _STEPS]
    if version.state == _S.RETIRED:
        return [{"label": label, "place": "done"} for _, label in _STEPS] + [{"label": "Retired", "place": "now"}]
    here = states.index(_S(version.state))
    return [
        {"label": label, "place": "done" if index < here else "now" if index == here else "later"}
        for index, (_, label) in enumerate(_STEPS)
    ]


def _groups(version: BoundaryVersion) -> list[dict[str, Any]]:
    """Rules by type, each type in the order of its first rule."""
    rules = list(version.rules.select_related("version__boundary"))
    first: dict[str, int] = {}
    for rule in rules:
        first.setdefault(rule.case_type, rule.position)
    rules.sort(key=lambda rule: (first[rule.case_type], rule.position))
    return [
        {"label": CaseType(case_type).label, "rules": [_rule(rule) for rule in group]}
        for case_type, group in groupby(rules, key=lambda rule: rule.case_type)
    ]


def _rule(rule: Rule) -> dict[str, Any]:
    action = Action(rule.action).label if rule.action else "–"
    if rule.ceiling is not None:
        action = f"{action} ≤ {rule.ceiling:,.2f}"
    return {
        "row": rule,
        "conditions": conditions_in_words(rule),
        "action": action,
        "problems": problems_of_rule(rule) if rule.version.state == _S.DRAFT else [],
    }


def _guardrails(version: BoundaryVersion) -> list[Guardrail]:
    return list(version.guardrails.select_related("version__boundary"))
