"""What invented people do in a rehearsal through the real pipeline, by the functions of their pages: judge, decide, audit."""

from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User

from apps.interactions import blind, deciding
from apps.interactions.choosing import Choice
from apps.interactions.models import Escalation
from apps.learning import audits
from apps.learning.models import CaseAudit
from apps.learning.rehearsal.staging import Stage
from apps.learning.rehearsal.world import Answer
from apps.policies.words import Action

_WORDS = "It is otherwise here."


def handle(stage: Stage, name: str, held: Escalation) -> None:
    """Judge a blind case unseen, then decide it; any other is decided with the proposal in view."""
    user, arrival = stage.people[name], stage.arrival_of(held.interaction)
    packet = held.interaction.packets.get(state="ready")
    shown = not blind.is_blind(held)
    answer = stage.world.judge(arrival, name, shown=shown)
    options = packet.content["options"]
    if not shown:
        in_order = blind.in_fixed_order(packet.content)
        place, amount = _chosen(in_order, answer, options[0])
        blind.judge(user, held.pk, held.lease_token, packet.version, place=place, amount=amount)
    place, amount = _chosen(options, answer, options[0])
    deciding.decide(
        user, held.pk,
        Choice(packet_version=packet.version, lease_token=held.lease_token, option=place, reason_code="other" if place else "",
               rationale=_WORDS if place else "", wrong_part="action" if place else "", unlike=_WORDS, amount=amount or None),
    )  # fmt: skip


def _chosen(options: list[dict[str, Any]], answer: Answer, proposed: dict[str, Any]) -> tuple[int, str]:
    """The place of the option that is nearest to an answer, and the amount to type, if any: of several of an action the one
    that was proposed. An action that is not among them is something else than what was proposed, whatever is chosen instead."""
    places = [place for place, option in enumerate(options) if option["action"] == answer.action]
    places.sort(key=lambda place: options[place]["label"] != proposed["label"])
    if not places:
        differing = [place for place, option in enumerate(options) if option["action"] != proposed["action"]]
        places = [place for place in differing if options[place]["action"] == Action.REFER] or differing or [0]
    place = places[0]
    offered = options[place]["amount"]
    if offered is None or answer.amount is None or Decimal(offered["amount"]) == answer.amount.amount:
        return place, ""
    return place, str(answer.amount.amount)


def audit_all(stage: Stage) -> int:
    """Everybody takes from the audit desk in turn until it is empty; returns how many were judged."""
    done, idle = 0, 0
    names = list(stage.people)
    while idle < len(names):
        name = names[(done + idle) % len(names)]
        row = audits.take_next(stage.people[name])
        if row is None:
            idle += 1
            continue
        idle = 0
        done += 1
        _audit(stage, stage.people[name], name, row)
    return done


def _audit(stage: Stage, user: User, name: str, row: CaseAudit) -> None:
    if row.decision is not None:
        case = row.decision.interaction
    else:
        assert row.judgement is not None
        case = row.judgement.escalation.interaction
    arrival = stage.arrival_of(case)
    answer = stage.world.judge(arrival, name, shown=False)
    in_order = blind.in_fixed_order(row.content)
    done, _ = audits.compared_with(row)
    place, amount = _chosen(in_order, answer, {"action": done, "label": row.content["options"][0]["label"]})
    judged = audits.judge(user, row.pk, place=place, amount=amount)
    if judged.kind == CaseAudit.Kind.ALONE:
        right = (answer.action, answer.amount) == (arrival.proposal.action, arrival.proposal.amount)
        audits.review(user, row.pk, verdict="right" if right else "wrong", wrong_part="" if right else "action")
