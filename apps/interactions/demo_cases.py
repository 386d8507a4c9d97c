"""A few customers, orders and messages for the demo brands, dated back from now, sent through the real intake."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from apps.interactions import submitting
from apps.policies import audit
from apps.policies.models import Partner

_ACTOR = audit.system("demo set-up")

# customer: (name, tier, member for days)
_CUSTOMERS = {
    "mira": ("Mira Solano", "gold", 1460),
    "jonas": ("Jonas Weber", "silver", 700),
    "priya": ("Priya Raman", "vip", 2100),
    "theo": ("Theo Laurent", "bronze", 90),
    "hana": ("Hana Sato", "gold", 900),
    "luca": ("Luca Moretti", "silver", 400),
    "nora": ("Nora Lind", "bronze", 30),
    "omar": ("Omar Haddad", "gold", 1200),
}

# order: (customer, status, placed days ago, promised days ago, delivered days ago, proof, lines)
_ORDERS: dict[str, tuple[str, str, float, float, float | None, str, list[tuple[str, str, str]]]] = {
    "1047": ("mira", "delivered", 58, 54.1, 47.1, "left with neighbour", [("SET-09", "Evening gift set", "84.50")]),
    "1052": ("jonas", "delivered", 9, 5, 4, "photo", [("LMP-02", "Desk lamp", "129.00")]),
    "1058": ("priya", "delivered", 14, 11, 10, "signature", [("SRM-01", "Repair serum", "62.00")]),
    "1061": ("theo", "shipped", 6, 1, None, "", [("BAG-11", "Weekend bag", "149.00")]),
    "1064": ("hana", "delivered", 12, 9, 8, "photo", [("MUG-03", "Stoneware mugs, set of four", "48.00")]),
    "1066": ("luca", "placed", 1, -3, None, "", [("CHR-07", "Reading chair", "389.00")]),
    "1069": ("nora", "delivered", 20, 17, 16, "left at door", [("TEE-21", "Linen shirt", "39.90")]),
    "1070": ("omar", "delivered", 48, 44, 43, "signature", [("WTC-05", "Field watch", "640.00")]),
}

# (customer, order, channel, minutes ago, text, more fields)
_MESSAGES: list[tuple[str, str, str, float, str, dict[str, Any]]] = [
    ("mira", "1047", "chat", 21, "Hello, I want to return the evening gift set and get a refund, please. My sister was away "
     "and could only open it this week; it is unused.", {}),
    ("jonas", "1052", "email", 19, "The courier's page says order 1052 was delivered, but nothing was at my door and my "
     "neighbours have no parcel for me either.", {}),
    ("priya", "1058", "email", 12, "I have been a customer for years and I am really disappointed. This is a complaint: "
     "the serum leaked and nobody answered my first mail.", {}),
    ("theo", "1061", "chat", 11, "Where is my order 1061? It should have been here yesterday.", {}),
    ("hana", "1064", "web", 9, "I want to return my order 1064, the mugs are unused and still in their box.", {}),
    ("luca", "1066", "chat", 8, "Please change the delivery address of order 1066, I am moving this weekend.", {}),
    ("nora", "1069", "social", 6, "Third shirt from this shop that shrinks in the first wash. Terrible quality, stay "
     "away!", {"public": True, "audience": 48_200}),
    ("omar", "1070", "email", 4, "I was charged twice for order 1070, please check the second payment on my card.", {}),
    ("jonas", "", "web", 7, "Do you ship to Canada, and what does express shipping cost?", {}),
    ("hana", "", "chat", 5, "Can you recommend a small lamp with a warm light for my bedside table?", {}),
    ("nora", "1069", "email", 2, "Can I get a refund for the linen shirt? It came 16 days ago and it shrank.", {}),
]  # fmt: skip


def send(partner: Partner, prefix: str, now: datetime, names: set[str]) -> None:
    """Send the customers called `names` with their orders and messages; what was sent before changes nothing."""
    for name in names:
        full_name, tier, days = _CUSTOMERS[name]
        customer = {
            "name": full_name, "email": f"{name}@customer.example", "tier": tier, "country": "USA",
            "since": (now - timedelta(days=days)).date().isoformat(),
        }  # fmt: skip
        submitting.submit_customer(partner, f"{prefix}{name}", customer, actor=_ACTOR)
    for number, row in _ORDERS.items():
        if row[0] in names:
            submitting.submit_order(partner, number, _order(prefix, number, row, now), actor=_ACTOR)
    for index, (name, number, channel, minutes, text, more) in enumerate(_MESSAGES, start=1):
        if name not in names:
            continue
        sent_at = (now - timedelta(minutes=minutes)).isoformat()
        interaction = {
            "external_id": f"demo-{index}", "channel": channel, "customer": f"{prefix}{name}", "order": number or None,
            "messages": [{"author": "customer", "text": text, "sent_at": sent_at}], "sender_verified": True, **more,
        }  # fmt: skip
        submitting.submit_interaction(partner, interaction, actor=_ACTOR, as_sent=True)


def _order(prefix: str, number: str, row: Any, now: datetime) -> dict[str, Any]:
    customer, status, placed, promised, delivered, proof, lines = row
    total = str(sum(Decimal(price) for _, _, price in lines))

    def ago(days: float) -> str:
        return (now - timedelta(days=days)).isoformat()

    events = [{"at": ago(placed - 1), "kind": "picked_up", "location": "Newark"}] if status != "placed" else []
    if delivered is not None:
        events.append({"at": ago(delivered), "kind": "delivered", "location": "Brooklyn", "proof": proof})
    payments = [{"kind": "payment", "method": "credit_card", "amount": total}]
    return {
        "customer": f"{prefix}{customer}", "status": status, "currency": "USD", "total": total,
        "placed_at": ago(placed), "promised_at": ago(promised),
        "delivered_at": None if delivered is None else ago(delivered),
        "destination": {"city": "Brooklyn", "postcode": "11215", "country": "USA"},
        "lines": [{"sku": sku, "name": name, "quantity": 1, "unit_price": price} for sku, name, price in lines],
        "payments": payments * (2 if number == "1070" else 1),
        "tracking_number": None if status == "placed" else f"TRK{number}88",
        "events": events,
    }  # fmt: skip
