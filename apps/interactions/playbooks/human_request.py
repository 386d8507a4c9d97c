"""Human request: the customer wants a person, and gets one. The AI only says by when."""

from apps.interactions.case import Case
from apps.interactions.playbooks.base import Option, Plan, answer_yourself, hand_on, marks, order_name, reply_to
from apps.policies.words import Action

VERSION = "human_request-1"
NEEDS = ()
MATTERS = (
    "case.contacts",
    "message.sentiment",
    "customer.tier",
    "customer.lifetime_value",
    "customer.open_cases",
    "order.status",
    "order.days_late",
    "sender.verified",
)


def plan(case: Case) -> Plan:
    on = f" about {order_name(case)}" if case.order else ""
    reply = reply_to(case, "You have reached a person now. How can I help?")
    greet = Option(Action.REPLY, "Say that you are there", "costs nothing", reply)
    return Plan(
        question=f"The customer asks for a person{on}. Who answers?",
        options=(greet, answer_yourself(case), hand_on(case)),
        reasons=("The customer asks for a person, and that is not for the AI to weigh.",),
        unable_because="the customer asks for a person",
        matters=MATTERS,
        off_norm=marks(case, *MATTERS),
    )
