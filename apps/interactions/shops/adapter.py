"""What every connector of a shop reads, does and says.

An adapter touches no database, so it runs in any thread. Each effect carries its key into the shop (`marked`), where a note,
a reason or a comment keeps it, and is found again by it (`keys_in`): that is how an outcome that got lost is known.
"""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from apps.interactions.connectors.outcome import Outcome
from apps.policies.words import Action

_KEY = re.compile(r"remit:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


FROM_SEVERAL = "No single payment of the order holds so much. Refund it in the shop, from several."


class Silent(Exception):
    """The shop gave no answer that can be read: what was asked for may have happened."""


class Denied(Exception):
    """The shop answered no, and nothing happened. Its text is for people."""


@dataclass(frozen=True, slots=True)
class Door:
    """How to get into a shop, as values."""

    url: str
    account: str
    secret: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """One effect, as values. `amount` is none where no money moves; `pays_back` is what the same decision refunds once the
    order is cancelled."""

    key: str
    action: Action
    number: str
    amount: Decimal | None = None
    currency: str = ""
    pays_back: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """What the shop shows under a key of ours: `done`, `refused`, or `pending`, which is neither yet."""

    verdict: str
    reference: str = ""
    reason: str = ""

    def outcome(self) -> Outcome | None:
        return None if self.verdict == "pending" else Outcome(self.verdict, self.reference, self.reason)


@dataclass(frozen=True, slots=True)
class Seen:
    """An order as the shop has it now: customer and order in the API's own shapes, what is found under our keys, how much can
    still be refunded, and the shop's own answer for the adapter."""

    number: str
    customer: Mapping[str, Any]
    order: Mapping[str, Any]
    left: Decimal
    traces: Mapping[str, Trace] = field(default_factory=dict)
    raw: Any = None


class Adapter(Protocol):
    does: frozenset[Action]

    def read(self, number: str) -> Seen | None:
        """None where the shop has no such order. Raises Silent or Denied."""

    def changed(self, since: datetime, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Numbers of orders that may have changed, each with a mark of its state; `known` are the marks of before."""

    def act(self, wanted: Wanted, seen: Seen) -> Outcome | None:
        """Do it. None where it is under way. Raises Silent where nobody knows, and Denied."""


def marked(key: str) -> str:
    """What stands in the shop. Customers may see it, so it tells nothing."""
    return f"remit:{key}"


def keys_in(text: str | None) -> list[str]:
    return _KEY.findall(text or "")


def with_rest(lines: list[dict[str, Any]], total: Decimal) -> list[dict[str, Any]]:
    """The lines, and what was paid besides them, such as shipping, as one more: what is paid back is held on lines. An article
    that stands there at two prices, as a gift may, is two: the second has a SKU of its own."""
    prices: dict[str, str] = {}
    for line in lines:
        sku, place = line["sku"][:55], 2
        while prices.setdefault(line["sku"], line["unit_price"]) != line["unit_price"]:
            line["sku"], place = f"{sku} #{place}", place + 1
    rest = total - sum((Decimal(line["unit_price"]) * line["quantity"] for line in lines), Decimal(0))
    return (
        [*lines, {"sku": "shipping", "name": "Shipping", "quantity": 1, "unit_price": f"{rest:.2f}"}]
        if rest > 0
        else lines
    )


READS_WITHIN = 60.0  # seconds: after a slower look nothing is begun, since others wait for when it must have ended


def perform(shop: Adapter, wanted: Wanted) -> Outcome | None:
    """Look, then act: what stands under the key already is not done again. None where the outcome is not known yet."""
    began = time.monotonic()
    try:
        seen = shop.read(wanted.number)
    except Silent as silent:
        return Outcome("refused", reason=f"The shop did not answer, so nothing was done: {silent}")
    except Denied as denied:
        return Outcome("refused", reason=str(denied))
    if seen is None:
        return Outcome("refused", reason=f"The shop has no order {wanted.number}.")
    if (stands := _stands(seen, wanted)) is not None:
        return stands.outcome()
    if wanted.amount is not None:
        if wanted.currency != seen.order["currency"]:
            return Outcome("refused", reason=f"The shop has this order in {seen.order['currency']}.")
        if not 0 < wanted.amount <= seen.left:
            return Outcome(
                "refused", reason=f"The shop has {seen.left:,.2f} {wanted.currency} left to refund on this order."
            )
    if wanted.action == Action.CANCEL_ORDER and seen.left != (wanted.pays_back or 0):
        paid, back = (f"{amount:,.2f} {seen.order['currency']}" for amount in (seen.left, wanted.pays_back or 0))
        return Outcome(
            "refused", reason=f"{paid} is paid on this order, and {back} was to go back, so it is not cancelled."
        )
    if time.monotonic() - began > READS_WITHIN:
        return Outcome("refused", reason="The shop is too slow just now, so nothing was done.")
    try:
        return shop.act(wanted, seen)
    except Silent:
        return None
    except Denied as denied:
        return Outcome("refused", reason=str(denied))


def look_up(shop: Adapter, wanted: Wanted) -> Outcome | None:
    """What became of a key. That nothing is found proves nothing: None."""
    try:
        seen = shop.read(wanted.number)
    except (Silent, Denied):
        return None
    stands = _stands(seen, wanted) if seen is not None else None
    return stands.outcome() if stands is not None else None


def _stands(seen: Seen, wanted: Wanted) -> Trace | None:
    """What is there under the key, or an order that is cancelled already, whoever did it."""
    trace = seen.traces.get(wanted.key)
    if trace is None and wanted.action == Action.CANCEL_ORDER and seen.order["status"] == "cancelled":
        return Trace("done", f"{seen.number} is cancelled")
    return trace
