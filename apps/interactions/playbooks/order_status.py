"""Order status: where is the order, when will it come. Answered from the shop's facts and the courier's scans."""

from apps.interactions.case import Case
from apps.interactions.classification import tone
from apps.interactions.models import Order
from apps.interactions.playbooks.base import (
    Option,
    Plan,
    ask_which_order,
    marks,
    order_name,
    reply_to,
    which_order_plan,
)
from apps.policies.money import Money
from apps.policies.words import Action

VERSION = "order_status-3"
NEEDS = ("order.status", "sender.verified", "order.belongs_to_sender")
MATTERS = (
    "order.status",
    "order.days_late",
    "order.hours_without_scan",
    "order.days_since_delivery",
    "order.proof_of_delivery",
    "sender.verified",
    "order.belongs_to_sender",
    "customer.tier",
)


def plan(case: Case) -> Plan:
    if case.order is None:
        return which_order_plan(case, "the question")
    return Plan(
        question=f"Tell the customer where {order_name(case)} is?",
        options=(_answer(case, case.order), ask_which_order(case)),
        reasons=(_why(case.order),),
        matters=MATTERS,
        off_norm=marks(case, *MATTERS),
    )


def _answer(case: Case, order: Order) -> Option:
    body, values = _body(case, order)
    if tone.asks_about_refund("\n".join(message.text for message in case.asked)):
        refund, amount = _refund_state(order)
        body, values = f"{refund} {body}", values | amount
    return Option(
        Action.REPLY,
        "Tell where it is",
        "costs nothing",
        reply_to(case, body, number=order.number, **values),
        discloses_order=True,
    )


def _refund_state(order: Order) -> tuple[str, dict[str, object]]:
    """What the shop and we have on record, for a customer who asks where the refund is."""
    paid_back = order.refunds_reported + order.refunds_reserved
    if paid_back == 0:
        return "We have no refund on record for your order {number} so far.", {}
    return "A refund of {refunded} is on record for your order {number}.", {
        "refunded": Money(paid_back, order.currency)
    }


def _body(case: Case, order: Order) -> tuple[str, dict[str, object]]:
    is_late = order.promised_at is not None and order.promised_at < case.at
    scans = [event for event in order.events.all() if event.at <= case.at]
    if order.status == "cancelled":
        if order.refunds_reported:
            return "Your order {number} was cancelled, and {amount} has been refunded to you.", {
                "amount": f"{order.refunds_reported:,.2f} {order.currency}"
            }
        return "Your order {number} was cancelled and will not be sent.", {}
    if order.status == "delivered" and order.delivered_at:
        where = next((scan.location for scan in reversed(scans) if scan.kind == "delivered"), "")
        if where:
            return "Your order {number} was delivered on {day} in {place}.", {"day": order.delivered_at, "place": where}
        return "Your order {number} was delivered on {day}.", {"day": order.delivered_at}
    promised = order.promised_at
    values: dict[str, object] = {}
    if order.status == "shipped":
        body = "Your order {number} is on its way."
        if scans:
            body += " The courier last saw it on {seen}" + (" at {place}." if scans[-1].location else ".")
            values |= {"seen": scans[-1].at} | ({"place": scans[-1].location} if scans[-1].location else {})
        if order.tracking_number:
            body += " Its tracking number is {tracking}."
            values["tracking"] = order.tracking_number
    else:
        body = "Your order {number} is being prepared and has not been sent yet."
    if promised and is_late:
        return body + " It was promised for {promised}, so it is late, and I am sorry for that.", {
            **values,
            "promised": promised,
        }
    if promised:
        return body + " It should be with you by {promised}.", {**values, "promised": promised}
    return body, values


def _why(order: Order) -> str:
    return f"The shop says order {order.number} is {order.status}; the answer states what shop and courier report."
