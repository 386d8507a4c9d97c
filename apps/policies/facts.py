"""The vocabulary of facts: what can be known about a case, its kind, and whether it may grant authority.

A fact that the customer wrote, or that anyone could make true by writing, may only *restrict*
(`grants=False`). A fact that was not found out is unknown (`None`), never a default.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from apps.policies.money import Money

Value = bool | int | Decimal | Money | str | frozenset[str]


class Kind(StrEnum):
    BOOL = "bool"
    INTEGER = "integer"
    DECIMAL = "decimal"
    MONEY = "money"
    DAYS = "days"
    CHOICE = "choice"
    SET = "set"


@dataclass(frozen=True, slots=True)
class FactSpec:
    """One word of the vocabulary. `max_age` is how old a value may be before it counts as unknown."""

    name: str
    kind: Kind
    label: str
    grants: bool = True
    unit: str = ""
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    max_age: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One value about one case, with where it came from and when it was true."""

    name: str
    value: Value | None
    source: str
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one case, by name."""

    by_name: Mapping[str, Fact] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Fact]:
        return iter(self.by_name.values())

    def value(self, name: str) -> Value | None:
        fact = self.by_name.get(name)
        return None if fact is None else fact.value

    def known_at(self, now: datetime) -> dict[str, Value | None]:
        """The values the gate may use at `now`: one that is too old, or that its fact cannot have, is unknown."""
        return {fact.name: fact.value if is_usable(fact, now) else None for fact in self}

    def as_json(self, now: datetime) -> dict[str, dict[str, object]]:
        """The facts as they are stored; one that the gate could not use at `now` is marked `unusable`."""
        return {fact.name: _stored(fact, now) for fact in sorted(self, key=lambda fact: fact.name)}


def _stored(fact: Fact, now: datetime) -> dict[str, object]:
    stored: dict[str, object] = {
        "value": value_as_json(fact.value),
        "source": fact.source,
        "as_of": fact.as_of.isoformat() if fact.as_of else None,
    }
    return stored if is_usable(fact, now) else {**stored, "unusable": True}


def is_usable(fact: Fact, now: datetime) -> bool:
    """Fresh enough, and a value that its fact can have: proofs cover no other."""
    spec = VOCABULARY.get(fact.name)
    return spec is not None and not is_stale(fact, now) and is_possible(spec, fact.value)


def is_possible(spec: FactSpec, value: Value | None) -> bool:
    """Whether the value is of the fact's kind and inside its range or list."""
    match spec.kind:
        case Kind.BOOL:
            return isinstance(value, bool)
        case Kind.CHOICE:
            return value in spec.choices
        case Kind.SET:
            return isinstance(value, frozenset)
        case Kind.MONEY:
            return isinstance(value, Money) and value.amount >= 0
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return False
    whole = spec.kind is Kind.DECIMAL or isinstance(value, int)
    return whole and (spec.minimum is None or value >= spec.minimum) and (spec.maximum is None or value <= spec.maximum)


def vocabulary_hash() -> str:
    """Names the list of facts that could be recorded: a later fact was not unknown then, it was not asked for."""
    return hashlib.sha256(",".join(sorted(VOCABULARY)).encode()).hexdigest()[:12]


def is_stale(fact: Fact, now: datetime) -> bool:
    spec = VOCABULARY.get(fact.name)
    if spec is None or spec.max_age is None:
        return False
    return fact.as_of is None or now - fact.as_of > spec.max_age


def value_as_json(value: Value | None) -> object:
    """A value as JSON that reads back to the same value and is the same text in every process."""
    match value:
        case Money():
            return {"amount": str(value.amount), "currency": value.currency}
        case Decimal():
            return str(value)
        case frozenset():
            return sorted(value)
        case _:
            return value


def value_in_words(spec: FactSpec, value: Value | None) -> str:
    match value:
        case None:
            return "unknown"
        case bool():
            return "yes" if value else "no"
        case Money():
            return str(value)
        case frozenset():
            return ", ".join(choice_in_words(item) for item in sorted(value))
        case str():
            return choice_in_words(value)
    if spec.kind is Kind.DAYS:
        return f"{value} day" if value == 1 else f"{value} days"
    return f"{value:,} {spec.unit}".strip()


def choice_in_words(choice: str) -> str:
    return choice.upper() if choice == "vip" else choice.replace("_", " ")


ALARMS = ("injury", "legal", "privacy", "press", "harm", "fraud", "repeated")
LANGUAGES = (
    "ar", "bg", "cs", "da", "de", "el", "en", "es", "fa", "fi", "fr", "he", "hi", "hr", "hu", "id", "it", "ja", "ko", "nb",
    "nl", "pl", "pt", "ro", "ru", "sk", "sv", "th", "tr", "uk", "ur", "vi", "zh",
)  # fmt: skip
TIERS = ("bronze", "silver", "gold", "vip")
ORDER_STATUSES = ("placed", "shipped", "delivered", "cancelled")
_DAY = timedelta(days=1)


def _said(name: str, kind: Kind, label: str, **more: object) -> FactSpec:
    """A fact that somebody can make true by writing: it may restrict and never grant."""
    return FactSpec(name, kind, label, grants=False, **more)  # type: ignore[arg-type]


_SPECS = (
    FactSpec("sender.verified", Kind.BOOL, "sender verified", max_age=_DAY),
    FactSpec("order.identified", Kind.BOOL, "order identified"),
    FactSpec("order.belongs_to_sender", Kind.BOOL, "order belongs to the sender"),
    FactSpec("order.status", Kind.CHOICE, "order status", choices=ORDER_STATUSES),
    FactSpec("order.dispatched", Kind.BOOL, "order dispatched"),
    FactSpec("order.total", Kind.MONEY, "order total", minimum=0),
    FactSpec("order.refundable", Kind.MONEY, "amount still refundable", minimum=0),
    FactSpec("order.days_since_delivery", Kind.DAYS, "days since delivery", minimum=0, maximum=3650),
    FactSpec("order.days_past_window", Kind.DAYS, "days past the window", minimum=-365, maximum=3650),
    FactSpec("order.days_late", Kind.DAYS, "days late against the promise", minimum=-365, maximum=3650),
    FactSpec("order.final_sale", Kind.BOOL, "final sale"),
    FactSpec("order.return_received", Kind.BOOL, "return scanned in"),
    FactSpec("order.label_sent", Kind.BOOL, "return label sent"),
    _said("order.open_cases", Kind.INTEGER, "other open cases on the order", minimum=0, maximum=1000),
    FactSpec("order.proof_of_delivery", Kind.CHOICE, "proof of delivery",
             choices=("signature", "photo", "left at door", "left with neighbour", "parcel shop", "none")),
    FactSpec("order.delivery_attempts", Kind.INTEGER, "delivery attempts", minimum=0, maximum=100),
    FactSpec("order.address_matches", Kind.BOOL, "delivered at the address of the order"),
    FactSpec("order.hours_without_scan", Kind.INTEGER, "hours without a courier scan", unit="h", minimum=0,
             maximum=10000),
    FactSpec("order.failed_payments", Kind.INTEGER, "failed payments", minimum=0, maximum=100),
    FactSpec("order.chargeback_open", Kind.BOOL, "chargeback open"),
    FactSpec("order.items_refundable", Kind.INTEGER, "items still refundable", minimum=0, maximum=100_000),
    FactSpec("order.duplicate_payments", Kind.INTEGER, "duplicate payments", minimum=0, maximum=100),
    FactSpec("customer.tier", Kind.CHOICE, "customer tier", choices=TIERS),
    FactSpec("customer.orders", Kind.INTEGER, "orders of the customer", minimum=0, maximum=100000),
    FactSpec("customer.lifetime_value", Kind.MONEY, "lifetime value", minimum=0),
    FactSpec("customer.refunds_30d", Kind.INTEGER, "refunds in 30 days", minimum=0, maximum=1000),
    FactSpec("customer.returns_12m", Kind.INTEGER, "returns in 12 months", minimum=0, maximum=1000),
    FactSpec("customer.refunds_90d", Kind.INTEGER, "refunds in 90 days", minimum=0, maximum=1000),
    _said("customer.disputes_12m", Kind.INTEGER, "disputes in 12 months", minimum=0, maximum=1000),
    _said("customer.open_cases", Kind.INTEGER, "other open cases of the customer", minimum=0, maximum=1000),
    _said("case.contacts", Kind.INTEGER, "contacts on this matter", minimum=1, maximum=1000),
    _said("message.public", Kind.BOOL, "said in public"),
    _said("message.audience", Kind.INTEGER, "audience", minimum=0, maximum=1_000_000_000),
    _said("message.sentiment", Kind.CHOICE, "sentiment", choices=("negative", "neutral", "positive")),
    _said("message.injection_suspected", Kind.BOOL, "injection suspected"),
    _said("message.claimed_amount", Kind.MONEY, "amount the customer names", minimum=0),
    _said("message.reason", Kind.CHOICE, "reason the customer gives",
          choices=("damaged", "wrong_item", "late", "not_received", "changed_mind", "other")),
    _said("message.language", Kind.CHOICE, "language", choices=LANGUAGES),
    _said("message.alarms", Kind.SET, "alarms in the message", choices=ALARMS),
    _said("message.intents", Kind.SET, "what the message asks for"),
)  # fmt: skip

VOCABULARY: dict[str, FactSpec] = {spec.name: spec for spec in _SPECS}
