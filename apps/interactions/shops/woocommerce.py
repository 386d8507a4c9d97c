"""WooCommerce, by its REST API v3. Written to what it publishes and to its source, and not tried on a live shop yet.

A refund is saved with its reason before the payment provider is asked and taken away when that refuses, and every error of it
is answered with status 500: only what is found afterwards, as paid by the provider, is done. Cancelling pays nothing back.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

from apps.interactions.connectors.outcome import Outcome
from apps.interactions.shops.adapter import Denied, Door, Seen, Silent, Trace, Wanted, keys_in, marked, with_rest
from apps.interactions.shops.calling import at, basic, call
from apps.policies.words import Action

PATH = "/wp-json/wc/v3"
A_PAGE = 100
OVERLAP = timedelta(minutes=2)
_NOT_SENT = frozenset({"pending", "on-hold", "processing"})
_STATUS = {"completed": "shipped", "cancelled": "cancelled", "failed": "cancelled"}


class WooCommerce:
    """`account` is a consumer key and `secret` its secret; the address that of the site."""

    does = frozenset({Action.REFUND, Action.PARTIAL_REFUND, Action.CANCEL_ORDER})

    def __init__(self, door: Door) -> None:
        self._door = door

    def read(self, number: str) -> Seen | None:
        order = self._by_id(number) or self._by_search(number)
        if order is None:
            return None
        return _seen(order, self._get(f"/orders/{order['id']}/refunds?per_page={A_PAGE}"))

    def changed(self, since: datetime, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        after, page, told = (since.astimezone(UTC) - OVERLAP).replace(tzinfo=None, microsecond=0), 1, dict(known)
        while True:
            asked = urlencode({  # a time without a zone: WordPress makes its own zone's of one that has it
                "modified_after": after.isoformat(), "dates_are_gmt": "true", "orderby": "modified", "order": "asc",
                "per_page": A_PAGE, "page": page,
            })  # fmt: skip
            orders = self._get(f"/orders?{asked}")
            for order in orders:
                number, changed = str(order["number"]), order["date_modified_gmt"]
                if told.get(number) != changed:
                    told[number] = changed
                    yield number, changed
            if len(orders) < A_PAGE:
                return
            # On by the last one's time: what changes meanwhile moves to the end, and shifts nothing away. Times are whole
            # seconds, of which what is asked for begins after the given one: the last second is read once more.
            last = datetime.fromisoformat(orders[-1]["date_modified_gmt"]) - timedelta(seconds=1)
            after, page = (last, 1) if last > after else (after, page + 1)

    def act(self, wanted: Wanted, seen: Seen) -> Outcome | None:
        order = seen.raw
        if wanted.action == Action.CANCEL_ORDER:
            return self._cancel(wanted, order)
        if wanted.action not in (Action.REFUND, Action.PARTIAL_REFUND):
            raise Denied(f"The connector cannot do this in WooCommerce: {wanted.action.label.lower()}.")
        _payable_back(order)
        asked = {
            "amount": f"{wanted.amount:.2f}",
            "reason": marked(wanted.key),
            "api_refund": True,
            "api_restock": False,
        }
        status, said = self._send("POST", f"/orders/{order['id']}/refunds", asked)
        if status in (401, 403):
            raise Denied(_message(said))
        if status not in (200, 201):
            raise Silent(_message(said))  # the provider may have been asked: the look-up tells
        return _of_refund(said).outcome()

    def _cancel(self, wanted: Wanted, order: Mapping[str, Any]) -> Outcome:
        if order["status"] not in _NOT_SENT:
            raise Denied(f"The shop has this order as {order['status']}, so it cannot be cancelled.")
        if wanted.pays_back:
            _payable_back(order)
        status, said = self._send("PUT", f"/orders/{order['id']}", {"status": "cancelled"})
        if status != 200:
            raise Denied(_message(said)) if status < 500 else Silent(_message(said))
        return Outcome("done", reference=f"{order['number']} cancelled")

    def _by_id(self, number: str) -> Any:
        if not (number.isascii() and number.isdigit()):
            return None
        status, said = self._send("GET", f"/orders/{number}")
        if status == 200 and str(said["number"]) == number:
            return said
        return None

    def _by_search(self, number: str) -> Any:
        found = [
            one
            for one in self._get(f"/orders?per_page={A_PAGE}&search={quote(number)}")
            if str(one["number"]) == number
        ]
        if len(found) > 1:
            raise Denied(f"The shop has more than one order {number}.")
        return found[0] if found else None

    def _get(self, path: str) -> Any:
        status, said = self._send("GET", path)
        if status in (401, 403):
            raise Denied(_message(said))
        if status != 200:
            raise Silent(f"it answered {status}: {_message(said)}")
        return said

    def _send(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"Authorization": basic(self._door.account, self._door.secret)}
        status, said, _ = call(method, at(self._door.url, PATH + path), headers, body)
        return status, said


def _message(said: Any) -> str:
    return f"The shop says: {said.get('message', 'no')}" if isinstance(said, dict) else "The shop says no."


def _payable_back(order: Mapping[str, Any]) -> None:
    if not order["payment_method"]:
        raise Denied("The shop names no way of payment for this order. Refund it in the shop.")


def _status(order: Mapping[str, Any]) -> str:
    """A shop calls an order refunded once all of it is paid back, whether it was sent before or not."""
    if order["status"] == "refunded":
        return "shipped" if order.get("date_completed_gmt") else "cancelled"
    return _STATUS.get(order["status"], "placed")


def _of_refund(refund: Mapping[str, Any]) -> Trace:
    """Without the provider's yes it is under way, or ended in between: a person's to see."""
    return Trace("done" if refund.get("refunded_payment") else "pending", f"refund {refund['id']}")


def _seen(order: Mapping[str, Any], refunds: Any) -> Seen:
    to, who = order["shipping"], order["billing"]
    guest = who["email"] or f"of order {order['number']}"
    customer_id = f"customer {order['customer_id']}" if order["customer_id"] else f"guest {guest}"
    paid = Decimal(order["total"]) if order["date_paid_gmt"] else Decimal(0)
    given = sum((Decimal(refund["amount"]) for refund in refunds), Decimal(0))
    payment = {"kind": "payment", "method": order["payment_method"][:30] or "other", "amount": f"{paid:.2f}",
               "reference": order["transaction_id"][:100], "at": _utc(order["date_paid_gmt"])}  # fmt: skip
    return Seen(
        number=str(order["number"]),
        customer={
            "external_id": customer_id, "name": f"{who['first_name']} {who['last_name']}".strip()[:200], "email": who["email"],
            "country": to["country"] or who["country"], "postcode": to["postcode"] or who["postcode"],
        },
        order={
            "customer": customer_id, "status": _status(order), "currency": order["currency"],
            "total": f"{Decimal(order['total']):.2f}", "placed_at": _utc(order["date_created_gmt"]),
            "destination": {"street": to["address_1"], "city": to["city"], "country": to["country"]},
            "lines": with_rest([_line(line) for line in order["line_items"] if line["quantity"] > 0], Decimal(order["total"])),
            "payments": ([payment] if paid else []) + [
                {"kind": "refund", "method": "refund", "amount": f"{Decimal(one['amount']):.2f}",
                 "reference": next(iter(keys_in(one["reason"])), f"refund {one['id']}"), "at": _utc(one["date_created_gmt"])}
                for one in refunds
            ],
        },
        left=paid - given,
        traces={key: _of_refund(refund) for refund in refunds for key in keys_in(refund["reason"])}, raw=order,
    )  # fmt: skip


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    worth = Decimal(line["total"]) + Decimal(line["total_tax"])
    each = (worth / line["quantity"]).quantize(Decimal("0.01"))
    variation = f"-{line['variation_id']}" if line.get("variation_id") else ""
    sku = line["sku"] or f"product {line['product_id']}{variation}"
    return {"sku": sku, "name": line["name"][:200], "quantity": line["quantity"], "unit_price": f"{each:.2f}"}


def _utc(at: str | None) -> str | None:
    return f"{at}Z" if at else None
