"""What the replies to one case may state: the packet's facts, as `grounding.py` asks for them."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from apps.interactions.case import Case
from apps.interactions.classification.intents import english_words
from apps.interactions.drafting.grounding import Source
from apps.interactions.models import Order
from apps.policies.models import Terms
from apps.policies.money import Money
from apps.policies.words import Action

_STATES_OF_STATUS = {
    "placed": frozenset({"preparing"}),
    "shipped": frozenset({"shipped"}),
    "delivered": frozenset({"shipped", "delivered"}),
    "cancelled": frozenset({"cancelled"}),
}
_STATES_OF_PROOF = {
    "signature": "signed for", "left at door": "left at door", "left with neighbour": "with neighbour",
}  # fmt: skip
# What a decision does is so by the time its reply leaves: effects come first, and the reply states only what is done.
_STATES_OF_ACTION = {
    Action.REFUND: "refunded", Action.PARTIAL_REFUND: "refunded", Action.CANCEL_ORDER: "cancelled",
}  # fmt: skip
WORDS_OF_ACTION = {
    Action.GOODWILL: frozenset({Action.STORE_CREDIT}),
    Action.PARTIAL_REFUND: frozenset({Action.REFUND}),
    Action.RETURN_LABEL: frozenset({Action.REFUND}),  # the refund follows when the parcel is scanned in
}
_CLAUSES = ("return_window_clause", "non_returnable_clause", "return_fee_clause", "lost_clause")


@dataclass(frozen=True, slots=True)
class Stated:
    """What a reply may state beyond the case: products it recommends, passages it quotes."""

    amounts: tuple[Money, ...] = ()
    names: tuple[str, ...] = ()
    states: frozenset[str] = frozenset()
    passages: tuple[str, ...] = ()


def source_of(case: Case, action: Action, amount: Money | None, stated: Stated, *, discloses_order: bool) -> Source:
    """Everything that is known of the case and its order, what the action does, and the brand's own texts.

    A reply that was not ruled as one that discloses the order states nothing of it, nor does any in public.
    """
    order = case.order if discloses_order and not case.interaction.public else None
    known = case.facts.value
    clauses = tuple(getattr(case.terms, name) for name in _CLAUSES) if case.terms else ()
    money = {item for item in (*stated.amounts, amount) if item is not None}
    voice = (case.partner.name, case.partner.voice_greeting, case.partner.voice_sign_off)
    names = {*voice, *stated.names}
    if case.customer and not case.interaction.public:
        names.add(case.customer.name)
    states = {_STATES_OF_ACTION[action]} if action in _STATES_OF_ACTION else set()
    states |= stated.states
    done = {action, *WORDS_OF_ACTION.get(action, ())}
    if action == Action.CANCEL_ORDER and amount is not None:  # it goes back
        states, done = states | {"refunded"}, done | {Action.REFUND}
    days: set[date] = set()
    numbers = {number for words in voice for number in re.findall(r"\d+", words)}  # of a brand called “Studio 54”
    counts: set[int] = set()
    if order is not None:
        money |= _amounts(order, case.terms)
        days = _days(order, case.at, case.partner.zone)
        numbers |= {order.number, order.tracking_number, *(line.sku for line in order.lines.all())}
        counts = {line.quantity for line in order.lines.all()} | {order.lines.count()}
        names |= {line.name for line in order.lines.all()} | {event.location for event in order.events.all()}
        names |= {str(value) for line in order.lines.all() for value in line.options.values()}
        states |= _states(order, case, str(known("order.proof_of_delivery") or ""))
    return Source(
        today=case.at.astimezone(case.partner.zone).date(),
        amounts=frozenset(money),
        days=frozenset(days),
        numbers=frozenset(numbers - {""}),
        counts=frozenset(counts),
        lengths=_lengths(case, order),
        names=frozenset(word.lower() for name in names for word in re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", name)),
        states=frozenset(states),
        actions=frozenset(done),
        passages=(*clauses, *stated.passages),
        english=english_words(),
    )


def _amounts(order: Order, terms: Terms | None) -> set[Money]:
    plain = {order.total, order.paid, order.refundable.amount, order.refunds_reported + order.refunds_reserved}
    plain |= {payment.amount for payment in order.payments.all()}
    plain |= {line.unit_price for line in order.lines.all()} | {line.paid for line in order.lines.all()}
    if terms is not None:
        plain.add(terms.return_fee)
    return {Money(amount.quantize(Decimal("0.01")), order.currency) for amount in plain}


def _days(order: Order, at: datetime, zone: ZoneInfo) -> set[date]:
    moments = [order.placed_at, order.promised_at, order.delivered_at, order.return_received_at]
    moments += [event.at for event in order.events.all() if event.at <= at]
    moments += [payment.at for payment in order.payments.all()]
    return {moment.astimezone(zone).date() for moment in moments if moment is not None}


def _states(order: Order, case: Case, proof: str) -> set[str]:
    said = set(_STATES_OF_STATUS.get(order.status, ()))
    known = case.facts.value
    late, twice, attempts = (
        known(name) for name in ("order.days_late", "order.duplicate_payments", "order.delivery_attempts")
    )
    refunds = order.refunds_reported + order.refunds_reserved
    said |= {"refunded"} if refunds else {"no refund"}
    said |= {_STATES_OF_PROOF[proof]} if proof in _STATES_OF_PROOF else set()
    said |= {"late"} if isinstance(late, int) and late > 0 else set()
    said |= {"charged twice"} if isinstance(twice, int) and twice > 0 else set()
    said |= {"delivery attempted"} if isinstance(attempts, int) and attempts > 0 else set()
    said |= {"return received"} if known("order.return_received") is True else set()
    return said


def _lengths(case: Case, order: Order | None) -> frozenset[str]:
    """Lengths of time that are facts: how late it is, and how long goods come back."""
    found = []
    if case.terms is not None:
        found.append(case.terms.return_window_days)
    for name in ("order.days_late", "order.days_since_delivery", "order.days_past_window"):
        value = case.facts.value(name)
        if order is not None and isinstance(value, int):
            found.append(abs(value))
    return frozenset(f"{days} day" for days in found)
