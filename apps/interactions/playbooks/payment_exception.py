"""Payment exception: charged twice or wrongly, or a payment that fails. The shop's payments say which; a person decides."""

from collections import Counter
from decimal import Decimal

from apps.interactions.case import Case
from apps.interactions.models import Order
from apps.interactions.playbooks.base import (
    Option,
    Plan,
    answer_yourself,
    hand_on,
    marks,
    order_name,
    refund,
    reply_to,
    skus,
    store_credit,
    which_order_plan,
)
from apps.policies.money import Money
from apps.policies.words import Action

VERSION = "payment_exception-1"
NEEDS = ("order.duplicate_payments", "order.failed_payments", "order.chargeback_open")
MATTERS = (
    "order.duplicate_payments",
    "order.failed_payments",
    "order.chargeback_open",
    "order.total",
    "order.refundable",
    "order.status",
    "message.claimed_amount",
    "customer.tier",
    "customer.refunds_90d",
    "sender.verified",
)


def plan(case: Case) -> Plan:
    if case.order is None:
        return which_order_plan(case, "the payment")
    order = case.order
    first, why = _first(case, order)
    back = _money_back(case, order)
    return Plan(
        question=f"{why} What do we answer on {order_name(case)}?",
        options=(first, *back, answer_yourself(case), hand_on(case)),
        reasons=(why, *_paid(order)),
        matters=MATTERS,
        off_norm=marks(case, *MATTERS),
    )


def _first(case: Case, order: Order) -> tuple[Option, str]:
    extra = charged_beyond(order)
    if case.facts.value("order.chargeback_open") is True:
        return hand_on(case), "The customer's bank has taken the money back; the chargeback decides first."
    if 0 < extra <= order.refundable.amount:
        return _second_charge(
            case, order, Money(extra, order.currency)
        ), "The shop shows the same payment more than once."
    if case.facts.value("order.failed_payments"):
        body = (
            "I have looked at the payments of your order {number}: an attempt did not go through, and we have received "
            "{amount} in all. If your bank shows more, it is a reservation that the bank releases by itself."
        )
        reply = reply_to(case, body, number=order.number, amount=Money(order.paid, order.currency))
        label = "Explain the failed attempt"
        option = Option(Action.REPLY, label, "costs nothing", reply, discloses_order=True)
        return option, "A payment failed at the shop; only what was received counts."
    return answer_yourself(case), "The shop shows one payment and nothing wrong with it."


def _money_back(case: Case, order: Order) -> list[Option]:
    if order.refundable.amount <= 0:
        return []
    refunded = "For your order {number} I have refunded {amount}, the way you paid."
    credited = "For your order {number} I have added {amount} to your account as store credit."
    return [
        refund(case, order, refunded, detail="the way the customer paid"),
        store_credit(case, order, credited, detail="keeps the sale"),
    ]


def charged_beyond(order: Order) -> Decimal:
    """What was paid more than once in the same way, as far as the shop shows it."""
    paid = Counter((p.method, p.amount) for p in order.payments.all() if p.kind == "payment" and p.amount > 0)
    return sum((amount * (times - 1) for (_, amount), times in paid.items()), Decimal(0))


def _second_charge(case: Case, order: Order, amount: Money) -> Option:
    body = "You were charged twice for your order {number}, and I am sorry. I have refunded {amount}, the way you paid."
    reply = reply_to(case, body, number=order.number, amount=amount)
    label, detail = "Refund the second charge", "the shop shows the same payment more than once"
    return Option(Action.PARTIAL_REFUND, label, detail, reply, amount=amount, lines=skus(order), discloses_order=True)


def _paid(order: Order) -> list[str]:
    said = [f"{payment.kind.replace('_', ' ')}: {payment.amount:,.2f} {order.currency} by {payment.method.replace('_', ' ')}"
            for payment in order.payments.all()]  # fmt: skip
    return [f"On record: {'; '.join(said)}."] if said else ["The shop shows no payment."]
