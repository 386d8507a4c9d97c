"""Many alike: cases that ask the same question, decided by one act after some of them were read.

Alike are cases of one brand, type and language, near in all telling facts (likeness.py), with the same proposal, the same
alarms and the same seniority. Each is claimed, checked against the person's authority and decided by itself, on its own
packet; what differs or may not be decided so is left out, and it is said why.
"""

import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256

from django.contrib.auth.models import User
from django.db import OperationalError, transaction
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps.interactions import claiming, deciding, likeness, remits
from apps.interactions.case import Case
from apps.interactions.checks import Authority
from apps.interactions.choosing import Choice
from apps.interactions.models import ContextPacket, DecisionRecord, Escalation, Interaction
from apps.interactions.playbooks.base import Plan
from apps.policies.errors import Refused
from apps.policies.words import CaseType

MOST = 50
SAMPLES = 3


# What these ask is in their words alone: facts do not tell whether two of them are alike.
_BY_WORDS = frozenset({CaseType.QUESTION, CaseType.OTHER, CaseType.HUMAN_REQUEST, CaseType.PRODUCT_RECOMMENDATION})


def key_of(case: Case, plan: Plan, authority: Authority) -> str:
    """The same text for cases that are alike; empty for one that is like no other. Whatever said no sets cases apart, and
    so does what could be done."""
    if case.case_type in _BY_WORDS:
        return ""
    near = likeness.circles(case.case_type.value, case.facts.known_at(case.at))[0].key
    noes = sorted({no.code for no in authority.downgrades})
    parts = [near, authority.seniority.value, case.reading.language, str(case.interaction.public), *sorted(case.alarms), *noes,
             *(f"{option.action.value} {option.label}" for option in plan.options)]  # fmt: skip
    return sha256("|".join(parts).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Alike:
    """A case of a group, with the packet that is shown of it."""

    escalation: Escalation
    packet: ContextPacket


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a group: the decisions, and which cases were left out and why."""

    decided: list[DecisionRecord]
    left_out: list[tuple[Escalation, str]]


def group_of(user: User, escalation: Escalation) -> list[Alike]:
    """The cases that are alike to one, which this person may decide now, most urgent first; the case itself included. Empty
    for a blind case, which is judged by itself."""
    if escalation.blind or not escalation.alike:
        return []
    free = claiming.may_take(user).filter(partner=escalation.partner_id, alike=escalation.alike, blind=False)
    rows = list(free.most_urgent().select_related("interaction__customer", "interaction__order", "partner")[:MOST])
    if escalation.state == Escalation.State.CLAIMED and escalation.claimed_by_id == user.pk:
        rows.insert(0, escalation)
    packets = ContextPacket.objects.filter(
        interaction__in=[row.interaction_id for row in rows], state=ContextPacket.State.READY
    )
    by_case = {packet.interaction_id: packet for packet in packets}
    return [Alike(row, by_case[row.interaction_id]) for row in rows if row.interaction_id in by_case]


def others_alike() -> Coalesce:
    """How many other cases wait that are alike to an escalation, to annotate escalations with."""
    others = Escalation.objects.filter(
        state=Escalation.State.OPEN, blind=False, partner=OuterRef("partner"), alike=OuterRef("alike")
    ).exclude(Q(alike="") | Q(pk=OuterRef("pk")))
    counted = others.order_by().values("alike").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counted[:1]), 0)


def how_many(rows: Sequence[Escalation]) -> dict[int, int]:
    """How many waiting cases are alike to each of these, itself included."""
    keys = {row.alike for row in rows if row.alike and not row.blind}
    waiting = Escalation.objects.filter(state=Escalation.State.OPEN, alike__in=keys, blind=False)
    counted = waiting.order_by().values_list("partner_id", "alike").annotate(Count("pk"))
    found = {(partner, alike): count for partner, alike, count in counted}
    return {row.pk: found.get((row.partner_id, row.alike), 0) for row in rows if not row.blind}


def sample(group: Sequence[Alike]) -> list[Alike]:
    """Some of a group at random, to be read before all of it is decided."""
    return random.SystemRandom().sample(list(group), min(SAMPLES, len(group)))


def decide_all(
    user: User,
    anchor: Escalation,
    versions: Mapping[int, int],
    label: str,
    *,
    drawn: Sequence[int],
    read: Sequence[int],
    choice: Choice,
) -> Outcome:
    """Decide cases that are alike to `anchor`, given as {escalation: packet version}, by the option of this label. `drawn`
    are those to be read first, `choice` carries reason and words.

    Raises Refused when one that was drawn was not read. Every decision of it carries the same `joint` id. What is not alike,
    or not of the person's remit, is not looked at.
    """
    if not versions:
        raise Refused("Choose at least one case.")
    if not drawn or set(drawn) - set(read):
        raise Refused(
            f"Read the {len(drawn) or SAMPLES} cases that were drawn, and say so, before you decide all of them."
        )
    joint, outcome = uuid.uuid4(), Outcome([], [])
    rows = (
        claiming.covered_by_remit(user)
        .filter(pk__in=versions, partner=anchor.partner_id, alike=anchor.alike, blind=False)
        .exclude(alike="")
        .select_related("interaction__order", "partner")
    )
    for escalation in sorted(rows, key=lambda row: list(versions).index(row.pk)):
        try:
            with transaction.atomic():
                outcome.decided.append(_decide_one(user, escalation, versions[escalation.pk], label, choice, joint))
        except Refused as refusal:
            outcome.left_out.append((escalation, str(refusal)))
        except OperationalError:
            outcome.left_out.append((escalation, "Something happened on it in this moment. Open it by itself."))
    return outcome


def _decide_one(
    user: User, escalation: Escalation, version: int, label: str, choice: Choice, joint: uuid.UUID
) -> DecisionRecord:
    # The case is locked before its escalation, as everywhere.
    list(Interaction.objects.select_for_update(no_key=True).filter(pk=escalation.interaction_id))
    mine = escalation.state == Escalation.State.CLAIMED and escalation.claimed_by_id == user.pk
    held = escalation if mine else claiming.claim(user, escalation.pk)
    packet = ContextPacket.objects.filter(interaction=held.interaction_id, state=ContextPacket.State.READY).first()
    options = packet.content["options"] if packet else []
    places = [place for place, option in enumerate(options) if option["label"] == label]
    if not places:
        raise Refused("It has no such option: it differs from the others.")
    option = options[places[0]]
    amount = option["amount"]
    asked = {"action": option["action"], "amount": None, "currency": ""}
    if amount:
        asked |= {"amount": Decimal(amount["amount"]), "currency": amount["currency"]}
    over = remits.needs_second(user, asked, timezone.now())
    if over:
        raise Refused(f"A second person has to agree, so it is decided by itself: {over}.")
    return deciding.decide(
        user,
        held.pk,
        Choice(
            packet_version=version,
            lease_token=held.lease_token,
            option=places[0],
            reason_code=choice.reason_code,
            rationale=choice.rationale,
            wrong_part=choice.wrong_part if places[0] else "",
            unlike=choice.unlike,
        ),
        joint=joint,
    )


def undo_all(user: User, joint: uuid.UUID) -> int:
    """Take back every decision of a group that can still be; returns how many were, and puts their cases back."""
    taken_back = 0
    decided = DecisionRecord.objects.filter(joint=joint, decided_by=user, state=DecisionRecord.State.DECIDED)
    for pk, escalation_id in list(decided.values_list("pk", "escalation_id")):
        try:
            with transaction.atomic():
                deciding.undo(user, pk)
                held = Escalation.objects.get(pk=escalation_id)
                claiming.release(user, held.pk, held.lease_token)
                taken_back += 1
        except Refused:
            continue  # it left in this moment
    return taken_back
