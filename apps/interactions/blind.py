"""Blind cases: a random share is judged before anybody sees what the AI proposes.

    draw(row, …)               whether a case is blind; drawn once, before its packet is shown to anybody
    view(content, …)           what a packet shows of itself until then
    judge(user, …)             keeps the judgement; from then on the case is like any other

Agreement with an answer that is on the screen is anchoring. Only these judgements, and random audits, estimate error.
"""

import random
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, Min, OuterRef
from django.utils import timezone

from apps.interactions import choosing, claiming, events, remits
from apps.interactions.models import ContextPacket, DecisionRecord, Escalation, Interaction, Judgement
from apps.interactions.worked import Worked
from apps.policies import audit
from apps.policies.errors import Moved, Refused
from apps.policies.models import Partner, SoughtKind
from apps.policies.words import Action, CaseType

_SHOWN = (
    "case_type", "clause", "tier", "conversation", "facts", "missing", "sent_along", "tried", "timeline", "linked_cases",
    "order", "terms",
)  # fmt: skip
_ORDER = [action.value for action in Action]
_CHANCE = random.SystemRandom()


def drawn(percent: float) -> bool:
    """True with a chance of `percent` in a hundred."""
    return _CHANCE.random() * 100 < percent


@dataclass(frozen=True, slots=True)
class Chance:
    """With which chance a case is judged blind, and the smallest that any of its type and action has in its boundary now: by
    that what is drawn more of is thinned out. None: it was drawn for what it was before, and says nothing of how often the AI
    is wrong in what it is now."""

    chance: float
    least: float | None


def drawn_before(rows: Sequence[Interaction]) -> dict[int, Chance | None]:
    """Of the cases that came to people before: with which chance they were drawn to be judged blind the last time, if nobody
    has judged them yet. One query for a batch."""
    judged = Exists(Judgement.objects.filter(escalation=OuterRef("pk")))
    found = Escalation.objects.filter(interaction__in=rows).order_by("pk").annotate(judged=judged)
    fields = found.values_list("interaction_id", "blind", "judged", "blind_chance", "blind_least")
    return {
        case: Chance(chance or 1.0, least or 1.0) if hidden and not seen else None
        for case, hidden, seen, chance, least in fields
    }


def draw(row: Interaction, before: Mapping[int, Chance | None], chance: Chance) -> Chance | None:
    """Whether a case that comes to people is judged blind: then with which chance it was drawn. One that was drawn `before`
    stays as it was drawn, until somebody has judged it and seen the proposal. That the AI asked the customer shows nothing of
    what it would do now; whatever else it did can be seen."""
    if any(one.decided_by_id is None and one.action != Action.ASK_CUSTOMER for one in row.decisions.all()):
        return None
    if row.pk in before:
        drawn_as = before[row.pk]
        return Chance(drawn_as.chance, None) if drawn_as else None
    return chance if drawn(round(100 * chance.chance, 2)) else None


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much is judged blind in the boundaries of a batch: at least so much, by boundary, and more of some kinds."""

    least: Mapping[int | None, int]
    sought: Mapping[tuple[int, str, str], int]

    def chance_of(self, worked: Worked) -> Chance:
        """All that a grant holds out; more where judgements are sought; otherwise as many as the brand says."""
        assert worked.authority is not None
        partner, kind = worked.case.partner, (worked.case.case_type.value, worked.authority.proposal.action)
        if partner.sandbox_of_id is not None:
            return Chance(0.0, 0.0)
        if worked.authority.held_out:
            return Chance(1.0, 1.0)
        more = self.sought.get((partner.boundary_id or 0, *kind), 0)
        least = self.least.get(partner.boundary_id, partner.blind_percent)
        return Chance(max(partner.blind_percent, more) / 100, max(least, more) / 100)


def wanted(partners: Iterable[Partner]) -> Wanted:
    """Read for a batch."""
    boundaries = {partner.boundary_id for partner in partners}
    drawing = Partner.objects.filter(boundary__in=boundaries, blind_percent__gt=0)
    least = dict(drawing.values_list("boundary").annotate(least=Min("blind_percent")))
    rows = SoughtKind.objects.filter(boundary__in=boundaries)
    return Wanted(least, {(one.boundary_id, one.case_type, one.action): one.percent for one in rows})


def headline(case_type: str, order: str | None) -> str:
    """A question that tells nothing of the proposal."""
    label = CaseType(case_type).label
    return f"{label}, order {order}: what do you do?" if order else f"{label}: what do you do?"


def is_blind(escalation: Escalation) -> bool:
    """Whether the proposal is still hidden."""
    return escalation.blind and not Judgement.objects.filter(escalation=escalation).exists()


def in_fixed_order(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The options by action and name, so that their order tells nothing; never the order in which they were proposed."""
    return sorted(content["options"], key=lambda option: (_ORDER.index(option["action"]), option["label"]))


def view(content: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a packet that tell nothing of the proposal, with a neutral question and the bare options."""
    options = [
        {name: option[name] for name in ("action", "label", "amount", "lines")} for option in in_fixed_order(content)
    ]
    shown = {name: content[name] for name in _SHOWN if name in content}
    if content["case_type"] == CaseType.QUESTION:
        shown["clause"] = ""  # it is the passage that the AI would answer with
    return {**shown, "question": headline(content["case_type"], content["order"]), "options": options}


def judge(
    user: User, escalation_id: int, token: uuid.UUID | None, packet_version: int, *, place: int, amount: str = "",
    rationale: str = "",
) -> Judgement:  # fmt: skip
    """Keep what this person decides unseen. `place` is the option's place in the fixed order, from 0.

    Raises Moved when the case or its packet changed, Refused when nothing was chosen or it was judged already.
    """
    now = timezone.now()
    with transaction.atomic():
        escalation = claiming.holding(user, escalation_id, token)
        packet = escalation.interaction.packets.filter(state=ContextPacket.State.READY).first()
        if packet is None or packet.version != packet_version:
            raise Moved(
                "Something newer came in on this case while you had it open. Read what changed and judge again."
            )
        if not is_blind(escalation):
            raise Refused("This case has been judged already; the proposal is shown.")
        remits.refuse_own_order(user, escalation.interaction)
        options = in_fixed_order(packet.content)
        if not 0 <= place < len(options):
            raise Refused("Choose what you would do.")
        option = options[place]
        money = choosing.money_of(option, amount)
        judgement = Judgement.objects.create(
            escalation=escalation,
            packet=packet,
            by=user,
            action=option["action"],
            label=option["label"],
            proposed_label=packet.content["options"][0]["label"],
            amount=money.amount if money else None,
            currency=money.currency if money else "",
            rationale=rationale.strip(),
            seconds=int((now - (escalation.claimed_at or now)).total_seconds()),
            at=now,
        )
        events.judged_blind.send(sender=Judgement, judgement=judgement)
        audit.record(audit.person(user), escalation, "judged blind", at=now, details={"action": judgement.action})
    return judgement


def refuse_unjudged(escalation: Escalation) -> None:
    """Nobody decides a blind case before judging it; asking the customer is no decision."""
    if is_blind(escalation):
        raise Refused("Judge this case first; then the proposal is shown and you decide.")


def judgement_of(decision: DecisionRecord) -> Judgement | None:
    """The judgement that a decision followed, if its case was blind."""
    return Judgement.objects.filter(escalation=decision.escalation_id).first() if decision.escalation_id else None
