"""What a version says, as values: rules, guardrails and limits, the proposal they rule on, and their hash."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

from apps.policies.conditions import Condition
from apps.policies.money import Money
from apps.policies.words import WORDS_ONLY, Action, CaseType, Handler, Seniority


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the AI wants to do. `discloses_order` is true when the reply tells anything about the order."""

    action: str
    amount: Money | None = None
    lines: tuple[str, ...] = ()
    discloses_order: bool = False

    def as_json(self) -> dict[str, object]:
        return {
            "action": self.action,
            "amount": None
            if self.amount is None
            else {"amount": str(self.amount.amount), "currency": self.amount.currency},
            "lines": list(self.lines),
            "discloses_order": self.discloses_order,
        }


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """One rule. Every condition is required; an alternative is another rule. `ramp` names what limits a new grant to a part
    of its cases at first (`lots.py`)."""

    key: str
    case_type: str
    conditions: tuple[Condition, ...] = ()
    handler: str = Handler.HUMAN.value
    action: str = ""
    ceiling: Money | None = None
    seniority: str = Seniority.ANY.value
    due_minutes: int | None = None
    ramp: int | None = None

    def as_json(self) -> dict[str, object]:
        return {
            "key": self.key,
            "case_type": self.case_type,
            "conditions": [condition.as_json() for condition in self.conditions],
            "handler": self.handler,
            "action": self.action,
            "ceiling": str(self.ceiling) if self.ceiling else None,
            "seniority": self.seniority,
            "due_minutes": self.due_minutes,
            **({"ramp": self.ramp} if self.ramp is not None else {}),
        }

    def named_by_content(self) -> str:
        """The same, in 32 characters, for rules that let the AI do the same, whatever their place and version."""
        conditions = sorted(canonical_json(condition.as_json()) for condition in self.conditions)
        said = [self.case_type, self.handler, self.action, str(self.ceiling), self.seniority, conditions]
        return hashlib.sha256(canonical_json(said).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class GuardrailSpec:
    """What no rule may exceed: fires when all conditions hold, or when the amount is over the ceiling.

    `actions` and `case_types` limit where it looks; empty means everywhere. A guardrail with a ceiling
    fires above it; one without fires on its conditions alone. `hard` changes nothing when ruling: it keeps a draft
    whose rules go beyond the guardrail from being submitted.
    """

    key: str
    conditions: tuple[Condition, ...] = ()
    ceiling: Money | None = None
    actions: frozenset[str] = frozenset()
    case_types: frozenset[str] = frozenset()
    handler: str = Handler.HUMAN.value
    seniority: str = Seniority.ANY.value
    order_data_only: bool = False
    hard: bool = False

    def as_json(self) -> dict[str, object]:
        return {
            "key": self.key,
            "conditions": [condition.as_json() for condition in self.conditions],
            "ceiling": str(self.ceiling) if self.ceiling else None,
            "actions": sorted(self.actions),
            "case_types": sorted(self.case_types),
            "handler": self.handler,
            "seniority": self.seniority,
            "order_data_only": self.order_data_only,
            "hard": self.hard,
        }

    def in_words(self) -> str:
        """As a sentence: "Never AI alone to refund when said in public is yes; a senior decides." """
        parts = [condition.in_words() for condition in self.conditions]
        when = " when " + " and ".join(parts) if parts else ""
        what, where = _actions_in_words(self.actions), _types_in_words(self.case_types)
        if self.ceiling is not None:
            return f"Never more than {self.ceiling} at once for {what or 'anything'}{when}{where}."
        senior = "; a senior decides" if self.seniority == Seniority.SENIOR else ""
        return f"Never AI alone{f' to {what}' if what else ''}{when}{senior}{where}."

    def says_the_same(self, other: "GuardrailSpec") -> bool:
        """Equal but for the key, which is only its place in the version."""
        return replace(self, key="") == replace(other, key="")


def _actions_in_words(actions: frozenset[str]) -> str:
    return ", ".join(sorted(Action(action).label.lower() for action in actions))


def _types_in_words(case_types: frozenset[str]) -> str:
    return f" ({', '.join(sorted(CaseType(case_type).label for case_type in case_types))})" if case_types else ""


@dataclass(frozen=True, slots=True)
class LimitSpec:
    """A limit that the gate cannot read from one case. `interactions/checks.py` and the ledger ask these; they belong
    to the version, so they are part of its hash.

    "budget": at most `amount` within `days` for each brand. "velocity": at most `count` times, and `amount` of money,
    within `days` for each customer, address or payment token (`per`). "confidence": not below `floor`. "quiet": not
    from `hours[0]` to `hours[1]`, minutes after midnight in the partner's time zone. "error": what learning lets the AI do is
    wrong in at most `target` of the cases, where `amount` or more may be at stake.
    """

    key: str
    kind: str
    actions: frozenset[str] = frozenset()
    case_types: frozenset[str] = frozenset()
    amount: Money | None = None
    floor: Decimal | None = None
    days: int = 1
    count: int | None = None
    per: str = "brand"
    hours: tuple[int, int] | None = None
    target: Decimal | None = None

    def in_words(self) -> str:
        """As a sentence: "Never more than 2,000.00 USD a day and brand for refund." """
        where = _types_in_words(self.case_types)
        if self.kind == "confidence":
            return f"Never AI alone when less sure than {self.floor}{where}."
        if self.kind == "quiet" and self.hours is not None:
            start, end = (f"{minutes // 60:02}:{minutes % 60:02}" for minutes in self.hours)
            doing = f" to {what}" if (what := _actions_in_words(self.actions)) else ""
            return f"Never AI alone{doing} from {start} to {end} in the brand's time zone{where}."
        what = _actions_in_words(self.actions) or "anything"
        if self.kind == "error" and self.target is not None:
            stake = f" from {self.amount} on" if self.amount else ""
            return f"Never wrong in more than {float(self.target):.2%} of what was learnt, for {what}{stake}{where}."
        times = f"{self.count} time{'s' if self.count != 1 else ''}" if self.count is not None else ""
        most = " or ".join(part for part in (times, str(self.amount) if self.amount else "") if part)
        within = "a day" if self.days == 1 else f"in {self.days} days"
        return f"Never more than {most} {within} and {_PER[self.per]} for {what}{where}."

    def says_the_same(self, other: "LimitSpec") -> bool:
        """Equal but for the key."""
        return replace(self, key="") == replace(other, key="")

    def quiet_minutes(self) -> frozenset[int]:
        """The minutes of the day, from midnight on, in which the AI is quiet; the hours may run over midnight."""
        if self.hours is None:
            return frozenset()
        start, end = self.hours
        return frozenset(range(start, end) if start <= end else (*range(start, 1440), *range(end)))

    def looks_at(self, case_type: str, action: str) -> bool:
        """Budgets and velocity count what is done; words alone are not counted."""
        if self.kind in ("budget", "velocity") and action in WORDS_ONLY:
            return False
        return (not self.case_types or case_type in self.case_types) and (not self.actions or action in self.actions)

    def as_json(self) -> dict[str, object]:
        """A target is there only where one is said, so that what was hashed before there were any keeps its hash."""
        said: dict[str, object] = {
            "key": self.key,
            "kind": self.kind,
            "actions": sorted(self.actions),
            "case_types": sorted(self.case_types),
            "amount": str(self.amount) if self.amount else None,
            "floor": str(self.floor) if self.floor is not None else None,
            "days": self.days,
            "count": self.count,
            "per": self.per,
            "hours": list(self.hours) if self.hours else None,
        }
        if self.target is not None:
            said["target"] = str(self.target.normalize())
        return said


DEFAULT_FLOOR = Decimal("0.98")
"""How sure the reading of a message must be where no limit says otherwise."""

_PER = {"brand": "brand", "customer": "customer", "address": "address", "payment": "means of payment"}


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """All that a version says, with its parent's part: rules in order, guardrails, limits."""

    rules: tuple[RuleSpec, ...] = ()
    guardrails: tuple[GuardrailSpec, ...] = ()
    limits: tuple[LimitSpec, ...] = ()

    def rules_for(self, case_type: str) -> tuple[RuleSpec, ...]:
        return tuple(rule for rule in self.rules if rule.case_type == case_type)

    def inheriting(self, parent: "PolicySpec") -> "PolicySpec":
        """This policy over its parent's: types it mentions are wholly its own, guardrails and limits of both apply."""
        own = {rule.case_type for rule in self.rules}
        return PolicySpec(
            self.rules + tuple(_inherited(rule) for rule in parent.rules if rule.case_type not in own),
            self.guardrails + tuple(_inherited(guardrail) for guardrail in parent.guardrails),
            self.limits + tuple(_inherited(limit) for limit in parent.limits),
        )

    @property
    def content_hash(self) -> str:
        return content_hash(self.rules, self.guardrails, self.limits)


Spec = TypeVar("Spec", RuleSpec, GuardrailSpec, LimitSpec)


def _inherited(spec: Spec) -> Spec:
    return replace(spec, key=f"parent {spec.key}")


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no spaces: equal values give equal bytes in every process."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def content_hash(rules: Sequence[RuleSpec], guardrails: Sequence[GuardrailSpec], limits: Sequence[LimitSpec]) -> str:
    """SHA-256 over what a version says: an approval and a ruling name it, and any edit changes it."""
    content = {
        "rules": [rule.as_json() for rule in rules],
        "guardrails": [guardrail.as_json() for guardrail in guardrails],
        "limits": [limit.as_json() for limit in limits],
    }
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()
