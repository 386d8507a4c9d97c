"""Standard return: inside the window, returnable. A label now; the refund when the return is scanned in."""

from apps.interactions.case import Case
from apps.interactions.models import Order
from apps.interactions.playbooks.base import (
    Option,
    Plan,
    decline,
    in_days,
    marks,
    order_name,
    refund_of_return,
    return_fee,
    return_label,
    which_order_plan,
)

VERSION = "standard_return-2"
NEEDS = ("order.days_past_window", "order.refundable", "order.final_sale", "order.status")
MATTERS = (
    "order.days_since_delivery",
    "order.days_past_window",
    "order.refundable",
    "order.final_sale",
    "order.return_received",
    "customer.refunds_90d",
    "customer.tier",
    "sender.verified",
)


def plan(case: Case) -> Plan:
    if case.order is None:
        return which_order_plan(case, "the return")
    clause = case.terms.return_window_clause if case.terms else ""
    if case.facts.value("order.return_received") and case.facts.value("order.label_sent"):
        return _refund_plan(case, case.order, clause)
    days = case.facts.value("order.days_since_delivery")
    since = f"Delivered {in_days(days)} ago" if isinstance(days, int) else "Delivered"
    return Plan(
        question=f"Send a return label for {order_name(case)}?",
        options=(_label(case, case.order), refund_of_return(case, case.order), _no(case, case.order)),
        reasons=(f"{since}, inside the window, and the goods are returnable.",),
        clause=clause,
        unable_because=_unable(case, case.order),
        matters=MATTERS,
        off_norm=marks(case, *MATTERS),
    )


def _refund_plan(case: Case, order: Order, clause: str) -> Plan:
    return Plan(
        question=f"Refund {refund_of_return(case, order).amount} on {order_name(case)}, now that the return is in?",
        options=(refund_of_return(case, order), _no(case, order)),
        reasons=("We sent a label for this order, and the return has been scanned in.",),
        clause=clause,
        unable_because=_nothing_left(case, order),
        matters=MATTERS,
        off_norm=marks(case, *MATTERS),
    )


def _label(case: Case, order: Order) -> Option:
    return return_label(
        case, order, label="Send a return label", detail="the refund follows when the return is scanned in"
    )


def _no(case: Case, order: Order) -> Option:
    return decline(
        case,
        "I have looked at your order {number}, and I am sorry: we cannot take it back.",
        number=order.number,
    )


def _unable(case: Case, order: Order) -> str:
    if case.facts.value("order.label_sent"):
        return "a return label for this order has been sent already"
    return _nothing_left(case, order)


def _nothing_left(case: Case, order: Order) -> str:
    left = order.refundable.amount - return_fee(case, order).amount
    return "" if left > 0 else "nothing is left to refund on this order"
