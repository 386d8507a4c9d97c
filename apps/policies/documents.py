"""Boundaries as YAML, so that they can live in git: a version written out, and read back with line numbers in errors.

    boundary: Lenient returns
    currency: USD
    rules:
      - for: refund_exception
        when: [order.days_past_window between 1 and 15, "customer.tier in gold, vip"]
        then: autonomous
        action: refund
        ceiling: 100.00

A condition is one line: fact, operator, value; `<=` and `>=` are read as ≤ and ≥, money is `100.00 USD`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from django.contrib.auth.models import User
from django.db import transaction

from apps.policies import editing, releases
from apps.policies.document_reader import BadDocument, read
from apps.policies.errors import Refused
from apps.policies.models import Boundary, BoundaryVersion, Guardrail, Rule
from apps.policies.operators import OPERATORS
from apps.policies.words import Seniority

__all__ = ["STARTERS", "BadDocument", "import_draft", "meaning", "read", "starter", "to_yaml"]


def to_yaml(version: BoundaryVersion) -> str:
    """The version as text that `read` reads back to the same content."""
    data: dict[str, Any] = {"boundary": version.boundary.name, "currency": version.boundary.currency}
    if version.parent is not None:
        data["parent"] = {"boundary": version.parent.boundary.name, "version": version.parent.number}
    if version.note:
        data["note"] = version.note
    data["rules"] = [_rule_out(rule) for rule in version.rules.all()]
    data["guardrails"] = [_guardrail_out(guardrail) for guardrail in version.guardrails.all()]
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)


def _rule_out(rule: Rule) -> dict[str, Any]:
    found: dict[str, Any] = {"for": rule.case_type}
    if rule.conditions:
        found["when"] = [_condition_out(raw) for raw in rule.conditions]
    found["then"] = rule.handler
    if rule.action:
        found["action"] = rule.action
    if rule.ceiling is not None:
        found["ceiling"] = str(rule.ceiling)
    if rule.seniority != Seniority.ANY:
        found["seniority"] = rule.seniority
    if rule.due_minutes is not None:
        found["due_minutes"] = rule.due_minutes
    return found


def _guardrail_out(row: Guardrail) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": row.kind}
    if row.conditions:
        found["when"] = [_condition_out(raw) for raw in row.conditions]
    for name, value in (("actions", row.actions), ("types", row.case_types)):
        if value:
            found[name] = list(value)
    for name, number in (("amount", row.amount), ("count", row.count), ("floor", row.floor), ("target", row.target)):
        if number is not None:
            found[name] = number if isinstance(number, int) else str(number)
    if row.days != 1:
        found["days"] = row.days
    if row.kind == Guardrail.Kind.VELOCITY:
        found["per"] = row.per
    for name, at in (("from", row.quiet_from), ("to", row.quiet_to)):
        if at is not None:
            found[name] = f"{at:%H:%M}"
    if row.seniority != Seniority.ANY:
        found["seniority"] = row.seniority
    if row.hard:
        found["hard"] = True
    return found


def _condition_out(raw: Mapping[str, Any]) -> str:
    sign: str = raw["operator"]
    value: Any = raw.get("value")
    operand = OPERATORS[sign].operand if sign in OPERATORS else "one"
    if operand == "none":
        return f"{raw['fact']} {sign}"
    if operand == "many":
        return f"{raw['fact']} {sign} {', '.join(value)}"
    if operand == "two":
        return f"{raw['fact']} {sign} {_value_out(value[0])} and {_value_out(value[1])}"
    return f"{raw['fact']} {sign} {_value_out(value)}"


def _value_out(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{value['amount']} {value['currency']}"
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


STARTERS = ("cautious", "standard", "lenient")
"""Boundaries for a new brand without a history, from the narrowest to the widest; each says in its note what it means."""


def starter(name: str, *, boundary: str = "", currency: str = "USD") -> str:
    """A starter as text, for a boundary of this name. Raises KeyError for one that there is not."""
    if name not in STARTERS:
        raise KeyError(name)
    text = (Path(__file__).parent / "starters" / f"{name}.yaml").read_text(encoding="utf-8")
    first, _, rest = text.split("\n", 2)
    title = json.dumps(boundary, ensure_ascii=False) if boundary else first.removeprefix("boundary: ")
    return f"boundary: {title}\ncurrency: {currency}\n{rest}"


def meaning(name: str) -> str:
    """What a starter means, in words."""
    return read(starter(name)).note


def import_draft(user: User, text: str) -> BoundaryVersion:
    """A new draft from a text; the boundary is made when it is missing. Raises BadDocument, or Refused."""
    document = read(text)
    with transaction.atomic():
        boundary, _ = Boundary.objects.get_or_create(name=document.name, defaults={"currency": document.currency})
        if boundary.currency != document.currency:
            raise Refused(f"{boundary} is in {boundary.currency}: the currency of a boundary never changes.")
        version = releases.empty_draft(user, boundary)
        if document.parent is not None:
            name, number = document.parent
            parent = BoundaryVersion.objects.filter(boundary__name=name, number=number).first()
            if parent is None:
                raise Refused(f"There is no version {number} of {name} to inherit from.")
            editing.set_parent(user, version, parent)
        for fields in document.rules:
            editing.save(user, Rule(version=version, **fields))
        for fields in document.guardrails:
            editing.save(user, Guardrail(version=version, **fields))
        if document.note:
            editing.annotate(user, version, document.note)
    return BoundaryVersion.objects.select_related("boundary", "parent").get(pk=version.pk)
