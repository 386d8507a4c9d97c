"""Reading a boundary that was written as YAML (`documents.py`): every problem is said at once, each with its line."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import time
from decimal import Decimal
from typing import Any, TypeVar

import yaml

from apps.policies.conditions import BadCondition, parse
from apps.policies.facts import VOCABULARY, Kind
from apps.policies.models import Guardrail
from apps.policies.money import BadAmount, exact_amount
from apps.policies.operators import OPERATORS
from apps.policies.targets import MOST_WRONG
from apps.policies.words import Action, CaseType, Handler, Seniority

LARGEST = 1_000_000  # characters
_TOP = ("boundary", "currency", "parent", "note", "rules", "guardrails")
_RULE = ("order", "for", "when", "then", "action", "ceiling", "seniority", "due_minutes")
_GUARDRAIL = ("order", "kind", "when", "actions", "types", "amount", "count", "days", "per", "floor", "target", "from", "to",
              "seniority", "hard")  # fmt: skip
_SIGNS = {"<=": "≤", ">=": "≥"}


class BadDocument(Exception):
    """The text is no boundary; `problems` are sentences that begin with their line."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


@dataclass(slots=True)
class Document:
    """What a text says: the boundary's name, currency, parent and note, and its rows without a version yet."""

    name: str = ""
    currency: str = "USD"
    parent: tuple[str, int] | None = None
    note: str = ""
    rules: list[dict[str, Any]] = field(default_factory=list)
    guardrails: list[dict[str, Any]] = field(default_factory=list)


def read(text: str) -> Document:
    """Read a text. Raises BadDocument with every problem and its line; nothing that is mistyped is guessed at."""
    if len(text) > LARGEST:
        raise BadDocument([f"The text is over {LARGEST:,} characters long."])
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise BadDocument(
            [f"{where}this is no YAML: {getattr(error, 'problem', None) or 'it cannot be read'}."]
        ) from None
    except RecursionError:
        raise BadDocument(["The text is nested too deeply."]) from None
    reader = _Reader()
    document = reader.document(root)
    if reader.problems:
        raise BadDocument(reader.problems)
    return document


Read = TypeVar("Read")


class _Reader:
    """Walks the nodes and collects what is wrong, so that all of it is said at once."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def wrong(self, node: Any, what: str) -> None:
        line = node.start_mark.line + 1 if node is not None else 1
        self.problems.append(f"line {line}: {what}")

    def document(self, root: Any) -> Document:
        found, fields = Document(), self.mapping(root, _TOP, "a boundary")
        found.name = self.text(fields.get("boundary"), 100).strip()
        if not found.name:
            self.wrong(root, "say which boundary this is: boundary: its name.")
        found.currency = self.text(fields.get("currency"), 3) or "USD"
        if not re.fullmatch("[A-Z]{3}", found.currency):
            self.wrong(fields.get("currency"), f"“{found.currency}” is no currency; write it like USD.")
        found.note = self.text(fields.get("note"), 2000)
        if "parent" in fields:
            parent = self.mapping(fields["parent"], ("boundary", "version"), "a parent")
            found.parent = (self.text(parent.get("boundary"), 100), self.number(parent.get("version")) or 0)
        rows = self.sequence(fields.get("rules"), "rules")
        found.rules = self.ordered(rows, [self.rule(node, found.currency) for node in rows], "rule")
        rows = self.sequence(fields.get("guardrails"), "guardrails")
        found.guardrails = self.ordered(rows, [self.guardrail(node, found.currency) for node in rows], "guardrail")
        return found

    def ordered(self, nodes: list[Any], rows: list[dict[str, Any]], what: str) -> list[dict[str, Any]]:
        """In the order of the text, or by `order` where every row has one, each its own."""
        orders = [row.pop("order", None) for row in rows]
        if not any(order is not None for order in orders):
            return rows
        for place, order in enumerate(orders):
            if order is None:
                self.wrong(
                    nodes[place], f"this {what} has no order, and others have: give every one an order, or none."
                )
            elif order in orders[:place]:
                self.wrong(nodes[place], f"order {order} is taken by another {what} above.")
        return [row for _, row in sorted(zip(orders, rows, strict=True), key=lambda pair: pair[0] or 0)]

    def rule(self, node: Any, currency: str) -> dict[str, Any]:
        fields = self.mapping(node, _RULE, "a rule")
        handler = self.choice(fields.get("then"), Handler.values, node, "then")
        found: dict[str, Any] = {
            "order": self.number(fields.get("order")),
            "case_type": self.choice(fields.get("for"), CaseType.values, node, "for"),
            "conditions": self.conditions(fields.get("when"), currency),
            "handler": handler,
            "action": self.choice(fields.get("action"), Action.values, None, "action"),
            "ceiling": self.amount(fields.get("ceiling")),
            "seniority": self.choice(fields.get("seniority"), Seniority.values, None, "seniority") or Seniority.ANY,
            "due_minutes": self.number(fields.get("due_minutes")),
        }
        if handler == Handler.AUTONOMOUS and not found["action"]:
            self.wrong(node, "say what the AI may do alone: action.")
        return found

    def guardrail(self, node: Any, currency: str) -> dict[str, Any]:
        fields = self.mapping(node, _GUARDRAIL, "a guardrail")
        kind = self.choice(fields.get("kind"), Guardrail.Kind.values, node, "kind")
        found: dict[str, Any] = {
            "order": self.number(fields.get("order")),
            "kind": kind,
            "conditions": self.conditions(fields.get("when"), currency),
            "actions": self.choices(fields.get("actions"), Action.values, "action"),
            "case_types": self.choices(fields.get("types"), CaseType.values, "type"),
            "amount": self.amount(fields.get("amount")),
            "count": self.number(fields.get("count")),
            "days": 1 if "days" not in fields else self.number(fields["days"]) or 0,
            "per": self.choice(fields.get("per"), Guardrail.Per.values, None, "per") or Guardrail.Per.CUSTOMER,
            "floor": self.amount(fields.get("floor")),
            "target": self.share(fields.get("target")),
            "quiet_from": self.clock(fields.get("from")),
            "quiet_to": self.clock(fields.get("to")),
            "seniority": self.choice(fields.get("seniority"), Seniority.values, None, "seniority") or Seniority.ANY,
            "hard": self.truth(fields.get("hard")),
        }
        for wanted in _WANTED.get(str(kind), ()):
            if not any(found[name] is not None for name in wanted.split("|")):
                self.wrong(node, f"this guardrail needs {wanted.replace('|', ' or ').replace('quiet_', '')}.")
        if kind == Guardrail.Kind.CONFIDENCE and found["floor"] is not None and found["floor"] > 1:
            self.wrong(fields.get("floor"), "the floor is a share from 0.00 to 1.00.")
        if kind == Guardrail.Kind.ERROR and found["target"] is not None and not 0 < found["target"] <= MOST_WRONG:
            self.wrong(fields.get("target"), "the target is a share over 0, and of at most 0.5.")
        if not 1 <= found["days"] <= 365:
            self.wrong(fields.get("days"), "from 1 to 365 days.")
        return found

    def conditions(self, node: Any, currency: str) -> list[dict[str, object]]:
        return [found for item in self.sequence(node, "when") if (found := self.condition(item, currency)) is not None]

    def condition(self, node: Any, currency: str) -> dict[str, object] | None:
        text = self.text(node, 300)
        name, _, rest = text.strip().partition(" ")
        sign, value = _split_sign(rest.strip())
        spec = VOCABULARY.get(name)
        raw: Any = value
        if sign in OPERATORS and OPERATORS[sign].operand == "two":
            raw = [part.strip() for part in value.split(" and ")]
        if spec is not None and spec.kind is Kind.MONEY and sign != "is known":
            raw = [_money_in(part) for part in raw] if isinstance(raw, list) else _money_in(value)
            for money in raw if isinstance(raw, list) else [raw]:
                if money["currency"] != currency:
                    self.wrong(node, f"“{text}”: {spec.label} is money in {currency}; write it like 100.00 {currency}.")
                    return None
        try:
            return parse({"fact": name, "operator": sign, "value": raw}).as_json()
        except BadCondition as error:
            self.wrong(node, f"“{text}”: {error}")
            return None

    # Single nodes.

    def mapping(self, node: Any, known: tuple[str, ...], what: str) -> dict[str, Any]:
        if not isinstance(node, yaml.MappingNode):
            self.wrong(node, f"{what} is written as names and values.")
            return {}
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = str(key.value)
            if name not in known:
                self.wrong(key, f"{what} has no “{name}”; it has {', '.join(known)}.")
            elif name in found:
                self.wrong(key, f"“{name}” stands here twice.")
            found[name] = value
        return found

    def sequence(self, node: Any, what: str) -> list[Any]:
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            self.wrong(node, f"{what} is a list.")
            return []
        return list(node.value)

    def text(self, node: Any, longest: int) -> str:
        if node is None:
            return ""
        if not isinstance(node, yaml.ScalarNode) or len(node.value) > longest:
            self.wrong(node, f"this is a text of at most {longest} characters.")
            return ""
        if "\x00" in node.value or any("\ud800" <= letter <= "\udfff" for letter in node.value):
            self.wrong(node, "this holds characters that cannot be stored.")
            return ""
        return str(node.value)

    def choice(self, node: Any, known: list[str], required_at: Any, what: str) -> str:
        if node is None:
            if required_at is not None:
                self.wrong(required_at, f"“{what}” is missing; it is one of {', '.join(known)}.")
            return ""
        value = self.text(node, 60)
        if value not in known:
            self.wrong(node, f"“{value}” is none of {', '.join(known)}.")
        return value

    def choices(self, node: Any, known: list[str], what: str) -> list[str]:
        return [self.choice(item, known, None, what) for item in self.sequence(node, what)]

    def number(self, node: Any) -> int | None:
        return self._as(node, int, "a whole number")

    def amount(self, node: Any) -> Decimal | None:
        return self._as(node, exact_amount, "an amount like 84.50")

    def share(self, node: Any) -> Decimal | None:
        return self._as(node, _share, "a share like 0.01, with at most four decimals")

    def clock(self, node: Any) -> time | None:
        return self._as(node, time.fromisoformat, "a time like 22:00")

    def truth(self, node: Any) -> bool:
        known = {"true": True, "yes": True, "false": False, "no": False}
        return bool(self._as(node, lambda text: known[text.lower()], "true or false"))

    def _as(self, node: Any, read: Callable[[str], Read], what: str) -> Read | None:
        if node is None:
            return None
        try:
            value = read(self.text(node, 60))
        except (ValueError, KeyError, BadAmount):
            self.wrong(node, f"“{getattr(node, 'value', '')}” is not {what}.")
            return None
        if isinstance(value, int) and not isinstance(value, bool) and not 0 <= value <= 32_767:
            self.wrong(node, "this is a number from 0 to 32,767.")
            return None
        if isinstance(value, time) and value.tzinfo is not None:
            self.wrong(node, "this is a time on the brand's clock, without a zone.")
        return value


_K = Guardrail.Kind
_WANTED: dict[str, tuple[str, ...]] = {
    _K.CEILING: ("amount",), _K.BUDGET: ("amount",), _K.VELOCITY: ("amount|count",), _K.CONFIDENCE: ("floor",),
    _K.QUIET: ("quiet_from", "quiet_to"), _K.ERROR: ("target",),
}  # fmt: skip


def _split_sign(text: str) -> tuple[str, str]:
    """The operator at the beginning, and what follows; an unknown one is the first word."""
    for written in sorted([*OPERATORS, *_SIGNS], key=len, reverse=True):
        if text == written or text.startswith(written + " ") or (not written[0].isalpha() and text.startswith(written)):
            return _SIGNS.get(written, written), text[len(written) :].strip()
    sign, _, value = text.partition(" ")
    return sign, value.strip()


def _share(text: str) -> Decimal:
    if not re.fullmatch(r"[01]?\.\d{1,4}|[01]", text.strip()):
        raise ValueError(text)
    return Decimal(text.strip())


def _money_in(text: str) -> dict[str, str]:
    amount, _, currency = text.strip().partition(" ")
    return {"amount": amount, "currency": currency.strip()}
