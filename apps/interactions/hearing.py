"""Hearing more: what a new message does to an open case. The caller holds the lock on the case row."""

import re
from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from apps.interactions import courtesies, outbox, outcomes
from apps.interactions.models import ContextPacket, Escalation, Interaction, Message
from apps.policies import audit
from apps.policies.machines import move

_S = Interaction.State
_REPLY = re.compile(r"(?:re|aw|sv|antw)\s*:", re.I)


def hear(
    case: Interaction, *, actor: audit.Actor, now: datetime, reason: str = "a new message", said: Sequence[str] = ()
) -> None:
    """Something new is known: the case is understood anew, and what waited on what was known is taken back. Not so
    when all that the customer `said` are courtesies: those change nothing."""
    if said and _all_courtesies(case, said):
        case.messages.filter(author="customer", handled=False, text__in=said).update(handled=True)
        audit.record(actor, case, "thanked")
    elif case.state == _S.RESOLVED:
        reopen(case, actor=actor, reason="the customer wrote again", now=now, by_customer=True)
    elif case.state in (_S.AWAITING_DECISION, _S.AWAITING_CUSTOMER):
        case.reminded_at = None
        take_up(case, actor=actor, reason=reason, now=now)
    elif case.state in (_S.RECEIVED, _S.CLASSIFIED):
        # A worker that has read the old words loses its lease, so that its work is dropped.
        case.reminded_at = None
        _make_due(case, now)
        case.save(update_fields=["due_at", "attempts", "lease_token", "lease_until", "reminded_at"])
    # resolving: execution looks for unhandled messages when it is done; stalled: the operator's retry reads all


def take_up(case: Interaction, *, actor: audit.Actor, reason: str, now: datetime) -> None:
    """A waiting case is ruled anew; whoever had it before them is told why it goes."""
    _take_back(case, actor=actor, reason=f"{reason} came in" if reason == "a new message" else reason)
    _make_due(case, now)
    move(case, "hear_more", actor=actor, reason=reason, save=("due_at", "attempts", "lease_token", "reminded_at"))


def _all_courtesies(case: Interaction, said: Sequence[str]) -> bool:
    """Once a case is answered, "it arrived" changes nothing; while something is to be decided it is news, and while we
    wait for an answer "ok" may be one."""
    idle = courtesies.asks_nothing
    if case.state == _S.AWAITING_CUSTOMER or (case.state == _S.RESOLVED and _we_asked(case)):
        idle = courtesies.only_thanks
    elif case.state in Interaction.OPEN_STATES and case.state != _S.RESOLVED:
        idle = courtesies.tells_nothing
    return all(idle(text, names_of(case)) for text in said)


def _we_asked(case: Interaction) -> bool:
    """Whether our last words on the case hold a question."""
    ours = case.messages.exclude(author="customer").filter(holding=False).order_by("-sent_at", "-id").first()
    return ours is not None and "?" in ours.text


def subject_said(arrived: Interaction) -> list[str]:
    """The subject, when it may say something: not that of a thread, "Re: …"."""
    subject = arrived.subject.strip()
    return [subject] if subject and (not _REPLY.match(subject) or arrived.order_id is not None) else []


def names_of(case: Interaction) -> list[str]:
    """What the customer signs with."""
    return [case.customer.name, *case.customer.name.split()] if case.customer else []


def reopen(case: Interaction, *, actor: audit.Actor, reason: str, now: datetime, by_customer: bool) -> None:
    if by_customer:
        outcomes.wrote_again(case, actor=actor, now=now)
        case.reopened += 1
    _make_due(case, now)
    move(case, "reopen", actor=actor, reason=reason, save=("reopened", "due_at", "attempts", "lease_token"))


def merge(arrived: Interaction, case: Interaction, *, actor: audit.Actor, now: datetime) -> None:
    """Put an interaction's messages to an open case on the same matter."""
    said = [message.text for message in arrived.messages.all() if message.author == "customer"]
    said += subject_said(arrived)
    Message.objects.filter(interaction=arrived, arrived_as__isnull=True).update(arrived_as=arrived)
    Message.objects.filter(interaction=arrived).update(interaction=case)
    arrived.merged_into, arrived.due_at, arrived.lease_token = case, None, None
    move(arrived, "merge", actor=actor, reason=f"same matter as {case.external_id}",
         save=("merged_into", "due_at", "lease_token"))  # fmt: skip
    outbox.keep([outbox.merged_event(arrived, case)])
    if not (said and _all_courtesies(case, said)):
        _most_cautious(case, arrived)
    hear(case, actor=actor, now=now, said=said)


def _most_cautious(case: Interaction, arrived: Interaction) -> None:
    """What the channels say of the sender counts as its most cautious: one public message makes the case public.
    An order that the case did not know is learnt from the arrival."""
    case.public = case.public or arrived.public
    case.audience = max(filter(None, (case.audience, arrived.audience)), default=None)
    if arrived.sender_verified is not True:
        case.sender_verified = arrived.sender_verified
    if case.order_id is None and arrived.order_id is not None and "order" not in case.sent_along:
        case.order, case.order_candidates = arrived.order, []
    case.save(update_fields=["public", "audience", "sender_verified", "order", "order_candidates"])


def _make_due(case: Interaction, now: datetime) -> None:
    case.due_at, case.attempts, case.lease_token, case.lease_until = now, 0, None, None


def _take_back(case: Interaction, *, actor: audit.Actor, reason: str) -> None:
    for decision in case.decisions.select_for_update(no_key=True).filter(state__in=["proposed", "decided"]):
        decision.ended_because = reason
        move(decision, "void", actor=actor, reason=reason, save=("ended_because",))
    waiting = list(Escalation.objects.waiting().filter(interaction=case))
    for escalation in waiting:
        escalation.closed_at = timezone.now()
    move(waiting, "cancel", actor=actor, reason=reason, save=("closed_at",))
    supersede_packets(case, actor=actor, reason=reason)


def supersede_packets(case: Interaction, *, actor: audit.Actor, reason: str) -> None:
    current = ContextPacket.objects.filter(interaction=case, state__in=["gathering", "ready"])
    move(list(current), "supersede", actor=actor, reason=reason)
