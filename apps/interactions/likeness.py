"""Likeness: which decided cases are alike, by their type and the facts that matter to it, and not by anybody's wording.

Each type names its telling facts, the most telling first. Their values fall into bands; cases of one band in each are
alike. `keys` gives three circles: all telling facts, the first two, and the first alone.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from apps.policies.facts import VOCABULARY, Value
from apps.policies.money import Money
from apps.policies.words import CaseType

_REFUND = ("order.days_past_window", "message.reason", "order.refundable", "customer.refunds_90d", "customer.tier")
TELLING: dict[CaseType, tuple[str, ...]] = {
    CaseType.ORDER_STATUS: ("order.status", "order.days_late", "order.hours_without_scan"),
    CaseType.STANDARD_RETURN: ("order.return_received", "order.refundable", "customer.refunds_90d", "customer.tier"),
    CaseType.REFUND_EXCEPTION: _REFUND,
    CaseType.DELIVERY_DISPUTE: (
        "order.proof_of_delivery", "order.status", "order.refundable", "customer.disputes_12m", "customer.tier",
    ),
    CaseType.PAYMENT_EXCEPTION: (
        "order.duplicate_payments", "order.failed_payments", "order.refundable", "order.chargeback_open",
    ),
    CaseType.VIP_COMPLAINT: ("message.reason", "order.days_late", "order.total"),
    CaseType.COMPLAINT: ("message.reason", "order.days_late", "order.total", "customer.tier"),
    CaseType.PUBLIC_COMPLAINT: ("message.audience", "order.identified", "message.sentiment"),
    CaseType.PRODUCT_RECOMMENDATION: ("customer.orders", "customer.tier"),
    CaseType.ORDER_CHANGE: ("order.status", "order.dispatched", "order.total"),
    CaseType.QUESTION: ("order.identified", "message.language"),
    CaseType.HUMAN_REQUEST: ("order.identified", "case.contacts"),
    CaseType.OTHER: ("message.language", "order.identified"),
}  # fmt: skip
# The highest value of each band; what is above the last is one more band.
_BANDS: dict[str, tuple[int, ...]] = {
    "order.days_past_window": (0, 7, 14, 30, 60),
    "order.days_late": (0, 3, 7, 14),
    "order.hours_without_scan": (24, 72, 168),
    "order.refundable": (0, 25, 50, 100, 250, 500),
    "order.total": (25, 50, 100, 250, 500),
    "message.audience": (999, 9_999, 99_999),
}
_COUNTS = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class Circle:
    """Cases that are alike: `key` is the same for all of them, `words` says in what."""

    key: str
    words: str


def circles(case_type: str, facts: Mapping[str, Value | None]) -> tuple[Circle, Circle, Circle]:
    """From the nearest circle to the widest; a fact that nobody knows is a band of its own."""
    bands = [_band(name, facts.get(name)) for name in TELLING[CaseType(case_type)]]
    return _circle(case_type, bands), _circle(case_type, bands[:2]), _circle(case_type, bands[:1])


def _circle(case_type: str, bands: Sequence[tuple[str, str]]) -> Circle:
    return Circle("|".join([case_type, *(band for band, _ in bands)])[:200], ", ".join(words for _, words in bands))


def _band(name: str, value: Value | None) -> tuple[str, str]:
    """A band as a key and in words."""
    label = VOCABULARY[name].label
    match value:
        case None:
            return "?", f"{label} unknown"
        case bool():
            return str(value), label if value else f"not {label}"
        case Money(amount=amount, currency=currency):
            low_high = _range(name, amount)
            return f"{low_high}{currency}", f"{label} {low_high} {currency}"
        case str() | frozenset():
            text = value if isinstance(value, str) else "+".join(sorted(value))
            return text, f"{label} {text.replace('_', ' ')}"
        case int() | Decimal():
            low_high = _range(name, value)
            return low_high, f"{label} {low_high}"


def _range(name: str, value: int | Decimal) -> str:
    tops = _BANDS.get(name, _COUNTS)
    place = bisect_left(tops, value)
    if place == len(tops):
        return f"over {tops[-1]:,}"
    if name not in _BANDS:
        return f"{tops[place]}"
    return f"up to {tops[0]:,}" if place == 0 else f"{tops[place - 1]:,}–{tops[place]:,}"
