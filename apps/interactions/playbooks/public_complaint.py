"""Public complaint: anything negative said in public. A senior answers; nothing about an order is said there."""

from apps.interactions.case import Case
from apps.interactions.playbooks.base import Option, Plan, invitation, marks, order_name, reply_to
from apps.policies.words import Action

VERSION = "public_complaint-2"
NEEDS = ("message.audience", "message.sentiment")
MATTERS = (
    "message.audience",
    "message.sentiment",
    "customer.tier",
    "customer.lifetime_value",
    "order.status",
    "order.days_late",
    "customer.open_cases",
    "case.contacts",
)


def plan(case: Case) -> Plan:
    audience = case.facts.value("message.audience")
    heard = f" to {audience:,} followers" if isinstance(audience, int) else ""
    about = f" about {order_name(case)}" if case.order else ""
    return Plan(
        question=f"Answer a public complaint{about}, said{heard or ' in public'}?",
        options=(
            invitation(case, "I am sorry that this went wrong. I want to put it right: please"),
            Option(
                Action.REPLY,
                "Apologise only",
                "keeps it short; no offer",
                reply_to(case, "I am sorry about this. Thank you for telling us; we are looking into it."),
            ),
            Option(
                Action.REFER,
                "Hand to the press team",
                "for a large audience or a legal threat",
                reply_to(case, "Thank you for telling us. Somebody from our team will be in touch with you."),
            ),
        ),
        reasons=("It was said in public, so others read the answer; order details stay out of it.",),
        matters=MATTERS,
        off_norm=marks(case, *MATTERS),
    )
