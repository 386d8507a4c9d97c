"""Delivery dispute: the courier's word against the customer's. A person decides on scans, history and timeline."""

from apps.interactions.case import Case
from apps.interactions.models import Order
from apps.interactions.playbooks.base import (
    Option,
    Plan,
    decline,
    order_name,
    refund,
    reply_to,
    skus,
    which_order_plan,
)
from apps.policies.words import Action

VERSION = "delivery_dispute-1"
MATTERS = (
    "order.status",
    "order.proof_of_delivery",
    "order.days_since_delivery",
    "order.hours_without_scan",
    "order.days_late",
    "customer.disputes_12m",
    "customer.refunds_90d",
    "order.refundable",
    "customer.tier",
    "message.reason",
    "sender.verified",
)

_REFUNDED = "I am sorry about your order {number}. I have refunded {amount}, the way you paid."


def plan(case: Case) -> Plan:
    if case.order is None:
        return which_order_plan(case, "the delivery problem")
    order, amount = case.order, case.order.refundable
    choices = {
        "claim": _claim(case, order),
        "replace": _replace(case, order),
        "refund": refund(case, order, _REFUNDED, detail="the way the customer paid"),
        "no": decline(
            case,
            "The courier reports your order {number} as delivered, and I am sorry: we cannot replace it.",
            number=order.number,
        ),
    }
    if amount.amount == 0:
        del choices["refund"]
    first, why = _weigh(case, choices.keys())
    options = (choices.pop(first), *choices.values())
    return Plan(
        question=_question(case, order),
        options=options,
        reasons=(why,),
        clause=case.terms.lost_clause if case.terms else "",
        matters=MATTERS,
        off_norm=_off_norm(case),
    )


def _question(case: Case, order: Order) -> str:
    proof = case.facts.value("order.proof_of_delivery")
    if order.status == "delivered":
        how = f", {proof}" if proof and proof != "none" else ""
        return f"The courier says {order_name(case)} was delivered{how}; the customer says not. What do we do?"
    if order.status == "shipped":
        return f"The customer misses {order_name(case)}, which is on its way. What do we do?"
    return f"The customer reports a delivery problem with {order_name(case)}. What do we do?"


def _weigh(case: Case, available: "object") -> tuple[str, str]:
    """What the AI proposes, and why in words."""
    proof, silent = case.facts.value("order.proof_of_delivery"), case.facts.value("order.hours_without_scan")
    lost_after = case.terms.lost_after_days * 24 if case.terms else 168
    if proof == "signature":
        return "claim", "The courier has a signature, so the courier answers first; the claim costs nothing."
    if isinstance(silent, int) and silent >= lost_after:
        return "replace", f"No scan for {silent} hours: under the terms the parcel counts as lost."
    if case.facts.value("message.reason") in ("damaged", "wrong_item"):
        return "replace", "The customer says that what came was damaged or wrong; a replacement settles it."
    return "claim", "Scans do not settle it; the courier is asked first, which costs nothing."


def _claim(case: Case, order: Order) -> Option:
    return Option(
        Action.COURIER_CLAIM,
        "Ask the courier",
        "opens a claim; costs nothing",
        reply_to(
            case,
            "I am sorry about the delivery of your order {number}. I have asked the courier to look into it, "
            "and I will write to you as soon as they answer.",
            number=order.number,
        ),
        discloses_order=True,
    )


def _replace(case: Case, order: Order) -> Option:
    return Option(
        Action.REPLACEMENT,
        "Send it again",
        f"goods worth {order.total:,.2f} {order.currency}",
        reply_to(case, "I am sorry: we are sending your order {number} again.", number=order.number),
        lines=skus(order),
        discloses_order=True,
    )


def _off_norm(case: Case) -> frozenset[str]:
    disputes, late = case.facts.value("customer.disputes_12m"), case.facts.value("order.days_late")
    marks = {
        "customer.disputes_12m": isinstance(disputes, int) and disputes >= 2,
        "order.days_late": isinstance(late, int) and late > 0,
        "order.proof_of_delivery": case.facts.value("order.proof_of_delivery") == "signature",
        "sender.verified": case.facts.value("sender.verified") is not True,
    }
    return frozenset(name for name, marked in marks.items() if marked)
