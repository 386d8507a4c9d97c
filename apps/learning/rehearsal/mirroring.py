"""The shop's side of the invented shop: what its systems and its customers send, in the shapes of the API.

A test holds that gathering and playbooks make of it the facts and proposals that `arriving.py` foretold.
"""

from datetime import datetime, timedelta
from typing import Any

from apps.learning.rehearsal.arriving import (
    CURRENCY,
    LOST_AFTER_HOURS,
    OTHER_UNITS,
    SHAPED,
    WINDOW_DAYS,
    days_since,
    hours_silent,
    paid_times,
    status_of,
)
from apps.learning.rehearsal.house import Seen
from apps.learning.rehearsal.world import Arrival
from apps.policies.draws import place_of

_SAID = {
    "status": ("Where is my order {number}?", "What is the status of order {number}? When will it arrive?"),
    "return": (
        "I would like to return order {number} please.",
        "How do I send back order {number}? I want to return it.",
    ),
    "refund": ("I want my money back for order {number}.", "Please refund order {number}, I want to return it."),
    "lost": ("Order {number} has not arrived, the parcel is lost.",),
    "not there": (
        "The courier says order {number} was delivered but I did not receive it.",
        "I never received order {number} although it says delivered.",
    ),
    "charged twice": ("I was charged twice for order {number}.", "You charged my card two times for order {number}."),
    "cancel": ("Please cancel my order {number}.", "I want to cancel order {number}."),
    "too late": ("Please cancel my order {number}.", "Please change the address of my order {number}."),
    "question": ("Which payment methods do you accept?", "What payment methods do you offer?"),
    "advice": ("Can you recommend a kettle for me?", "Which kettle would you recommend?"),
    "complaint": ("I am very unhappy with your service, I want to complain.",),
    "person": ("I want to speak to a person.", "Can I talk to a human agent please?"),
}
_SKU, _NAME = "KTL-01", "Stone kettle"


def shop() -> dict[str, Any]:
    """Terms, articles by slug, and products by SKU."""
    return {
        "terms": {"return_window_days": WINDOW_DAYS, "lost_after_days": LOST_AFTER_HOURS // 24, "non_returnable": []},
        "articles": {
            "payment": {
                "title": "Payment", "published": True,
                "body": "The payment methods that we accept and offer are credit card, PayPal and gift card.",
            }
        },
        "products": {
            _SKU: {"name": _NAME, "category": "kitchen", "price": "59.00", "currency": CURRENCY, "in_stock": True,
                   "description": "A kettle of stone for two litres."},
        },
    }  # fmt: skip


def mirrored(arrival: Arrival, at: datetime) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The customer, and the orders as the shop knows them at that time."""
    customer = {"external_id": arrival.customer, "name": "Kim", "tier": arrival.facts["customer.tier"]}
    if SHAPED[arrival.hidden.shape].without_order:
        return [customer], []
    count = arrival.facts["customer.orders"]
    assert isinstance(count, int)
    others = [_other(arrival, place, at) for place in range(count - 1)]
    return [customer], [_order(arrival, at), *others]


def message(arrival: Arrival, at: datetime) -> dict[str, Any]:
    seen: Seen = arrival.hidden
    said = _SAID[seen.shape]
    text = said[int(place_of(b"words", "said", arrival.key) * len(said))].format(number=number_of(arrival))
    return {
        "external_id": arrival.key,
        "channel": "chat",
        "customer": arrival.customer,
        "order": None if SHAPED[seen.shape].without_order else number_of(arrival),
        "messages": [{"author": "customer", "text": text, "sent_at": at.isoformat()}],
        "sender_verified": seen.verified,
    }


def number_of(arrival: Arrival) -> str:
    return f"S-{int(place_of(b'numbers', 'order', arrival.key) * 10**9):09}"


def _order(arrival: Arrival, at: datetime) -> dict[str, Any]:
    seen: Seen = arrival.hidden
    status, events, delivered = status_of(seen), [], None
    if status == "shipped":
        events = [{"kind": "in_transit", "at": _before(at, hours=hours_silent(seen), minutes=10)}]
    if status == "delivered":
        delivered = _before(at, days=days_since(seen), hours=2)
        events = [{"kind": "delivered", "at": delivered, "proof": "photo"}]
    payment = {"kind": "payment", "method": "card", "amount": f"{seen.units}.00"}
    return {
        "number": number_of(arrival), "customer": arrival.customer, "status": status, "currency": CURRENCY,
        "total": f"{seen.units}.00", "placed_at": _before(at, days=days_since(seen) + 45), "delivered_at": delivered,
        "lines": [_line(seen.units, final_sale=seen.final_sale)], "payments": [payment] * paid_times(seen),
        "events": events,
    }  # fmt: skip


def _other(arrival: Arrival, place: int, at: datetime) -> dict[str, Any]:
    """One of the customer's other orders; the first ones were returned, or refunded lately."""
    seen: Seen = arrival.hidden
    amount = f"{OTHER_UNITS}.00"
    payments = [{"kind": "payment", "method": "card", "amount": amount}]
    payments += [{"kind": "refund", "method": "card", "amount": amount}] if place < seen.refunds else []
    events = [{"kind": "delivered", "at": _before(at, days=55), "proof": "photo"}]
    events += [{"kind": "return_received", "at": _before(at, days=45)}] if place < seen.returns else []
    return {
        "number": f"{number_of(arrival)}-{place}", "customer": arrival.customer, "status": "delivered",
        "currency": CURRENCY, "total": amount, "placed_at": _before(at, days=60), "delivered_at": _before(at, days=55),
        "lines": [_line(OTHER_UNITS)], "payments": payments, "events": events,
    }  # fmt: skip


def _line(units: int, *, final_sale: bool = False) -> dict[str, Any]:
    return {"sku": _SKU, "name": _NAME, "quantity": 1, "unit_price": f"{units}.00", "final_sale": final_sale}


def _before(at: datetime, **ago: int) -> str:
    return (at - timedelta(**ago)).isoformat()
