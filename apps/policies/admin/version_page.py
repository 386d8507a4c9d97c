"""What the page of a boundary version shows: its rules by type as sentences, its steps, and what can be done now."""

from itertools import groupby
from typing import Any

from django.contrib.auth.models import User

from apps.policies import replaying, shadowing
from apps.policies.admin.base import brands_in_words
from apps.policies.checking import children_of, problems_of, problems_of_rule, unreadable, verification_of
from apps.policies.differences import type_in_words
from apps.policies.models import AuditEntry, BoundaryVersion, Guardrail, Replay, Rule, rules_only_brands_of
from apps.policies.sentences import conditions_in_words, guardrail_sentence, sentence_of
from apps.policies.verification import HOLDS, NOTE, PROBLEM, WARNING
from apps.policies.version_diff import changes_in_words
from apps.policies.words import Action, CaseType

_S = BoundaryVersion.State
_STEPS = ("Draft", "Verified", "Replayed", "Review", "Approved", "Shadow", "Active")
_AFTER_DRAFT = {_S.IN_REVIEW: "Review", _S.APPROVED: "Approved", _S.SHADOW: "Shadow", _S.ACTIVE: "Active"}


def version_context(user: User, version: BoundaryVersion) -> dict[str, Any]:
    draft = version.state == _S.DRAFT
    covered = rules_only_brands_of(user, version.boundary)
    may_change = covered and user.has_perm("policies.change_boundaryversion")
    may_activate = covered and user.has_perm("policies.activate_boundaryversion")
    may_approve = covered and user.has_perm("policies.approve_boundaryversion")
    problems = problems_of(version) if draft else []
    verification = None if unreadable(version) else verification_shown(version)
    replay = replaying.latest(version)
    widens = verification is None or bool(verification["widens"])
    return {
        "title": f"{version.boundary}, version {version.number}",
        "version": version,
        "release_hash": version.release_hash() if verification else "",
        "brands": brands_in_words(version.boundary, user),
        "replaces": None if version.state in (_S.ACTIVE, _S.RETIRED) else version.boundary.active_version,
        "steps": _steps(version, not problems, replay),
        "groups": _groups(version),
        "guardrails": _guardrails(version, verification),
        "inherited": _inherited(version),
        "parents": _possible_parents(version) if draft else [],
        "children": _children(version),
        "problems": problems,
        "verification": verification,
        "widens": widens,
        "replay": replay,
        "replay_missing": draft and widens and replaying.is_missing(version),
        "may_edit": draft and may_change,
        "may_replay": may_change,
        "may_submit": draft and may_change,
        "may_tighten": draft and may_change and may_activate and not widens and not problems,
        "may_approve": version.state == _S.IN_REVIEW and may_approve,
        "worked_on_it": version.contributors.filter(pk=user.pk).exists(),
        "may_activate": version.state in (_S.APPROVED, _S.SHADOW) and may_activate,
        "may_shadow": version.state == _S.APPROVED and may_activate,
        "may_raise": version.state == _S.ACTIVE and version.share < 100 and may_activate,
        "may_roll_back": version.state == _S.RETIRED and may_change and may_activate,
        "may_reject": version.state in (_S.IN_REVIEW, _S.APPROVED, _S.SHADOW) and may_change,
        "may_draft": covered and user.has_perm("policies.add_boundaryversion"),
        "shadow": shadowing.report(version) if version.shadow_rulings.exists() else None,
        "history": AuditEntry.objects.filter(
            subject_type="policies.boundaryversion", subject_id=str(version.pk)
        ).order_by("-id")[:40],
        "contributors": list(version.contributors.all()),
    }


def verification_shown(version: BoundaryVersion) -> dict[str, Any] | None:
    """What verification says: of a draft as it is now, of any other version as it was kept when it was submitted."""
    found = verification_of(version).as_json() if version.state == _S.DRAFT else version.verification
    if found is None:
        return None
    return {
        **found,
        "problems": [finding for finding in found["findings"] if finding["weight"] == PROBLEM],
        "warnings": [finding for finding in found["findings"] if finding["weight"] == WARNING],
        "notes": [finding for finding in found["findings"] if finding["weight"] == NOTE],
        "wider": [_change(change) for change in found["changes"] if change["widens"]],
        "narrower": [_change(change) for change in found["changes"] if not change["widens"]],
    }


def _change(change: dict[str, Any]) -> dict[str, Any]:
    return {**change, "type": type_in_words(change["case_type"])}


def _steps(version: BoundaryVersion, verified: bool, replay: Replay | None) -> list[dict[str, str]]:
    if version.state == _S.RETIRED:
        return [{"label": label, "place": "done"} for label in _STEPS] + [{"label": "Retired", "place": "now"}]
    done = {"Draft": True, "Verified": verified, "Replayed": bool(replay and replay.status == Replay.Status.DONE)}
    if version.state == _S.DRAFT:
        here = next((label for label, is_done in done.items() if not is_done), "Replayed")
    else:
        here = _AFTER_DRAFT[_S(version.state)]
        done |= dict.fromkeys(_STEPS[3 : _STEPS.index(here)], True)
    return [
        {"label": label, "place": "now" if label == here else "done" if done.get(label) else "later"}
        for label in _STEPS
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


def _guardrails(version: BoundaryVersion, verification: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Each as a sentence, and whether a rule would break it without its tightening."""
    held = {f["about"] for f in verification["findings"] if f["kind"] == HOLDS} if verification else set()
    rows = version.guardrails.select_related("version__boundary")
    return [
        {"row": row, "sentence": guardrail_sentence(row), "standing": _standing(row, held, verification)}
        for row in rows
    ]


def _standing(row: Guardrail, held: set[str], verification: dict[str, Any] | None) -> str:
    if row.kind not in (Guardrail.Kind.NEVER, Guardrail.Kind.CEILING):
        return "counted"
    if verification is None or verification["not_proved"]:
        return "not proved"
    return "holds back" if f"guardrail {row.position}" in held else "proved"


def _possible_parents(version: BoundaryVersion) -> list[BoundaryVersion]:
    active = BoundaryVersion.objects.filter(state=_S.ACTIVE, boundary__currency=version.boundary.currency)
    return list(active.exclude(boundary=version.boundary).select_related("boundary").order_by("boundary__name"))


def _children(version: BoundaryVersion) -> list[dict[str, Any]]:
    """Boundaries that inherit from this one, and what they would become by following this version."""
    if version.state == _S.RETIRED or unreadable(version):
        return []
    return [
        {"version": child.version, "widens": child.verification.widens, "problems": child.verification.problems,
         "changes": changes_in_words(child.verification)[:5]}
        for child in children_of(version)
    ]  # fmt: skip


def _inherited(version: BoundaryVersion) -> list[dict[str, str]]:
    """What comes from the parent and applies here: its rules of types that this version leaves to it, its guardrails."""
    if version.parent is None:
        return []
    own = set(version.rules.values_list("case_type", flat=True))
    rows: list[Rule | Guardrail] = [rule for rule in version.parent.rules.all() if rule.case_type not in own]
    rows += list(version.parent.guardrails.all())
    return [{"sentence": sentence_of(row), "key": str(row)} for row in rows] + _inherited(version.parent)
