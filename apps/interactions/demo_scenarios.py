"""Scenarios of the demo: one case each, sent to a sandbox brand through the real intake, with an order of its own."""

import uuid
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.interactions import submitting
from apps.interactions.demo import demo_partner
from apps.interactions.models import Interaction
from apps.policies import audit

SANDBOX = "sandbox"
# scenario: (tier, days since delivery, channel, text, more fields)
_SCENARIOS: dict[str, tuple[str, float, str, str, dict[str, Any]]] = {
    "return": ("silver", 5, "web", "I want to return this and get a refund, please send me a return label.", {}),
    "dispute": ("silver", 3, "email", "The courier's page says my parcel was delivered, but I did not receive anything.", {}),
    "refund": ("gold", 47, "chat", "I want to return this and get my money back. I know that it is past the 30 days.", {}),
    "vip": ("vip", 10, "email", "I want to make a complaint. I have been a customer for years and your service is poor.", {}),
    "public": ("bronze", 9, "social", "The worst shop ever, poor service. Stay away!", {"public": True, "audience": 48_200}),
}  # fmt: skip


def replay(scenario: str) -> Interaction:
    """Send a scenario's customer, order and message, all new. Raises KeyError for one that there is not."""
    tier, days, channel, text, more = _SCENARIOS[scenario]
    with transaction.atomic():
        partner, actor, now, mark = (
            demo_partner(SANDBOX, "Sandbox"),
            audit.system("demo"),
            timezone.now(),
            uuid.uuid4().hex[:8],
        )
        customer = {"name": "Demo Customer", "email": f"{mark}@customer.example", "tier": tier, "country": "USA"}
        submitting.submit_customer(partner, mark, customer, actor=actor)
        submitting.submit_order(partner, f"S-{mark}", _order(mark, days), actor=actor)
        message = {"author": "customer", "text": text, "sent_at": now.isoformat()}
        data = {
            "external_id": f"demo-{mark}", "channel": channel, "customer": mark, "order": f"S-{mark}", "messages": [message],
            "sender_verified": True, **more,
        }  # fmt: skip
        return submitting.submit_interaction(partner, data, actor=actor).interaction


def _order(customer: str, days: float) -> dict[str, Any]:
    delivered = timezone.now() - timedelta(days=days)
    return {
        "customer": customer, "status": "delivered", "currency": "USD", "total": "84.50",
        "placed_at": (delivered - timedelta(days=4)).isoformat(), "promised_at": delivered.isoformat(),
        "delivered_at": delivered.isoformat(),
        "lines": [{"sku": "SET-09", "name": "Evening gift set", "quantity": 1, "unit_price": "84.50"}],
        "payments": [{"kind": "payment", "method": "credit_card", "amount": "84.50"}],
        "events": [{"at": delivered.isoformat(), "kind": "delivered", "location": "Brooklyn", "proof": "photo"}],
    }  # fmt: skip
