"""Other: anything else, unsure, or in a language the classifier was not measured on. A person reads it."""

from apps.interactions.case import Case
from apps.interactions.classification import language
from apps.interactions.playbooks.base import Plan, answer_yourself, ask_which_order, hand_on, marks, order_name

VERSION = "other-1"
NEEDS = ()
MATTERS = (
    "message.language",
    "message.sentiment",
    "order.status",
    "order.days_late",
    "customer.tier",
    "customer.open_cases",
    "case.contacts",
    "sender.verified",
)


def plan(case: Case) -> Plan:
    on = f" about {order_name(case)}" if case.order else ""
    written_in = case.reading.language
    if written_in not in language.MEASURED:
        question = f"A message in {language.NAMES[written_in]}{on}: what does the customer want?"
        why = f"The AI was not measured on {language.NAMES[written_in]}, so it reads nothing into this message."
    else:
        question = f"What does the customer want{on}?"
        why = "The message could not be understood with enough certainty."
    return Plan(
        question=question,
        options=(answer_yourself(case), ask_which_order(case), hand_on(case)),
        reasons=(why,),
        unable_because="there is nothing to propose",
        matters=MATTERS,
        off_norm=marks(case, *MATTERS),
    )
