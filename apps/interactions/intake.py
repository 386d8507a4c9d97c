"""Intake: an interaction or a message comes in, once, and is put to the right case.

    accepted = accept(partner, arrival, actor=…, now=…)

The same external id again is the same interaction. Orders are matched here, never guessed: the number the
partner sent, else one that the text names, else the customer's only recent order. A message on the same order
as an open case of that customer is merged into it, whatever the channel; intake locks the customer row, so
two messages at once cannot open two cases.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from apps.interactions import courtesies, hearing, matching, outcomes, same_matter, sent_along
from apps.interactions.models import Customer, Effect, Interaction, Message, Order
from apps.interactions.models.outcome import REOPENED_WITHIN
from apps.interactions.waking import wake_workers
from apps.policies import audit
from apps.policies.errors import Invalid
from apps.policies.models import AuditEntry, Partner
from apps.policies.words import Action

# For every call of the API, so in plain SQL: to build these costs more than to ask them.
_CUSTOMER = """
SELECT id, partner_id, external_id, name FROM interactions_customer WHERE partner_id = %s AND external_id = %s FOR NO KEY UPDATE
"""
_CASES_AROUND = """
SELECT (SELECT id FROM interactions_interaction WHERE partner_id = %s AND external_id = %s),
       EXISTS (SELECT FROM interactions_interaction WHERE customer_id = %s)
"""


@dataclass(frozen=True, slots=True)
class Words:
    """One message: who wrote it, what, when by the sender's clock, and when it came in by ours.

    All facts of time are taken at `received_at`, so that nobody gains anything by dating a message back.
    """

    author: str
    text: str
    sent_at: datetime
    received_at: datetime
    attachments: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Arrival:
    """An interaction as it comes in; `customer` and `order` are the partner's own references, and whoever is `sent_along` need
    not be known yet. One that is not `vouched` for names whom somebody on a public page says to be: whether there is such a
    customer is not told, and it joins no case, nor does any join it."""

    external_id: str
    channel: str
    messages: Sequence[Words]
    customer: str | None = None
    order: str | None = None
    subject: str = ""
    public: bool = False
    audience: int | None = None
    locale: str = ""
    sender_verified: bool | None = None
    vouched: bool = True
    sent_along: Mapping[str, Any] = field(default_factory=dict)

    @property
    def received_at(self) -> datetime:
        return min(words.received_at for words in self.messages)

    @property
    def texts(self) -> list[str]:
        return [self.subject, *(words.text for words in self.messages)]


@dataclass(frozen=True, slots=True)
class Accepted:
    interaction: Interaction
    created: bool


def accept(partner: Partner, arrival: Arrival, *, actor: audit.Actor, now: datetime, wake: bool = True) -> Accepted:
    """Take one interaction. Raises Invalid naming the field when the customer or order is not the partner's."""
    try:
        with transaction.atomic():
            return take(partner, arrival, actor=actor, now=now, wake=wake)
    except IntegrityError:  # somebody sent the same at this very moment: now it is there
        with transaction.atomic():
            return take(partner, arrival, actor=actor, now=now, wake=wake)


def take(partner: Partner, arrival: Arrival, *, actor: audit.Actor, now: datetime, wake: bool = True) -> Accepted:
    """The same in a transaction of the caller's, who does all of it once more after an IntegrityError."""
    accepted = _take(partner, arrival, actor, now)
    if accepted.created and wake:
        wake_workers()
    return accepted


def _take(partner: Partner, arrival: Arrival, actor: audit.Actor, now: datetime) -> Accepted:
    sent_along.hold(partner, [arrival.sent_along])
    customer = _customer(partner, arrival)
    same, writes_again = _cases_around(partner, arrival.external_id, customer)
    if same is not None:
        return Accepted(Interaction.objects.get(pk=same), created=False)
    match = matching.match(
        partner, customer, arrival.texts, number=arrival.order, at=arrival.received_at,
        may_be_new="order" in arrival.sent_along,
    )  # fmt: skip
    interaction = new_case(partner, arrival, customer, match, now)
    interaction.save(force_insert=True)
    received(interaction, arrival, actor).save(force_insert=True)
    Message.objects.bulk_create(messages_of(interaction, arrival.messages))
    if writes_again and arrival.vouched:
        case = same_matter.case_of(interaction, [words.text for words in arrival.messages])
        if case is not None:
            hearing.merge(interaction, case, actor=actor, now=now)
    return Accepted(interaction, created=True)


def new_case(
    partner: Partner, arrival: Arrival, customer: Customer | None, match: matching.Match, now: datetime
) -> Interaction:
    """Not saved yet."""
    return Interaction(
        partner=partner, external_id=arrival.external_id, channel=arrival.channel, customer=customer, order=match.order,
        order_candidates=match.candidates, subject=arrival.subject, public=arrival.public, audience=arrival.audience,
        locale=arrival.locale, sender_verified=arrival.sender_verified, vouched=arrival.vouched,
        sent_along=dict(arrival.sent_along), received_at=arrival.received_at, due_at=now,
    )  # fmt: skip


def received(interaction: Interaction, arrival: Arrival, actor: audit.Actor) -> AuditEntry:
    reason = f"{arrival.channel} {arrival.external_id}"
    return audit.entry_for(actor, interaction, "received", reason=reason)


def messages_of(interaction: Interaction, messages: Sequence[Words]) -> list[Message]:
    return [
        Message(
            interaction=interaction, author=words.author, text=words.text, sent_at=words.sent_at,
            received_at=words.received_at, attachments=list(words.attachments),
        )
        for words in messages
    ]  # fmt: skip


def add_message(interaction: Interaction, words: Words, *, actor: audit.Actor, vouched: bool = True) -> Interaction:
    """Somebody wrote more on a case. Returns the case it went to: the one it was merged into, or, when the
    case is closed, a new linked one. Its sender is as certain as the least certain of its messages."""
    now = timezone.now()
    with transaction.atomic():
        case = Interaction.objects.select_for_update(no_key=True).get(pk=interaction.pk)
        while case.merged_into_id is not None:
            case = Interaction.objects.select_for_update(no_key=True).get(pk=case.merged_into_id)
        if case.state not in Interaction.OPEN_STATES:
            return _on_linked_case(case, words, actor=actor, now=now, vouched=vouched)
        _add_messages(case, [words])
        if not vouched and case.sender_verified is not False:
            case.sender_verified = False
            case.save(update_fields=["sender_verified"])
        _learn_order(case, words)
        audit.record(actor, case, "message_added", reason=words.author)
        if words.author == "customer":
            hearing.hear(case, actor=actor, now=now, said=[words.text])
            wake_workers()
    return case


def _learn_order(case: Interaction, words: Words) -> None:
    """An answer that names one order settles which one the case is about."""
    if case.order_id is not None or words.author != "customer" or sent_along.order_to_come(case):
        return
    named = matching.named_in(case.partner, [words.text])
    if len(named) == 1:
        case.order, case.order_candidates = named[0], []
        case.save(update_fields=["order", "order_candidates"])


def _on_linked_case(
    ended: Interaction, words: Words, *, actor: audit.Actor, now: datetime, vouched: bool
) -> Interaction:
    """A message after the end goes to the case that an earlier one opened, or opens one, unless it asks nothing."""
    first = Interaction.objects.select_for_update(no_key=True).get(pk=ended.linked_to_id or ended.pk)
    linked = first.linked.filter(state__in=Interaction.OPEN_STATES).order_by("id").first()
    if linked is not None:
        return add_message(linked, words, actor=actor, vouched=vouched)
    if words.author == "customer" and courtesies.asks_nothing(words.text, hearing.names_of(ended)):
        _add_messages(ended, [words])
        hearing.hear(ended, actor=actor, now=now, said=[words.text])
        return ended
    return _linked_case(ended, first, words, actor=actor, now=now, vouched=vouched)


def _linked_case(
    ended: Interaction, first: Interaction, words: Words, *, actor: audit.Actor, now: datetime, vouched: bool
) -> Interaction:
    """A case of its own that goes on where the ended one stopped; within seven days it counts as a reopening. All that
    follow one case are linked to the `first`, whose row the caller has locked."""
    again = ended.resolved_at is not None and now - ended.resolved_at <= REOPENED_WITHIN
    outcomes.wrote_again(ended, actor=actor, now=now)
    number = first.linked.count() + 2
    named = {"customer": ended.customer, "order": ended.order} | sent_along.found_since(ended)
    case = Interaction.objects.create(
        partner=ended.partner,
        external_id=f"{first.external_id}~{number}"[-100:],
        channel=ended.channel,
        **named,
        order_candidates=ended.order_candidates,
        public=ended.public,
        audience=ended.audience,
        locale=ended.locale,
        sender_verified=ended.sender_verified if vouched else False,
        vouched=ended.vouched,
        sent_along=ended.sent_along,
        linked_to=first,
        reopened=1 if again else 0,
        received_at=words.received_at,
        due_at=now,
    )
    audit.record(actor, case, "received", reason=f"linked to {ended.external_id}")
    _add_messages(case, [words])
    wake_workers()
    return case


def resume_after_return(order: Order) -> None:
    """The return was scanned in: cases that sent a label for this order go on, to the refund."""
    actor, now, reason = audit.system("intake"), timezone.now(), "the return was scanned in"
    labels = Effect.objects.filter(
        decision__interaction=OuterRef("pk"), action=Action.RETURN_LABEL, state=Effect.State.DONE
    )
    waiting = Interaction.objects.select_for_update(no_key=True).filter(Exists(labels), order=order).order_by("pk")
    for case in waiting.filter(state__in=Interaction.OPEN_STATES):
        if case.state == Interaction.State.RESOLVED:
            hearing.reopen(case, actor=actor, reason=reason, now=now, by_customer=False)
        else:
            hearing.hear(case, actor=actor, now=now, reason=reason)
        wake_workers()


def _customer(partner: Partner, arrival: Arrival) -> Customer | None:
    """Locked, so that two messages at once cannot open two cases."""
    if not arrival.customer:
        return None
    found = next(iter(Customer.objects.raw(_CUSTOMER, [partner.pk, arrival.customer])), None)
    if found is None and arrival.vouched and "customer" not in arrival.sent_along:
        raise no_such_customer(arrival.customer)
    return found


def _cases_around(partner: Partner, external_id: str, customer: Customer | None) -> tuple[int | None, bool]:
    """The case of this id, if it is known, and whether the customer has others."""
    with connection.cursor() as cursor:
        cursor.execute(_CASES_AROUND, [partner.pk, external_id, customer.pk if customer else None])
        same, has_others = cursor.fetchone()
    return same, has_others


def no_such_customer(external_id: str) -> Invalid:
    return Invalid({"customer": [f"There is no customer “{external_id}”. Send it first: PUT /customers/…/."]})


def _add_messages(interaction: Interaction, messages: Sequence[Words]) -> None:
    Message.objects.bulk_create(messages_of(interaction, messages))
