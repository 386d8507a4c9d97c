"""The simulator: what a version would say to facts that somebody typed or loaded from a past case, with its trace."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from apps.policies.conditions import BadCondition, read_value
from apps.policies.errors import Invalid
from apps.policies.facts import VOCABULARY, FactSpec, Value, is_possible
from apps.policies.gate import CompiledPolicy, Verdict
from apps.policies.gate_words import step_in_words
from apps.policies.models import BoundaryVersion
from apps.policies.money import BadAmount, Money, exact_amount
from apps.policies.specs import Proposal
from apps.policies.words import Action, CaseType

SHORT = 40  # characters, or digits, of a value that may be held
_TYPES, _ACTIONS = frozenset(CaseType.values), frozenset(Action.values)


@dataclass(frozen=True, slots=True)
class Asked:
    """A case to try: its type, the AI's proposal, and the facts that are known."""

    case_type: str
    proposal: Proposal
    facts: dict[str, Value | None]


def read(data: Mapping[str, Any]) -> Asked:
    """`{case_type, action, amount: {amount, currency}, discloses_order, facts: {name: value}}` as values.

    Raises Invalid naming each field and why. What is not given is unknown.
    """
    errors: dict[str, list[str]] = {}
    for name in sorted(set(data) - {"case_type", "action", "amount", "discloses_order", "facts"}):
        errors[name] = ["There is no such field; use case_type, action, amount, discloses_order, facts."]
    case_type, action = str(data.get("case_type", "")), str(data.get("action", ""))
    if case_type not in _TYPES:
        errors["case_type"] = [f"Use one of {', '.join(CaseType.values)}."]
    if action not in _ACTIONS:
        errors["action"] = [f"Use one of {', '.join(Action.values)}."]
    amount = _amount(data.get("amount"), errors)
    discloses = data.get("discloses_order", False)
    if not isinstance(discloses, bool):
        errors["discloses_order"] = ["Use true or false."]
    given = data.get("facts", {})
    facts: dict[str, Value | None] = {}
    if not isinstance(given, Mapping):
        errors["facts"] = ["Send an object of names and values."]
    else:
        for name, raw in given.items():
            spec = VOCABULARY.get(name)
            if spec is None:
                errors[f"facts.{name}"] = ["There is no such fact."]
            elif raw is not None:
                try:
                    facts[spec.name] = _value(name, raw) if _is_short(raw) else _possible(spec, raw)
                except BadCondition as error:
                    errors[f"facts.{name}"] = [str(error)]
    if errors:
        raise Invalid(errors)
    return Asked(case_type, Proposal(action, amount, (), bool(discloses)), facts)


def _amount(raw: object, errors: dict[str, list[str]]) -> Money | None:
    if raw is None:
        return None
    if not isinstance(raw, Mapping) or not isinstance(raw.get("currency"), str) or len(raw["currency"]) != 3:
        errors["amount"] = ['Send an amount and a currency, like {"amount": "84.50", "currency": "USD"}.']
        return None
    try:
        return Money(exact_amount(raw.get("amount")), raw["currency"])
    except BadAmount as error:
        errors["amount"] = [str(error)]
        return None


def _is_short(raw: object) -> bool:
    return (isinstance(raw, int) and abs(raw) < 10**SHORT) or (isinstance(raw, str) and len(raw) <= SHORT)


@lru_cache(maxsize=50_000, typed=True)
def _value(name: str, raw: str | int) -> Value:
    """Of what stands in many cases: each is read, and held, once."""
    return _possible(VOCABULARY[name], raw)


def _possible(spec: FactSpec, raw: object) -> Value:
    value = read_value(spec, raw)
    if not is_possible(spec, value):
        raise BadCondition(f"{spec.label} cannot be that.")
    return value


class Ruled(Protocol):
    """What is read of a ruling here."""

    @property
    def case_type(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def proposal(self) -> Any: ...
    @property
    def facts(self) -> Any: ...


def of_ruling(ruling: Ruled) -> dict[str, Any]:
    """A past ruling in the shape that `read` takes."""
    facts = {
        name: fact["value"] for name, fact in ruling.facts.items() if name in VOCABULARY and "unusable" not in fact
    }
    return {
        "case_type": ruling.case_type,
        "action": ruling.action,
        "amount": ruling.proposal["amount"],
        "discloses_order": ruling.proposal["discloses_order"],
        "facts": facts,
    }


def rule(version: BoundaryVersion | None, asked: Asked) -> Verdict | None:
    """What a version says, drafts too; None when there is no version."""
    if version is None:
        return None
    policy: CompiledPolicy = version.compile()
    return policy.rule(asked.case_type, asked.proposal, asked.facts)


def ruling_as_json(version: BoundaryVersion | None, asked: Asked) -> dict[str, Any]:
    verdict = rule(version, asked)
    if version is None or verdict is None:
        return {"version": None, "handler": "human", "rule": None, "refused_by": "no boundary", "trace": []}
    said = verdict.as_json()
    rows = version.rows_by_key()
    trace = [step_in_words(step.key, step.outcome, step.condition, rows) for step in verdict.trace]
    return {
        "version": version.number,
        "content_hash": version.current_hash(),
        **{name: said[name] for name in ("handler", "seniority", "rule", "due_minutes", "refused_by")},
        "trace": trace,
    }
