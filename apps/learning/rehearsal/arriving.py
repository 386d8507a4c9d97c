"""What customers of the shop bring in one week, drawn in bulk from the world's seed and the number of the week.

Facts are those that gathering finds for the rows of `mirroring.py`, and proposals those of the playbooks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from apps.learning.rehearsal.house import Seen, Truth
from apps.learning.rehearsal.world import Arrival
from apps.policies.facts import Value
from apps.policies.money import CENT, Money
from apps.policies.specs import Proposal

CURRENCY = "USD"
WINDOW_DAYS, LOST_AFTER_HOURS = 30, 168
CUSTOMERS = 60_000
UNVERIFIED = 0.04  # of who writes
OTHER_UNITS = 40  # what every other order of a customer cost
PLACED, DELIVERED = -1, -2  # instead of hours without a scan, for questions where an order is
TIERS = ("bronze", "silver", "gold", "vip")
_TIER_SHARES = (0.5, 0.28, 0.16, 0.06)
_BY_HOUR = [2, 1, 1, 1, 1, 2, 4, 6, 8, 9, 9, 8, 8, 8, 8, 8, 8, 9, 10, 10, 9, 7, 5, 3]
_BUSY = np.outer([1.15, 1.05, 1.0, 1.0, 1.0, 0.85, 0.95], _BY_HOUR).ravel()
_BUSY /= _BUSY.sum()
_MONEY = [Money(Decimal(units).quantize(CENT), CURRENCY) for units in range(6_000)]


@dataclass(frozen=True, slots=True)
class _Shape:
    """What all cases of a shape have in common. `days` draws the number that people weigh, with `final_sale` beside it."""

    case_type: str
    action: str
    days: Callable[[Generator, int], tuple[NDArray[np.int64], NDArray[np.bool_]]]
    discloses: bool = True
    moves: int = 0  # times the order's total
    without_order: bool = False
    highest_tier: int = 3


def arrivals(truth: Truth, seed: int, week: int, count: int) -> list[Arrival]:
    """In the order of their minutes. Customers come by turns, so that nobody writes twice within some weeks."""
    rng = np.random.default_rng([seed, week])
    found: list[Arrival] = []
    first = week * count
    for name, number in zip(truth.mix, rng.multinomial(count, list(truth.mix.values())).tolist(), strict=True):
        found += _cases(rng, name, number, first, truth.odds[name], week)
        first += number
    found.sort(key=lambda one: (one.minute, one.key))
    return found


def _cases(rng: Generator, name: str, number: int, first: int, odds: float, week: int) -> list[Arrival]:
    shape = SHAPED[name]
    bought = 0 if shape.without_order else 1
    refunds = rng.choice([0, 1, 2, 3], number, p=[0.72, 0.16, 0.08, 0.04]) * bought
    returns = rng.choice([0, 1, 2, 3, 5, 7], number, p=[0.5, 0.22, 0.13, 0.1, 0.03, 0.02]) * bought
    others = np.maximum(refunds, returns) + rng.poisson(1.5, number) * bought
    units = np.clip(rng.lognormal(4.1, 0.75, number), 8, 900).astype(np.int64)
    days, final_sale = shape.days(rng, number)
    columns = (
        minutes_of(rng, number), (first + np.arange(number)) * 7_919 % CUSTOMERS, rng.choice(4, number, p=_TIER_SHARES),
        others, units, days, refunds, returns, final_sale, rng.random(number) >= UNVERIFIED, rng.random(number) < odds,
    )  # fmt: skip
    found = []
    rows = zip(*(column.tolist() for column in columns), strict=True)
    for place, (minute, customer, tier, other, unit, *seen_of) in enumerate(rows):
        day, refunded, returned, final, verified, odd = seen_of
        tier = min(tier, shape.highest_tier)
        seen = Seen(name, day, unit, refunded, returned, final, verified, odd)
        amount = money(unit) if shape.moves else None
        found.append(
            Arrival(
                f"{week}-{name.replace(' ', '-')}-{place}", week, minute, f"customer-{customer}", shape.case_type,
                Proposal(shape.action, amount, (), shape.discloses), facts_of(seen, shape, tier, other), seen,
            )
        )  # fmt: skip
    return found


def minutes_of(rng: Generator, number: int) -> NDArray[np.int64]:
    """Minutes of the week, by how busy its days and hours are."""
    hours = rng.choice(len(_BUSY), number, p=_BUSY)
    found: NDArray[np.int64] = hours * 60 + rng.integers(0, 60, number)
    return found


def money(units: int) -> Money:
    return _MONEY[units]


def facts_of(seen: Seen, shape: _Shape, tier: int, others: int) -> dict[str, Value | None]:
    """The facts that gathering will find of a case."""
    facts: dict[str, Value | None] = {
        "sender.verified": seen.verified, "order.identified": not shape.without_order, "message.public": False,
        "message.injection_suspected": False, "customer.tier": TIERS[tier], "customer.orders": 0,
        "customer.refunds_90d": seen.refunds, "customer.refunds_30d": 0, "customer.returns_12m": seen.returns,
        "customer.disputes_12m": 0,
    }  # fmt: skip
    if shape.without_order:
        return facts
    status = status_of(seen)
    facts |= {
        "order.belongs_to_sender": True, "order.status": status, "order.dispatched": status != "placed",
        "order.total": money(seen.units), "order.refundable": money(seen.units * paid_times(seen)),
        "order.final_sale": seen.final_sale, "order.items_refundable": 1,
        "order.duplicate_payments": paid_times(seen) - 1, "order.failed_payments": 0,
        "order.chargeback_open": False, "order.return_received": False, "order.label_sent": False,
        "customer.orders": others + 1, "customer.lifetime_value": money(seen.units + others * OTHER_UNITS),
    }  # fmt: skip
    if status == "shipped":
        facts |= {"order.hours_without_scan": hours_silent(seen), "order.delivery_attempts": 0}
    if status == "delivered":
        since = days_since(seen)
        facts |= {
            "order.days_since_delivery": since, "order.days_past_window": since - WINDOW_DAYS,
            "order.proof_of_delivery": "photo", "order.delivery_attempts": 0,
        }  # fmt: skip
    return facts


def status_of(seen: Seen) -> str:
    if seen.shape == "status" and seen.days < 0:
        return "placed" if seen.days == PLACED else "delivered"
    return {"status": "shipped", "lost": "shipped", "too late": "shipped", "cancel": "placed"}.get(
        seen.shape, "delivered"
    )


def hours_silent(seen: Seen) -> int:
    return seen.days if seen.shape in ("status", "lost") else 20


def days_since(seen: Seen) -> int:
    """Since the delivery."""
    match seen.shape:
        case "return" | "refund":
            return WINDOW_DAYS + seen.days
        case "not there":
            return seen.days
    return 4


def paid_times(seen: Seen) -> int:
    return 2 if seen.shape == "charged twice" else 1


def _nothing(rng: Generator, number: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    return np.zeros(number, np.int64), np.zeros(number, np.bool_)


def _status_days(rng: Generator, number: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    hours = np.minimum(rng.exponential(30, number), 900).astype(np.int64)
    where = rng.random(number)
    return np.where(where < 0.7, hours, np.where(where < 0.85, PLACED, DELIVERED)), np.zeros(number, np.bool_)


def _return_days(rng: Generator, number: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    return rng.integers(-28, 1, number), np.zeros(number, np.bool_)


def _refund_days(rng: Generator, number: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Past the window, or final sale inside it."""
    final_sale = rng.random(number) < 0.15
    past = 1 + np.minimum(rng.exponential(11, number), 60).astype(np.int64)
    return np.where(final_sale, rng.integers(-25, 1, number), past), final_sale


def _lost_hours(rng: Generator, number: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    return LOST_AFTER_HOURS + np.minimum(rng.exponential(70, number), 700).astype(np.int64), np.zeros(number, np.bool_)


def _not_there_days(rng: Generator, number: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    return rng.choice(12, number, p=[0.06, 0.06, *[0.088] * 10]), np.zeros(number, np.bool_)


SHAPED = {
    "status": _Shape("order_status", "reply", _status_days),
    "return": _Shape("standard_return", "return_label", _return_days),
    "refund": _Shape("refund_exception", "refund", _refund_days, moves=1),
    "lost": _Shape("delivery_dispute", "replacement", _lost_hours),
    "not there": _Shape("delivery_dispute", "courier_claim", _not_there_days),
    "charged twice": _Shape("payment_exception", "partial_refund", _nothing, moves=1),
    "cancel": _Shape("order_change", "cancel_order", _nothing),
    "too late": _Shape("order_change", "reply", _nothing),
    "question": _Shape("question", "reply", _nothing, discloses=False, without_order=True),
    "advice": _Shape("product_recommendation", "recommend", _nothing, discloses=False, without_order=True),
    "complaint": _Shape("complaint", "reply", _nothing, discloses=False, highest_tier=2),
    "person": _Shape("human_request", "reply", _nothing, discloses=False, without_order=True),
}
