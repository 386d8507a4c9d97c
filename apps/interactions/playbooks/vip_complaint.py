"""VIP complaint: a complaint from the top tier. The AI drafts a resolution and a reply; a person makes it personal."""

from dataclasses import replace
from decimal import Decimal

from apps.interactions.case import Case
from apps.interactions.playbooks.base import Option, Plan, hand_on, marks, order_name
from apps.interactions.playbooks.complaint import MATTERS as COMPLAINT_MATTERS
from apps.interactions.playbooks.complaint import apology, redress, what_went_wrong

VERSION = "vip_complaint-1"
NEEDS = ("customer.tier", "customer.lifetime_value", "message.sentiment")
MATTERS = (
    "customer.lifetime_value",
    "customer.orders",
    *(name for name in COMPLAINT_MATTERS if name != "customer.lifetime_value"),
)
_OPENING = "I am sorry that we let you down, and I have taken this over myself."
_GESTURE = Decimal("0.15")


def plan(case: Case) -> Plan:
    on = f" about {order_name(case)}" if case.order else ""
    drafted = replace(
        apology(case, _OPENING), label="Apologise personally", detail="make it your own before you send it"
    )
    given = redress(case, _GESTURE)
    return Plan(
        question=f"A VIP customer complains{on}. How do we put it right?",
        options=(*_proposed(case, drafted, given), hand_on(case)),
        reasons=(*what_went_wrong(case), _worth(case)),
        matters=MATTERS,
        off_norm=marks(case, *MATTERS),
    )


def _proposed(case: Case, drafted: Option, given: list[Option]) -> tuple[Option, ...]:
    """Words first; where the shop's own facts show our fault, a gesture with them."""
    late = case.facts.value("order.days_late")
    if given and isinstance(late, int) and late > 0:
        return given[0], drafted, *given[1:]
    return drafted, *given


def _worth(case: Case) -> str:
    orders, value = case.facts.value("customer.orders"), case.facts.value("customer.lifetime_value")
    bought = f"{orders} orders" if orders != 1 else "1 order"
    return f"A VIP with {bought}, {value} in all." if value is not None else "A VIP whose value is not known."
