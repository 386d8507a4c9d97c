"""Complaint: the customer is dissatisfied and says so. The AI drafts; a person edits and sends."""

from decimal import Decimal

from apps.interactions.case import Case
from apps.interactions.models import Order
from apps.interactions.playbooks.base import (
    Option,
    Plan,
    goodwill,
    hand_on,
    in_days,
    marks,
    order_name,
    refund,
    reply_to,
    store_credit,
)
from apps.policies.words import Action

VERSION = "complaint-1"
NEEDS = ("message.sentiment", "case.contacts")
MATTERS = (
    "message.sentiment",
    "message.reason",
    "order.status",
    "order.days_late",
    "order.total",
    "order.refundable",
    "customer.tier",
    "customer.lifetime_value",
    "customer.refunds_90d",
    "customer.open_cases",
    "case.contacts",
    "sender.verified",
)
_REFUNDED = "I am sorry about this. For your order {number} I have refunded {amount}, the way you paid."
_CREDITED = "I am sorry about this. For your order {number} I have added {amount} to your account as store credit."
_GESTURE = (
    "I am sorry about your order {number}. I have added {amount} to your account as store credit for your next order."
)


def plan(case: Case) -> Plan:
    on = f" about {order_name(case)}" if case.order else ""
    return Plan(
        question=f"A customer complains{on}. Send this answer?",
        options=(apology(case), *redress(case, Decimal("0.10")), hand_on(case)),
        reasons=what_went_wrong(case),
        matters=MATTERS,
        off_norm=marks(case, *MATTERS),
    )


def apology(case: Case, opening: str = "I am sorry that this went wrong, and thank you for telling us.") -> Option:
    """An honest answer that says what the shop knows, and promises nothing."""
    late = case.facts.value("order.days_late")
    body, values = opening, {}
    if case.order is not None and isinstance(late, int) and late > 0 and not case.interaction.public:
        body += " Your order {number} is later than promised, which is ours to answer for."
        values = {"number": case.order.number}
    body += " I am looking into it now."
    return Option(
        Action.REPLY, "Apologise and look into it", "costs nothing", reply_to(case, body, **values),
        discloses_order=bool(values),
    )  # fmt: skip


def redress(case: Case, share: Decimal) -> list[Option]:
    """What can be given besides words, the cheapest first."""
    order = case.order
    if order is None or order.refundable.amount <= 0:
        return []
    return [
        goodwill(case, order, share, _GESTURE),
        store_credit(case, order, _CREDITED, detail="keeps the sale"),
        refund(case, order, _REFUNDED, detail="the way the customer paid"),
    ]


def what_went_wrong(case: Case) -> tuple[str, ...]:
    known, said = case.facts.value, []
    late, contacts, others = known("order.days_late"), known("case.contacts"), known("customer.open_cases")
    if isinstance(late, int) and late > 0:
        said.append(f"The order is {in_days(late)} later than promised.")
    if isinstance(contacts, int) and contacts > 1:
        said.append(f"The customer has written {contacts} times about this.")
    if isinstance(others, int) and others > 0:
        said.append("Another case of this customer is open: read it first.")
    if case.order is not None:
        said.append(_order_in_words(case.order))
    return tuple(said) or ("The shop shows nothing that went wrong; the customer's words are all there is.",)


def _order_in_words(order: Order) -> str:
    return f"Order {order.number} over {order.total:,.2f} {order.currency} is {order.status}."
