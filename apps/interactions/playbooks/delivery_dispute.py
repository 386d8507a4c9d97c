"""Delivery dispute: the courier's word against the customer's. A person decides on scans, history and timeline."""

from apps.interactions.case import Case
from apps.interactions.classification import tone
from apps.interactions.models import Order
from apps.interactions.playbooks.base import (
    Option,
    Plan,
    decline,
    marks,
    order_name,
    refund,
    reply_to,
    skus,
    which_order_plan,
)
from apps.policies.words import Action

VERSION = "delivery_dispute-2"
NEEDS = ("order.status", "order.proof_of_delivery", "order.address_matches", "customer.disputes_12m")
MATTERS = (
    "order.status",
    "order.proof_of_delivery",
    "order.address_matches",
    "order.delivery_attempts",
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
        reasons=(why, *contradictions(case, order)),
        clause=case.terms.lost_clause if case.terms else "",
        matters=MATTERS,
        off_norm=marks(case, *MATTERS),
    )


def _question(case: Case, order: Order) -> str:
    proof = case.facts.value("order.proof_of_delivery")
    if order.status == "delivered":
        how = f", {proof}" if proof and proof != "none" else ""
        return f"The courier says {order_name(case)} was delivered{how}; the customer says not. What do we do?"
    if order.status == "shipped":
        return f"The customer misses {order_name(case)}, which is on its way. What do we do?"
    return f"The customer reports a delivery problem with {order_name(case)}. What do we do?"


def contradictions(case: Case, order: Order) -> list[str]:
    """Where courier, shop and customer do not say the same, each as a sentence."""
    known, said = case.facts.value, []
    reason, delivered = known("message.reason"), order.status == "delivered"
    if delivered and reason == "not_received":
        said.append("The courier reports the parcel as delivered, and the customer says that it did not come.")
    if known("order.address_matches") is False:
        said.append("The place of the delivery scan is not that of the order's address.")
    if delivered and known("order.proof_of_delivery") == "none":
        said.append("It counts as delivered, and the courier has no proof of it.")
    if known("order.proof_of_delivery") == "signature" and reason == "not_received":
        said.append("Somebody signed for it.")
    reported = case.asked[0].sent_at if case.asked else case.at
    thanked = [
        message
        for message in case.messages
        if message.author == "customer"
        and message.handled
        and message.sent_at < reported
        and tone.sentiment(message.text) == "positive"
    ]
    if thanked and order.delivered_at and thanked[-1].sent_at > order.delivered_at:
        said.append("After the delivery the customer wrote in a friendly way and reported nothing missing.")
    disputes = known("customer.disputes_12m")
    if isinstance(disputes, int) and disputes >= 2:
        said.append(f"It is one of {disputes} disputes of this customer in 12 months.")
    return said


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
