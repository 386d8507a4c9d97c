"""The working default of every type without a playbook of its own: say what is known, propose, ask a person."""

from collections import Counter
from decimal import Decimal

from apps.interactions.case import Case
from apps.interactions.models import Order
from apps.interactions.playbooks.base import (
    Option,
    Plan,
    ask_which_order,
    order_name,
    refund,
    reply_to,
    store_credit,
)
from apps.policies.money import Money
from apps.policies.words import Action, CaseType

VERSION = "default-1"
MATTERS = (
    "order.status",
    "order.total",
    "order.dispatched",
    "order.days_late",
    "order.duplicate_payments",
    "customer.tier",
    "customer.lifetime_value",
    "customer.refunds_90d",
    "case.contacts",
    "sender.verified",
    "message.sentiment",
)
_QUESTIONS = {
    CaseType.PAYMENT_EXCEPTION: "The customer reports a payment problem{on}. What do we answer?",
    CaseType.VIP_COMPLAINT: "A VIP customer complains{on}. Send this answer?",
    CaseType.COMPLAINT: "A customer complains{on}. Send this answer?",
    CaseType.PRODUCT_RECOMMENDATION: "The customer asks for advice. What do we recommend?",
    CaseType.ORDER_CHANGE: "Change or cancel {order} as the customer asks?",
    CaseType.QUESTION: "The customer asks a question{on}. Send this answer?",
    CaseType.HUMAN_REQUEST: "The customer asks for a person{on}. Who answers?",
    CaseType.OTHER: "What does the customer want{on}?",
}
_BODIES = {
    CaseType.PAYMENT_EXCEPTION: "I am sorry about the trouble with your payment. I am checking it with our team.",
    CaseType.VIP_COMPLAINT: "I am sorry that we let you down. I am looking into it personally and will put it right.",
    CaseType.COMPLAINT: "I am sorry that this went wrong. Thank you for telling us; I am looking into it.",
    CaseType.ORDER_CHANGE: "Thank you for telling us. I am checking whether your order can still be changed.",
    CaseType.HUMAN_REQUEST: "You have reached a person now. How can I help?",
}
# Types in which money back is among what a person weighs.
_MONEY_BACK = (CaseType.PAYMENT_EXCEPTION, CaseType.COMPLAINT, CaseType.VIP_COMPLAINT)
_DEFAULT_BODY = "Thank you for writing to us. I am looking into your question."


def plan(case: Case) -> Plan:
    on = f" on {order_name(case)}" if case.order else ""
    question = _QUESTIONS[case.case_type].format(on=on, order=order_name(case))
    options = [_reply(case), *_type_specific(case)]
    if case.order is None and case.case_type in (CaseType.PAYMENT_EXCEPTION, CaseType.ORDER_CHANGE):
        options.insert(0, ask_which_order(case))
    options.append(
        Option(
            Action.REFER,
            "Hand to another team",
            "the case leaves Remit",
            reply_to(case, "I am passing this on to the colleagues who can help you; they will write to you."),
        )
    )
    return Plan(
        question=question,
        options=tuple(options),
        reasons=(_why(case),),
        unable_because="" if _can_answer(case, options[0]) else "there is no tested answer for this type yet",
        matters=MATTERS,
        off_norm=_off_norm(case),
    )


def _can_answer(case: Case, proposal: Option) -> bool:
    """Whether the proposal is worth sending as it is; otherwise it is only a start for a person."""
    drafted = (CaseType.COMPLAINT, CaseType.VIP_COMPLAINT)
    return proposal.action == Action.ASK_CUSTOMER or case.case_type in drafted


def _reply(case: Case) -> Option:
    body = _BODIES.get(case.case_type, _DEFAULT_BODY)
    return Option(Action.REPLY, "Send this answer", "costs nothing", reply_to(case, body))


def _type_specific(case: Case) -> list[Option]:
    order = case.order
    if order is None:
        return []
    if case.case_type == CaseType.ORDER_CHANGE and order.status == "placed":
        return [_cancel(case, order)]
    if case.case_type in _MONEY_BACK and order.refundable.amount > 0:
        body = "I am sorry about this. For your order {number} I have refunded {amount}, the way you paid."
        credit = "I am sorry about this. For your order {number} I have added {amount} to your account as store credit."
        return [
            *_twice_charged(case, order),
            refund(case, order, body, detail="the way the customer paid"),
            store_credit(case, order, credit, detail="keeps the sale"),
        ]
    return []


def _cancel(case: Case, order: Order) -> Option:
    reply = reply_to(case, "Your order {number} is cancelled and will not be sent.", number=order.number)
    return Option(Action.CANCEL_ORDER, "Cancel the order", "not dispatched yet", reply, discloses_order=True)


def _twice_charged(case: Case, order: Order) -> list[Option]:
    """Pay back what was charged more than once, as far as the shop shows it."""
    paid = Counter((p.method, p.amount) for p in order.payments.all() if p.kind == "payment" and p.amount > 0)
    extra = sum((amount * (times - 1) for (_, amount), times in paid.items()), Decimal(0))
    if not 0 < extra <= order.refundable.amount:
        return []
    amount = Money(extra, order.currency)
    body = "You were charged twice for your order {number}, and I am sorry. I have refunded {amount}, the way you paid."
    reply = reply_to(case, body, number=order.number, amount=amount)
    label, detail = "Refund the second charge", "the shop shows the same payment more than once"
    return [Option(Action.PARTIAL_REFUND, label, detail, reply, amount=amount, discloses_order=True)]


def _why(case: Case) -> str:
    if case.case_type == CaseType.OTHER:
        return "The message could not be understood with enough certainty."
    return "For this type the AI gathers what is known and a person decides."


def _off_norm(case: Case) -> frozenset[str]:
    late, twice = case.facts.value("order.days_late"), case.facts.value("order.duplicate_payments")
    marks = {
        "order.days_late": isinstance(late, int) and late > 0,
        "order.duplicate_payments": isinstance(twice, int) and twice > 0,
        "sender.verified": case.facts.value("sender.verified") is not True,
        "message.sentiment": case.facts.value("message.sentiment") == "negative",
    }
    return frozenset(name for name, marked in marks.items() if marked)
