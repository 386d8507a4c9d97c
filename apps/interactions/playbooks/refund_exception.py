"""Refund exception: the customer wants money back outside the standard return. A person weighs it."""

from apps.interactions.case import Case
from apps.interactions.models import Order
from apps.interactions.playbooks.base import (
    Option,
    Plan,
    decline,
    in_days,
    marks,
    order_name,
    refund,
    return_fee,
    return_label,
    store_credit,
    which_order_plan,
)
from apps.policies.money import Money

VERSION = "refund_exception-2"
NEEDS = ("order.days_past_window", "order.refundable", "order.chargeback_open", "customer.refunds_90d")
MATTERS = (
    "order.days_past_window",
    "order.days_late",
    "order.refundable",
    "order.status",
    "order.final_sale",
    "message.reason",
    "customer.tier",
    "customer.lifetime_value",
    "customer.refunds_90d",
    "customer.returns_12m",
    "order.chargeback_open",
    "sender.verified",
    "order.belongs_to_sender",
)

_REFUNDED = "I have looked at your order {number} and refunded {amount}, the way you paid."
_CREDITED = "For your order {number} I have added {amount} to your account as store credit."


def plan(case: Case) -> Plan:
    if case.order is None:
        return which_order_plan(case, "the refund")
    order, amount = case.order, case.order.refundable
    options = [refund(case, order, _REFUNDED, detail="the way the customer paid")]
    if amount.amount > 0:
        options.append(store_credit(case, order, _CREDITED, detail="keeps the sale"))
        options.append(_label(case, order))
    options.append(_no(case, order))
    if amount.amount == 0:
        options.reverse()
    return Plan(
        question=_question(case, order, amount),
        options=tuple(options),
        reasons=_reasons(case),
        clause=_clause(case),
        unable_because="" if amount.amount > 0 else "nothing is left to refund on this order",
        matters=MATTERS,
        off_norm=marks(case, *MATTERS),
    )


def _question(case: Case, order: Order, amount: Money) -> str:
    past = case.facts.value("order.days_past_window")
    if amount.amount == 0:
        return f"Nothing is left to refund on {order_name(case)}: decline?"
    if isinstance(past, int) and past > 0:
        return f"Refund {amount} on {order_name(case)}, {in_days(past)} past the return window?"
    if case.facts.value("order.final_sale") is True:
        return f"Refund {amount} on {order_name(case)}, which holds final-sale goods?"
    if order.status in ("placed", "shipped"):
        return f"Refund {amount} on {order_name(case)}, which is not delivered yet?"
    return f"Refund {amount} on {order_name(case)}?"


def _label(case: Case, order: Order) -> Option:
    fee = return_fee(case, order)
    cost = "free for the customer" if fee.amount == 0 else f"the customer pays {fee}"
    return return_label(case, order, label="Take it back: return label", detail=f"refund when it is scanned in; {cost}")


def _no(case: Case, order: Order) -> Option:
    return decline(
        case,
        "I have looked at your order {number} and at our terms, and I am sorry: we cannot refund it.",
        number=order.number,
    )


def _reasons(case: Case) -> tuple[str, ...]:
    said = []
    past, late = case.facts.value("order.days_past_window"), case.facts.value("order.days_late")
    if isinstance(past, int) and past > 0:
        said.append(f"It is {in_days(past)} past the return window.")
    if isinstance(late, int) and late > 0:
        said.append(f"It came {in_days(late)} later than promised, which is ours to answer for.")
    if case.facts.value("order.final_sale") is True:
        said.append("Some of the goods are final sale.")
    refunds = case.facts.value("customer.refunds_90d")
    if isinstance(refunds, int) and refunds >= 2:
        said.append(f"The customer had {refunds} refunds in 90 days.")
    return tuple(said) or ("It is not a standard return, so a person weighs it.",)


def _clause(case: Case) -> str:
    if case.terms is None:
        return ""
    if case.facts.value("order.final_sale") is True:
        return case.terms.non_returnable_clause
    return case.terms.return_window_clause
