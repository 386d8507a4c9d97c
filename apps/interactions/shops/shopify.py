"""Shopify, by its Admin GraphQL API of 2026-07. Written to what Shopify publishes, and not tried on a live shop yet.

Refunds carry `@idempotent` with our key, which Shopify keeps for a day, and our key in their note for ever. A refund has no
state of its own: its transactions tell. Cancelling is under way when it is answered: `cancelledAt` tells.
"""

import time
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
from apps.interactions.shops.calling import at, call
from apps.policies.facts import TIERS
from apps.policies.words import Action

PATH = "/admin/api/2026-07/graphql.json"
OVERLAP = timedelta(minutes=2)
LONGEST_WAIT = 5.0  # seconds, for points to be there again
_CERTAIN = frozenset({"THROTTLED", "ACCESS_DENIED", "SHOP_INACTIVE", "MAX_COST_EXCEEDED", "BAD_REQUEST"})
_UNDER_WAY = "in progress"
_DESTINATION = {"street": "address1", "city": "city", "country": "countryCodeV2"}
_MONEY = "fragment M on MoneyBag { presentmentMoney { amount currencyCode } }"

_FIND = (
    """query ($q: String!) { orders(first: 5, query: $q, sortKey: CREATED_AT, reverse: true) { nodes { id name } } }"""
)
_ORDER = (
    """query ($id: ID!) { order(id: $id) {
  id name createdAt processedAt email cancelledAt displayFulfillmentStatus presentmentCurrencyCode taxesIncluded
  totalPriceSet { ...M } totalReceivedSet { ...M } totalRefundedSet { ...M }
  customer { id displayName tags defaultEmailAddress { emailAddress } }
  shippingAddress { address1 city zip countryCodeV2 }
  cancellation { staffNote }
  lineItems(first: 50) { pageInfo { hasNextPage }
    nodes { sku name quantity discountedTotalSet(withCodeDiscounts: true) { ...M }
      taxLines { priceSet { ...M } } } }
  transactions(first: 25) { id kind status gateway processedAt amountSet { ...M } }
  fulfillments(first: 10) { createdAt deliveredAt status displayStatus trackingInfo(first: 1) { number } } } } """
    + _MONEY
)
_REFUNDS = (
    """query ($id: ID!) { order(id: $id) { refunds(first: 50) { id note createdAt totalRefundedSet { ...M }
  transactions(first: 5) { nodes { id kind status } } } } } """
    + _MONEY
)
_REFUNDABLE = (
    """query ($id: ID!) { order(id: $id) { suggestedRefund(suggestFullRefund: true) { suggestedTransactions {
  gateway parentTransaction { id } maximumRefundableSet { ...M } } } } } """
    + _MONEY
)
_REFUND = """mutation ($input: RefundInput!, $key: String!) { refundCreate(input: $input) @idempotent(key: $key) {
  refund { id note transactions(first: 5) { nodes { id kind status } } } userErrors { field message } } }"""
_CANCEL = """mutation ($id: ID!, $note: String) {
  orderCancel(orderId: $id, reason: CUSTOMER, restock: true, notifyCustomer: false, staffNote: $note) {
    job { id } orderCancelUserErrors { message code } } }"""
_CHANGED = """query ($q: String!, $after: String) { orders(first: 50, query: $q, sortKey: UPDATED_AT, after: $after) {
  nodes { name updatedAt } pageInfo { hasNextPage endCursor } } }"""


class Shopify:
    """`secret` is an access token of the shop's app; the address that of the shop, like https://name.myshopify.com."""

    does = frozenset({Action.REFUND, Action.PARTIAL_REFUND, Action.CANCEL_ORDER})

    def __init__(self, door: Door) -> None:
        self._door = door

    def read(self, number: str) -> Seen | None:
        quoted = number.replace("\\", "").replace('"', "")
        named: dict[str, str] = {}
        for name in (f"#{quoted}", quoted):
            nodes = self._ask(_FIND, q=f'name:"{name}"')["orders"]["nodes"]
            named |= {node["id"]: node["name"] for node in nodes if _plain(node["name"]) == _plain(number)}
        if len(named) > 1:
            raise Denied(f"The shop has more than one order {number}.")
        if not named:
            return None
        (one,) = named
        order = self._ask(_ORDER, id=one)["order"]
        return _seen(order, self._ask(_REFUNDS, id=one)["order"]["refunds"])

    def changed(self, since: datetime, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        asked, after = f"updated_at:>='{(since - OVERLAP).isoformat()}'", None
        while True:
            page = self._ask(_CHANGED, q=asked, after=after)["orders"]
            for node in page["nodes"]:
                if known.get(number := _plain(node["name"])) != node["updatedAt"]:
                    yield number, node["updatedAt"]
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]

    def act(self, wanted: Wanted, seen: Seen) -> Outcome | None:
        if wanted.action == Action.CANCEL_ORDER:
            return self._cancel(wanted, seen.raw)
        if wanted.action in (Action.REFUND, Action.PARTIAL_REFUND):
            return self._refund(wanted, seen.raw)
        raise Denied(f"The connector cannot do this in Shopify: {wanted.action.label.lower()}.")

    def _refund(self, wanted: Wanted, order: Any) -> Outcome | None:
        assert wanted.amount is not None
        holding = self._holding(order, wanted.amount)
        paid_back = {
            "orderId": order["id"], "parentId": holding["parentTransaction"]["id"], "gateway": holding["gateway"],
            "kind": "REFUND", "amount": f"{wanted.amount:.2f}",
        }  # fmt: skip
        asked = {
            "orderId": order["id"], "note": marked(wanted.key), "notify": False, "currency": wanted.currency,
            "transactions": [paid_back],
        }  # fmt: skip
        said = self._ask(_REFUND, input=asked, key=wanted.key)["refundCreate"]
        _refuse(said["userErrors"])
        return _of_refund(said["refund"]).outcome()

    def _holding(self, order: Any, amount: Decimal) -> Any:
        """The payment from which so much can go back. Raises Denied where it takes several."""
        suggested = self._ask(_REFUNDABLE, id=order["id"])["order"]["suggestedRefund"] or {"suggestedTransactions": []}
        for one in suggested["suggestedTransactions"]:
            if one["parentTransaction"] and _amount(one["maximumRefundableSet"]) >= amount:
                return one
        raise Denied(FROM_SEVERAL)

    def _cancel(self, wanted: Wanted, order: Any) -> Outcome | None:
        if _sent(order):
            raise Denied("The shop has sent this order, so it cannot be cancelled.")
        if wanted.pays_back:
            self._holding(order, wanted.pays_back)
        said = self._ask(_CANCEL, id=order["id"], note=marked(wanted.key))["orderCancel"]
        _refuse(said["orderCancelUserErrors"])
        return None  # a job of the shop's does it: it is seen when it is cancelled

    def _ask(self, query: str, **variables: Any) -> Any:
        """The data of the answer; asked once more when there were too many calls. Raises Silent, and Denied."""
        for is_last in (False, True):
            status, said, _ = call(
                "POST", at(self._door.url, PATH), {"X-Shopify-Access-Token": self._door.secret},
                {"query": query, "variables": variables},
            )  # fmt: skip
            if not isinstance(said, dict):
                raise Silent(f"it answered {status}, and not as GraphQL does")
            code, message = _fault(said)
            if code != "THROTTLED" or is_last:
                break
            time.sleep(_wait(said))
        if status in (401, 403, 404) or code in _CERTAIN:
            raise Denied(f"The shop says: {message or status}")
        if code is not None or not isinstance(said.get("data"), dict):
            raise Silent(f"the shop says: {message or status}")
        return said["data"]


def _fault(said: Mapping[str, Any]) -> tuple[str | None, str]:
    """The code and message of the first error; errors may be a plain text."""
    errors = said.get("errors")
    if not errors:
        return None, ""
    if not isinstance(errors, list):
        return "", str(errors)
    return str(errors[0].get("extensions", {}).get("code") or ""), str(errors[0].get("message", ""))


def _wait(said: Mapping[str, Any]) -> float:
    cost = said.get("extensions", {}).get("cost", {})
    status = cost.get("throttleStatus", {})
    lacking = float(cost.get("requestedQueryCost", 0)) - float(status.get("currentlyAvailable", 0))
    return min(max(lacking / float(status.get("restoreRate") or 50), 0.5), LONGEST_WAIT)


def _refuse(errors: Any) -> None:
    if not errors:
        return
    message = "; ".join(str(error["message"]) for error in errors)
    if _UNDER_WAY in message:
        raise Silent(message)
    raise Denied(f"The shop says: {message}")


def _plain(name: str) -> str:
    return name.strip().lstrip("#")


def _amount(bag: Mapping[str, Any] | None) -> Decimal:
    return Decimal(bag["presentmentMoney"]["amount"]).quantize(Decimal("0.01")) if bag else Decimal(0)


def _of_refund(refund: Mapping[str, Any]) -> Trace:
    states = [one["status"] for one in refund["transactions"]["nodes"] if one["kind"] == "REFUND"]
    if states and all(state == "SUCCESS" for state in states):
        return Trace("done", refund["id"])
    if not states or any(state in ("FAILURE", "ERROR") for state in states):
        return Trace("refused", refund["id"], "The shop noted a refund, and no money moved.")
    return Trace("pending", refund["id"])


def _traces(order: Mapping[str, Any], refunds: Any) -> dict[str, Trace]:
    found = {key: _of_refund(refund) for refund in refunds for key in keys_in(refund["note"])}
    note = (order.get("cancellation") or {}).get("staffNote")
    if order["cancelledAt"]:
        found |= {key: Trace("done", f"{order['name']} cancelled") for key in keys_in(note)}
    return found


def _seen(order: Mapping[str, Any], refunds: Any) -> Seen:
    if order["lineItems"]["pageInfo"]["hasNextPage"]:
        raise Denied(f"Order {order['name']} has more lines than can be read.")
    who, to, ways = order["customer"] or {}, order["shippingAddress"] or {}, _sent(order)
    email = (who.get("defaultEmailAddress") or {}).get("emailAddress") or order["email"] or ""
    customer_id = who.get("id") or f"guest {email or 'of order ' + _plain(order['name'])}"
    tags = {str(tag).lower() for tag in who.get("tags") or []}
    delivered = [way["deliveredAt"] for way in ways if way["deliveredAt"]]
    all_there = bool(ways) and len(delivered) == len(ways) and order["displayFulfillmentStatus"] == "FULFILLED"
    status = "cancelled" if order["cancelledAt"] else "delivered" if all_there else "shipped" if ways else "placed"
    paid = [one for one in order["transactions"] if one["kind"] in ("SALE", "CAPTURE") and one["status"] == "SUCCESS"]
    moved = [refund for refund in refunds if _of_refund(refund).verdict != "refused"]
    return Seen(
        number=_plain(order["name"]),
        customer={
            "external_id": customer_id, "name": (who.get("displayName") or "")[:200], "email": email,
            "tier": next((tier for tier in reversed(TIERS) if tier in tags), ""),
            "country": to.get("countryCodeV2") or "", "postcode": to.get("zip") or "",
        },
        order={
            "customer": customer_id, "status": status, "currency": order["presentmentCurrencyCode"],
            "total": f"{_amount(order['totalPriceSet']):.2f}", "placed_at": order["processedAt"] or order["createdAt"],
            "delivered_at": max(delivered) if all_there else None,
            "destination": {name: to.get(field) or "" for name, field in _DESTINATION.items()},
            "lines": with_rest(
                [_line(line, order["taxesIncluded"]) for line in order["lineItems"]["nodes"] if line["quantity"]],
                _amount(order["totalPriceSet"]),
            ),
            "payments": [
                {"kind": "payment", "method": one["gateway"][:30], "amount": f"{_amount(one['amountSet']):.2f}",
                 "reference": one["id"], "at": one["processedAt"]}
                for one in paid
            ] + [
                {"kind": "refund", "method": "refund", "amount": f"{_amount(one['totalRefundedSet']):.2f}",
                 "reference": next(iter(keys_in(one["note"])), one["id"]), "at": one["createdAt"]}
                for one in moved
            ],
            "tracking_number": next((info["number"] for way in ways for info in way["trackingInfo"] if info["number"]), ""),
            "events": [
                *({"at": way["createdAt"], "kind": "picked_up"} for way in ways),
                *({"at": when, "kind": "delivered"} for when in delivered),
            ],
        },
        left=_amount(order["totalReceivedSet"]) - _amount(order["totalRefundedSet"]), traces=_traces(order, refunds), raw=order,
    )  # fmt: skip


def _sent(order: Mapping[str, Any]) -> list[Any]:
    """What is on its way, or was: not what was called off, or never left."""
    return [one for one in order["fulfillments"] if one["status"] not in ("CANCELLED", "ERROR", "FAILURE")]


def _line(line: Mapping[str, Any], taxes_included: bool) -> dict[str, Any]:
    """With its tax, which the shop may keep beside the price."""
    worth = _amount(line["discountedTotalSet"])
    if not taxes_included:
        worth += sum((_amount(tax["priceSet"]) for tax in line["taxLines"]), Decimal(0))
    each = (worth / line["quantity"]).quantize(Decimal("0.01"))
    sku, name = line["sku"] or line["name"][:60], line["name"][:200]
    return {"sku": sku, "name": name, "quantity": line["quantity"], "unit_price": f"{each:.2f}"}
