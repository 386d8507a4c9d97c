"""Vendure, by its Admin API (3.7 was tried: `tests/shops`).

What it does that a connector has to know: nothing is found of a refund while the payment provider is asked, refunds are not
checked against each other, `updatedAt` stands still while orders are paid, shipped and refunded, and cancelling pays nothing
back. A role with ReadOrder and UpdateOrder is enough.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from apps.interactions.connectors.outcome import Outcome
from apps.interactions.shops.adapter import (
    FROM_SEVERAL,
    Denied,
    Door,
    Seen,
    Silent,
    Trace,
    Wanted,
    keys_in,
    marked,
    with_rest,
)
from apps.interactions.shops.calling import call
from apps.policies.facts import TIERS
from apps.policies.words import Action

A_PAGE = 500
WATCHED = timedelta(days=60)  # of an order's life, in which changes are looked for
_PENNY = Decimal("0.01")
# Answers that say for certain that nothing was done. Any other error may come from a provider that had been asked.
_CERTAIN = frozenset({"FORBIDDEN", "UNAUTHORIZED", "USER_INPUT_ERROR", "ILLEGAL_OPERATION", "ENTITY_NOT_FOUND"})
_DESTINATION = {"street": "streetLine1", "city": "city", "country": "countryCode"}
_EVENTS = {"Shipped": "picked_up", "Delivered": "delivered"}
_NOT_SENT = frozenset({"PaymentAuthorized", "PaymentSettled"})
_STATUS = {
    "Delivered": "delivered", "PartiallyDelivered": "shipped", "Shipped": "shipped", "PartiallyShipped": "shipped",
    "Cancelled": "cancelled",
}  # fmt: skip

_ORDER = """
query ($code: String!) { orders(options: {filter: {code: {eq: $code}}}) { items {
  id code state orderPlacedAt currencyCode totalWithTax
  customer { id firstName lastName emailAddress groups { name } }
  shippingAddress { fullName streetLine1 city province postalCode countryCode }
  lines { quantity orderPlacedQuantity unitPriceWithTax proratedUnitPriceWithTax productVariant { sku name } }
  payments { id method amount state createdAt transactionId refunds { id total state reason transactionId createdAt } }
  fulfillments { trackingCode state createdAt }
  history(options: {sort: {createdAt: ASC}, take: 100}) { totalItems items { createdAt type data } }
} } }
"""
_NEW = """
query ($since: DateTime!, $skip: Int!, $take: Int!) { orders(options: {filter: {orderPlacedAt: {after: $since}},
  sort: {orderPlacedAt: DESC, id: DESC}, skip: $skip, take: $take}) {
  items { code state history(options: {take: 1}) { totalItems } } } }
"""
_REFUND = """
mutation ($input: RefundOrderInput!) { refundOrder(input: $input) {
  ... on Refund { id state transactionId } ... on ErrorResult { errorCode message } } }
"""
_CANCEL = """
mutation ($input: CancelOrderInput!) { cancelOrder(input: $input) {
  ... on Order { id state } ... on ErrorResult { errorCode message } } }
"""
_NOTE = "mutation ($input: AddNoteToOrderInput!) { addNoteToOrder(input: $input) { id } }"
_LOG_IN = """
mutation ($user: String!, $password: String!) { login(username: $user, password: $password) {
  ... on CurrentUser { id } ... on ErrorResult { errorCode message } } }
"""


class Vendure:
    """`account` is a user and `secret` their password; without an account the secret is an API key."""

    does = frozenset({Action.REFUND, Action.PARTIAL_REFUND, Action.CANCEL_ORDER, Action.RETURN_LABEL})

    def __init__(self, door: Door) -> None:
        self._door, self._token = door, ""

    def read(self, number: str) -> Seen | None:
        found = self._ask(_ORDER, code=number)["orders"]["items"]
        placed = [order for order in found if order["code"] == number and order["orderPlacedAt"] and order["customer"]]
        return _seen(placed[0]) if placed else None

    def changed(self, since: datetime, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """New orders, and those of the last weeks about which more has been written down than before."""
        skip, after = 0, since - WATCHED
        while True:
            items = self._ask(_NEW, since=after.isoformat(), skip=skip, take=A_PAGE)["orders"]["items"]
            for order in items:
                mark = f"{order['state']} {order['history']['totalItems']}"
                if known.get(order["code"]) != mark:
                    yield order["code"], mark
            if len(items) < A_PAGE:
                return
            skip += A_PAGE

    def act(self, wanted: Wanted, seen: Seen) -> Outcome | None:
        match wanted.action:
            case Action.REFUND | Action.PARTIAL_REFUND:
                return self._refund(wanted, seen.raw)
            case Action.CANCEL_ORDER:
                return self._cancel(wanted, seen.raw)
            case Action.RETURN_LABEL:
                note = f"{marked(wanted.key)} A return label was promised to the customer."
                self._ask(_NOTE, input={"id": seen.raw["id"], "note": note, "isPublic": False})
                return Outcome("done", reference=f"note on {wanted.number}")
        raise Denied(f"The connector cannot do this in Vendure: {wanted.action.label.lower()}.")

    def _refund(self, wanted: Wanted, order: Any) -> Outcome | None:
        """From the one payment that holds so much."""
        assert wanted.amount is not None
        asked = {"paymentId": _holding(order, wanted.amount)["id"], "amount": int(wanted.amount * 100), "lines": []}
        asked |= {"reason": marked(wanted.key), "shipping": 0, "adjustment": 0}
        said = self._ask(_REFUND, input=asked)["refundOrder"]
        _refuse(said)
        return _of_refund(said).outcome()

    def _cancel(self, wanted: Wanted, order: Any) -> Outcome:
        if order["state"] not in _NOT_SENT or order["fulfillments"]:
            raise Denied(f"The shop has this order as {order['state']}: it is on its way, and cannot be cancelled.")
        if wanted.pays_back:
            _holding(order, wanted.pays_back)
        asked = {"orderId": order["id"], "reason": marked(wanted.key), "cancelShipping": True}
        said = self._ask(_CANCEL, input=asked)["cancelOrder"]
        _refuse(said)
        return Outcome("done", reference=f"{wanted.number} cancelled")

    def _ask(self, query: str, **variables: Any) -> Any:
        """The data of the answer, signed in anew when the session has ended. Raises Silent, and Denied."""
        if self._door.account and not self._token:
            self._log_in()
        data, code, message = self._post(query, variables)
        if code == "FORBIDDEN" and self._door.account:
            self._log_in()
            data, code, message = self._post(query, variables)
        if code in _CERTAIN:
            raise Denied(f"The shop says: {message}")
        if code is not None:
            raise Silent(f"the shop says: {message}")
        return data

    def _log_in(self) -> None:
        self._token = ""
        data, code, message = self._post(_LOG_IN, {"user": self._door.account, "password": self._door.secret})
        if code is not None or "errorCode" in data["login"]:
            raise Denied(f"The shop does not let us in: {message or data['login']['message']}")

    def _post(self, query: str, variables: Mapping[str, Any]) -> tuple[Any, str | None, str]:
        """Data, the code of an error (empty: one without a code; None: no error), and its message."""
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        if not self._door.account:
            headers = {"vendure-api-key": self._door.secret}
        status, said, named = call("POST", self._door.url, headers, {"query": query, "variables": variables})
        if not isinstance(said, dict) or ("data" not in said and "errors" not in said):
            raise Silent(f"it answered {status}, and not as GraphQL does")
        self._token = named.get("vendure-auth-token", self._token) if self._door.account else ""
        if errors := said.get("errors"):
            return None, str(errors[0].get("extensions", {}).get("code") or ""), str(errors[0].get("message", ""))
        return said["data"], None, ""


def _refuse(said: Mapping[str, Any]) -> None:
    if "errorCode" in said:
        raise Denied(f"The shop says: {said['message']}")


def _holding(order: Mapping[str, Any], amount: Decimal) -> Mapping[str, Any]:
    """The payment from which so much can go back. Raises Denied where it takes several."""
    for payment in order["payments"]:
        if payment["state"] == "Settled" and _left(payment) >= int(amount * 100):
            return dict(payment)
    raise Denied(FROM_SEVERAL)


def _left(payment: Mapping[str, Any]) -> int:
    given = sum(max(refund["total"], 0) for refund in payment["refunds"] if refund["state"] != "Failed")
    return int(payment["amount"]) - int(given)


def _money(cents: int) -> Decimal:
    return (Decimal(cents) / 100).quantize(_PENNY)


def _of_refund(refund: Mapping[str, Any]) -> Trace:
    reference = refund.get("transactionId") or f"refund {refund['id']}"
    match refund["state"]:
        case "Settled":
            return Trace("done", reference)
        case "Failed":
            return Trace("refused", reference, "The shop's payment provider refused it.")
    return Trace("pending", reference)


def _traces(order: Mapping[str, Any]) -> dict[str, Trace]:
    found = {
        key: _of_refund(refund)
        for payment in order["payments"] for refund in payment["refunds"] for key in keys_in(refund["reason"])
    }  # fmt: skip
    for entry in order["history"]["items"]:
        data = entry["data"] or {}
        if entry["type"] == "ORDER_NOTE":
            found |= {key: Trace("done", f"note on {order['code']}") for key in keys_in(data.get("note"))}
        elif entry["type"] == "ORDER_CANCELLATION" and order["state"] == "Cancelled":  # asked for is not done
            found |= {key: Trace("done", f"{order['code']} cancelled") for key in keys_in(data.get("reason"))}
    return found


def _seen(order: Mapping[str, Any]) -> Seen:
    who, to = order["customer"], order["shippingAddress"] or {}
    settled = [payment for payment in order["payments"] if payment["state"] == "Settled"]
    lines = [_line(line) for line in order["lines"] if line["orderPlacedQuantity"]]
    groups = {str(group["name"]).lower() for group in who["groups"]}
    events = [
        {"at": entry["createdAt"], "kind": _EVENTS[entry["data"]["to"]]}
        for entry in order["history"]["items"]
        if entry["type"] == "ORDER_FULFILLMENT_TRANSITION" and entry["data"]["to"] in _EVENTS
    ]
    paid = _money(sum(int(payment["amount"]) for payment in settled))
    delivered = [event["at"] for event in events if event["kind"] == "delivered"]
    return Seen(
        number=order["code"],
        customer={
            "external_id": who["id"], "name": f"{who['firstName']} {who['lastName']}".strip(), "email": who["emailAddress"],
            "tier": next((tier for tier in reversed(TIERS) if tier in groups), ""),
            "country": to.get("countryCode") or "", "postcode": to.get("postalCode") or "",
        },
        order={
            "customer": who["id"], "status": _STATUS.get(order["state"], "placed"), "currency": order["currencyCode"],
            "total": str(_money(order["totalWithTax"])), "placed_at": order["orderPlacedAt"],
            "delivered_at": delivered[-1] if delivered and order["state"] == "Delivered" else None,
            "destination": {name: to.get(field) or "" for name, field in _DESTINATION.items()},
            "lines": with_rest(lines, max(_money(order["totalWithTax"]), paid)),  # no total is left of a cancelled one
            "payments": [entry for payment in settled for entry in _payments(payment)],
            "tracking_number": next((f["trackingCode"] for f in order["fulfillments"] or [] if f["trackingCode"]), ""),
            "events": events,
        },
        left=_money(sum(_left(payment) for payment in settled)), traces=_traces(order), raw=order,
    )  # fmt: skip


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    """As it was ordered and paid; of a line that was cancelled only the list price is left."""
    variant, price = (
        line["productVariant"],
        line["proratedUnitPriceWithTax" if line["quantity"] else "unitPriceWithTax"],
    )
    return {
        "sku": variant["sku"],
        "name": variant["name"],
        "quantity": line["orderPlacedQuantity"],
        "unit_price": str(_money(price)),
    }


def _payments(payment: Mapping[str, Any]) -> list[dict[str, Any]]:
    def entry(kind: str, cents: int, reference: str, at: str) -> dict[str, Any]:
        method = payment["method"][:30]
        return {"kind": kind, "method": method, "amount": str(_money(cents)), "reference": reference[:100], "at": at}

    paid = entry("payment", payment["amount"], payment["transactionId"] or "", payment["createdAt"])
    return [paid] + [
        entry("refund", one["total"], next(iter(keys_in(one["reason"])), f"refund {one['id']}"), one["createdAt"])
        for one in payment["refunds"]
        if one["state"] != "Failed" and one["total"] > 0
    ]
