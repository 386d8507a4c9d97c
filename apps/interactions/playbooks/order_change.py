"""Order change: cancel, or change goods or address. Cancelling before dispatch is simple; the rest is a person's."""

from apps.interactions.case import Case
from apps.interactions.classification import tone
from apps.interactions.models import Order
from apps.interactions.playbooks.base import (
    Option,
    Plan,
    answer_yourself,
    decline,
    hand_on,
    marks,
    order_name,
    refund,
    reply_to,
    return_label,
    which_order_plan,
)
from apps.policies.models import Partner
from apps.policies.money import Money
from apps.policies.words import Action

VERSION = "order_change-3"
NEEDS = ("order.status", "order.dispatched", "order.belongs_to_sender", "sender.verified")
MATTERS = (
    "order.status",
    "order.dispatched",
    "order.total",
    "order.belongs_to_sender",
    "sender.verified",
    "order.chargeback_open",
    "customer.tier",
    "case.contacts",
)


def plan(case: Case) -> Plan:
    if case.order is None:
        return which_order_plan(case, "the change")
    order, wanted = case.order, tone.change_wanted(case.text)
    if order.status == "cancelled":
        options = [*_owed(case, order), _already(case, order), answer_yourself(case)]
        why = "The order is cancelled already."
    elif order.status != "placed":
        options, why = _too_late(case, order), "The order has left, so nothing on it can be changed any more."
    elif wanted == "cancel":
        options = [_cancel(case, order), _keep(case, order)]
        why = "The order has not left, and the customer asks to cancel all of it."
    elif wanted == "unclear":
        options = [_ask_what(case), _change(case, order), _cancel(case, order), _keep(case, order)]
        why = "The order has not left, and it is not clear what the customer wants changed."
    else:
        options = [_change(case, order), _cancel(case, order), _keep(case, order)]
        why = f"The order has not left, and {_IN_WORDS[wanted]}; a person makes the change in the shop."
    return Plan(
        question=_question(case, order, wanted),
        options=(*options, hand_on(case)),
        reasons=(why,),
        unable_because=_pays_back(options[0]),
        matters=MATTERS,
        off_norm=marks(case, *MATTERS),
    )


_IN_WORDS = {
    "address": "the customer wants another address",
    "items": "the customer wants other goods",
}


def _question(case: Case, order: Order, wanted: str) -> str:
    if order.status not in ("placed", "cancelled"):
        return f"The customer wants {order_name(case)} changed, which is {order.status} already. What do we do?"
    asked = {"cancel": "Cancel", "address": "Change the address of", "items": "Change the goods of"}.get(
        wanted, "Change"
    )
    return f"{asked} {order_name(case)}, as the customer asks?"


def _cancel(case: Case, order: Order) -> Option:
    """Where a connector works in the shop, which pays nothing back by itself, what is paid goes back as well."""
    if not (paid := _held_by_the_shop(case, order)):
        reply = reply_to(case, "Your order {number} is cancelled and will not be sent.", number=order.number)
        return Option(Action.CANCEL_ORDER, "Cancel the order", "not dispatched yet", reply, discloses_order=True)
    body = "Your order {number} is cancelled and will not be sent. We have refunded {amount}."
    reply = reply_to(case, body, number=order.number, amount=paid)
    detail = f"not dispatched yet; {paid} goes back"
    return Option(Action.CANCEL_ORDER, "Cancel the order", detail, reply, amount=paid, discloses_order=True)


def _held_by_the_shop(case: Case, order: Order) -> Money | None:
    """What a connected shop keeps of a cancelled order until it is paid back."""
    connected = case.partner.connector == Partner.Connector.SHOP
    return order.refundable if connected and order.refundable.amount > 0 else None


def _owed(case: Case, order: Order) -> list[Option]:
    if not (paid := _held_by_the_shop(case, order)):
        return []
    body = "Your order {number} is cancelled, and we have refunded {amount}."
    return [refund(case, order, body, detail=f"the shop still holds {paid}")]


def _pays_back(proposed: Option) -> str:
    """A boundary that grants cancelling says nothing of money, so none moves by it without a person."""
    if proposed.action != Action.CANCEL_ORDER or proposed.amount is None:
        return ""
    return f"cancelling in the shop pays back {proposed.amount}, which a person decides"


def _change(case: Case, order: Order) -> Option:
    body = "Your order {number} has not left yet, and I have changed the order as you asked."
    reply = reply_to(case, body, number=order.number)
    return Option(Action.CHANGE_ORDER, "Make the change", "in the shop, before it leaves", reply, discloses_order=True)


def _ask_what(case: Case) -> Option:
    body = "Thank you for writing. What do you want changed: the address, the goods, or do you want to cancel?"
    return Option(Action.ASK_CUSTOMER, "Ask what to change", "the clock stops meanwhile", reply_to(case, body))


def _keep(case: Case, order: Order) -> Option:
    return decline(
        case, "I have looked at your order {number}, and I am sorry: it stays as it is.", number=order.number
    )


def _already(case: Case, order: Order) -> Option:
    reply = reply_to(case, "Your order {number} is cancelled and will not be sent.", number=order.number)
    return Option(Action.REPLY, "Tell that it is cancelled", "costs nothing", reply, discloses_order=True)


def _too_late(case: Case, order: Order) -> list[Option]:
    delivered = order.status == "delivered"
    body = "Your order {number} has been delivered, so it cannot be changed any more, and I am sorry for that."
    if not delivered:
        body = "Your order {number} has left our warehouse, so it cannot be changed any more, and I am sorry for that."
    told = Option(
        Action.REPLY,
        "Tell that it is delivered" if delivered else "Tell that it has left",
        "costs nothing",
        reply_to(case, body, number=order.number),
        discloses_order=True,
    )
    back = return_label(
        case, order, label="Send a return label", detail="it comes back unopened; refund when scanned in"
    )
    return [told, back]
