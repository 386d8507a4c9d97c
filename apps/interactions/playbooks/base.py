"""What every playbook gives: the options a person would weigh, the first being what the AI proposes."""

from dataclasses import dataclass, field
from decimal import Decimal

from apps.interactions import sent_along
from apps.interactions.case import Case
from apps.interactions.drafting.grounding import Source
from apps.interactions.drafting.replies import Reply, name_for, write
from apps.interactions.drafting.sources import Stated, source_of
from apps.interactions.models import Order
from apps.policies.facts import Value
from apps.policies.money import Money, rounded
from apps.policies.words import Action

# Actions that are nothing but what the reply says.
REPLY_ONLY = frozenset({Action.REPLY, Action.DENY, Action.ASK_CUSTOMER, Action.RECOMMEND})


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that could be done, with its cost to the partner and the reply that would go out with it."""

    action: Action
    label: str
    detail: str
    reply: Reply
    amount: Money | None = None
    lines: tuple[str, ...] = ()
    discloses_order: bool = False
    stated: Stated = field(default_factory=Stated)

    def source(self, case: Case) -> Source:
        """What its reply may state."""
        return source_of(case, self.action, self.amount, self.stated, discloses_order=self.discloses_order)


@dataclass(frozen=True, slots=True)
class Plan:
    """A playbook's answer for one case.

    `options[0]` is the proposal. `unable_because` is set when it cannot be carried out. `missing` are the facts that the
    playbook needs and nobody knows, in words. `matters` names the facts the brief shows first, `off_norm` those it marks.
    """

    question: str
    options: tuple[Option, ...]
    reasons: tuple[str, ...]
    clause: str = ""
    unable_because: str = ""
    missing: tuple[str, ...] = ()
    matters: tuple[str, ...] = ()
    off_norm: frozenset[str] = field(default_factory=frozenset)

    @property
    def proposal(self) -> Option:
        return self.options[0]


def reply_to(case: Case, body: str, **values: object) -> Reply:
    """A reply to the case's customer in the partner's voice."""
    name = name_for(case.partner, case.customer, public=case.interaction.public)
    return write(case.partner, name, body, **values)


def invitation(case: Case, opening: str) -> Option:
    """A public reply that says nothing but where to go on; `opening` ends with "please"."""
    body = f"{opening} send us a direct message, so that we can look at it together without sharing your details here."
    return Option(
        Action.REPLY, "Invite to a private conversation", "says nothing about the order in public", reply_to(case, body)
    )


def in_days(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"


def order_name(case: Case) -> str:
    return f"order {case.order.number}" if case.order else "an unnamed order"


def ask_which_order(case: Case) -> Option:
    """Ask for the order number, telling nothing about any order."""
    return Option(
        Action.ASK_CUSTOMER,
        "Ask which order",
        "costs nothing; the clock stops while the customer answers",
        reply_to(
            case,
            "Thank you for writing. So that I look at the right one: which order is this about? "
            "The number is in your confirmation e-mail.",
        ),
    )


def decline(case: Case, body: str, **values: object) -> Option:
    reply = reply_to(case, body, **values)
    return Option(Action.DENY, "Decline", "needs a reason", reply, discloses_order=bool(values))


def goodwill(case: Case, order: Order, share: Decimal, body: str) -> Option:
    """Store credit of a share of the order, as a gesture: it costs that, and is reserved on no line."""
    amount = Money(rounded(order.total * share), order.currency)
    percent = f"{int(share * 100)} % of the order"
    return Option(
        Action.GOODWILL, f"Apologise with {amount}", f"{percent}, as credit for the next order",
        reply_to(case, body, number=order.number, amount=amount), amount=amount, discloses_order=True,
    )  # fmt: skip


def refund(case: Case, order: Order, body: str, *, label: str = "Refund in full", detail: str) -> Option:
    """Pay back everything still refundable; `body` may name {number} and {amount}."""
    return _money_back(case, order, Action.REFUND, label, detail, body)


def store_credit(case: Case, order: Order, body: str, *, detail: str) -> Option:
    return _money_back(case, order, Action.STORE_CREDIT, "Store credit", detail, body)


def return_fee(case: Case, order: Order) -> Money:
    """What the customer pays for a return by the Terms and tier, at most what is left to refund."""
    free = case.terms is None or (case.customer is not None and case.customer.tier in case.terms.free_return_tiers)
    fee = Decimal("0.00") if free or case.terms is None else rounded(case.terms.return_fee)
    return Money(min(fee, order.refundable.amount), order.currency)


def refund_of_return(case: Case, order: Order) -> Option:
    """What is still refundable, less the return fee."""
    fee = return_fee(case, order)
    amount = Money(order.refundable.amount - fee.amount, order.currency)
    if fee.amount == 0:
        body, detail = (
            "We have refunded {amount} for your order {number}, the way you paid.",
            "everything still refundable",
        )
    else:
        body = "We have refunded {amount} for your order {number}, the way you paid: all of it less the return fee of {fee}."
        detail = f"less the return fee of {fee}"
    reply = reply_to(case, body, amount=amount, number=order.number, fee=fee)
    return Option(Action.REFUND, "Refund", detail, reply, amount=amount, lines=skus(order), discloses_order=True)


def answer_yourself(case: Case) -> Option:
    """A start for words of the person's own."""
    return Option(
        Action.REPLY,
        "Answer in your own words",
        "write the reply yourself",
        reply_to(case, "Thank you for writing to us. I am looking into this for you."),
    )


def hand_on(case: Case) -> Option:
    return Option(
        Action.REFER,
        "Hand to another team",
        "the case leaves Remit",
        reply_to(case, "I am passing this on to the colleagues who can help you; they will write to you."),
    )


def marks(case: Case, *names: str) -> frozenset[str]:
    """Those of the facts that are off the norm, by what is normal for each."""
    return frozenset(name for name in names if _is_off_norm(name, case.facts.value(name)))


def _is_off_norm(name: str, value: Value | None) -> bool:
    if name in _WANTED_YES:
        return value is not True
    if name in _WANTED_NO:
        return value is True
    if isinstance(value, int) and name in _HIGH_FROM:
        return value >= _HIGH_FROM[name]
    return value == _ODD.get(name)


_WANTED_YES = frozenset({"sender.verified", "order.belongs_to_sender", "order.identified", "order.address_matches"})
_WANTED_NO = frozenset({"order.final_sale", "order.chargeback_open"})
_HIGH_FROM = {
    "order.days_past_window": 1, "order.days_late": 1, "order.duplicate_payments": 1, "order.failed_payments": 1,
    "order.hours_without_scan": 72, "customer.refunds_90d": 2, "customer.refunds_30d": 2, "customer.disputes_12m": 2,
    "customer.returns_12m": 6, "customer.open_cases": 1, "case.contacts": 2, "message.audience": 1000,
    "order.delivery_attempts": 2,
}  # fmt: skip
_ODD: dict[str, object] = {
    "message.sentiment": "negative",
    "order.proof_of_delivery": "signature",
    "message.public": True,
}


def _money_back(case: Case, order: Order, action: Action, label: str, detail: str, body: str) -> Option:
    return Option(
        action,
        label,
        detail,
        reply_to(case, body, number=order.number, amount=order.refundable),
        amount=order.refundable,
        lines=skus(order),
        discloses_order=True,
    )


def return_label(case: Case, order: Order, *, label: str, detail: str) -> Option:
    """A label now; the refund follows when the parcel is scanned in."""
    fee = return_fee(case, order)
    less = ", less the return fee of {fee}" if fee.amount else ""
    body = (
        "You can send back your order {number}: the return label is on its way to your e-mail address. "
        f"As soon as the parcel is scanned in, we refund what you paid for it{less}."
    )
    reply = reply_to(case, body, number=order.number, fee=fee)
    return Option(Action.RETURN_LABEL, label, detail, reply, lines=skus(order), discloses_order=True)


def skus(order: Order) -> tuple[str, ...]:
    return tuple(line.sku for line in order.lines.all())


def which_order_plan(case: Case, about: str) -> Plan:
    """The plan of every case that is about an order when it is not known which, or not known to the shop."""
    if number := sent_along.order_to_come(case.interaction):
        return _order_to_come(case, about, number)
    several = case.interaction.order_candidates
    reason = (
        f"{len(several)} orders could be meant: {', '.join(several)}"
        if several
        else "no order of this customer was found"
    )
    return Plan(
        question=f"Which order is {about} about?",
        options=(ask_which_order(case), answer_yourself(case)),
        reasons=(f"The message names no order, and {reason}.",),
        matters=("order.identified", "customer.tier", "customer.orders", "customer.open_cases", "sender.verified"),
        off_norm=frozenset({"order.identified"}),
    )


def _order_to_come(case: Case, about: str, number: str) -> Plan:
    told = f"order {number} came with the message alone: the shop has not told of it"
    return Plan(
        question=f"What about {about} on order {number}, which the shop has not told of?",
        options=(answer_yourself(case), ask_which_order(case)),
        reasons=(f"{told[0].upper()}{told[1:]}. Once it does, this case is read anew.",),
        unable_because=told,
        matters=("order.identified", "customer.tier", "customer.orders", "customer.open_cases", "sender.verified"),
        off_norm=frozenset({"order.identified"}),
    )
