"""The coach: what kept the AI from a decision that a person took, and the smallest rule that would let it take that one
alone. The rule goes into a draft, which is verified, replayed and released like any other; the coach grants nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from apps.policies import audit, editing, granting, releases
from apps.policies.errors import Refused
from apps.policies.facts import VOCABULARY, Value, value_as_json
from apps.policies.gate_words import trace_in_words
from apps.policies.models import Boundary, BoundaryVersion, Rule, Ruling
from apps.policies.money import Money
from apps.policies.sentences import rule_sentence
from apps.policies.words import Action, Handler

# Whoever wrote it has to be known, and the order theirs: the gate asks for both whatever a rule says.
_ALWAYS = ("sender.verified", "order.belongs_to_sender")
_NEVER_BY_RULE = frozenset({Action.REFER, Action.DENY})


@dataclass(frozen=True, slots=True)
class Stop:
    """One thing that kept the AI from it: a rule or guardrail by its key, or a check outside the boundary (empty key)."""

    key: str
    words: str
    by_rule: bool


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a decided case teaches about the boundary: the stops, and the smallest rule, unless `none_because` says why there
    is none."""

    ruling: Ruling
    stops: tuple[Stop, ...]
    action: str
    ceiling: Decimal | None
    conditions: tuple[dict[str, Any], ...]
    sentence: str
    none_because: str = ""


def lesson(
    ruling: Ruling, action: str, amount: Money | None, facts: dict[str, Value | None], telling: Sequence[str]
) -> Lesson:
    """The lesson of a case that was ruled so and decided as `action` with `amount`. `facts` are those known then, `telling`
    the facts that matter to its type: those that may grant become conditions, as they were here."""
    conditions = tuple(_condition(name, facts[name]) for name in _names(facts, telling))
    ceiling = amount.amount if amount else None
    because = _none_because(ruling, action, amount, facts) or _unknown(facts, telling)
    sentence = "" if because else rule_sentence(_rule(ruling, action, ceiling, conditions))
    return Lesson(ruling, tuple(_stops(ruling)), action, ceiling, conditions, sentence, because)


def _names(facts: dict[str, Value | None], telling: Sequence[str]) -> list[str]:
    wanted = dict.fromkeys([*_ALWAYS, *telling])
    return [
        name for name in wanted
        if VOCABULARY[name].grants and facts.get(name) is not None and not isinstance(facts[name], Money)
    ]  # fmt: skip


def _condition(name: str, value: Value | None) -> dict[str, Any]:
    """The value as it was; of a number, that and whatever is smaller."""
    number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return {"fact": name, "operator": "≤" if number else "is", "value": value_as_json(value)}


def _none_because(ruling: Ruling, action: str, amount: Money | None, facts: dict[str, Value | None]) -> str:
    if ruling.version is None:
        return "No boundary was active for this brand: there is nothing to draft from."
    if action in _NEVER_BY_RULE:
        return f"“{Action(action).label}” is never the AI's alone."
    if ruling.handler == Handler.AUTONOMOUS:
        return "The boundary let the AI do this alone already."
    if amount and amount.currency != ruling.version.boundary.currency:
        return f"The boundary counts in {ruling.version.boundary.currency}, and this was {amount}."
    if any(facts.get(name) is not True for name in _ALWAYS) and action != Action.ASK_CUSTOMER:
        return "It was not certain who wrote, or that the order is theirs: no rule can grant that away."
    return ""


def _unknown(facts: dict[str, Value | None], telling: Sequence[str]) -> str:
    """A rule that cannot name what tells such cases apart would cover more than this one."""
    missing = [VOCABULARY[name].label for name in telling if VOCABULARY[name].grants and facts.get(name) is None]
    return (
        f"Not known here: {', '.join(missing)}. A rule without it would cover more than this case." if missing else ""
    )


def _stops(ruling: Ruling) -> list[Stop]:
    """Guardrails that fired and the rule that matched, then what able and earned said."""
    found = []
    for step in trace_in_words(ruling):
        decided = step["outcome"] == "fired" or (step["outcome"] == "matched" and ruling.gate_handler != "autonomous")
        if decided:
            found.append(Stop(step["key"], step["sentence"], step["key"].startswith("rule ")))
    if not any(stop.by_rule for stop in found) and ruling.refused_by == "no rule":
        found.append(Stop("", "No rule of the boundary covers it.", True))
    return found + [
        Stop("", f"Not {no['question']}: {no['reason']}.", False)
        for no in ruling.downgrades
        if no["question"] != "permitted"
    ]


def _rule(ruling: Ruling, action: str, ceiling: Decimal | None, conditions: Sequence[dict[str, Any]]) -> Rule:
    return Rule(
        version=ruling.version,
        case_type=ruling.case_type,
        handler=Handler.AUTONOMOUS,
        action=action,
        ceiling=ceiling,
        conditions=list(conditions),
    )


def open_draft(user: User, learnt: Lesson) -> BoundaryVersion:
    """A new draft of the active version with the smallest rule in front of what else is said of the type.

    Raises Refused when there is no such rule, or the boundary is outside the person's remit.
    """
    if learnt.none_because or learnt.ruling.version is None:
        raise Refused(learnt.none_because or "There is nothing to draft from.")
    rule = _rule(learnt.ruling, learnt.action, learnt.ceiling, learnt.conditions)
    with transaction.atomic():
        draft = draft_with(user, learnt.ruling.version.boundary, rule, f"From case {learnt.ruling.subject}")
        audit.record(audit.person(user), draft, "coached", details={"ruling": learnt.ruling.pk})
    return draft


def draft_with(
    user: User, boundary: Boundary, rule: Rule, note: str, *, after_granting: bool = False
) -> BoundaryVersion:
    """A new draft of the active version with one rule more, in front of what else is said of its type. One that comes
    `after_granting` stands behind all that let the AI act and behind people's exceptions, in front of what takes every other
    case; grants of its type that were stopped make room. Raises Refused when the boundary is outside the person's remit."""
    with transaction.atomic():
        draft = releases.draft_from(user, boundary)
        rule.version = draft
        editing.save(user, rule)
        of_type = Rule.objects.filter(version=draft, case_type=rule.case_type)
        if after_granting:
            for stopped in of_type.filter(ramp__stopped_at__isnull=False).exclude(pk=rule.pk):
                editing.delete(user, stopped)
        others = list(of_type.exclude(pk=rule.pk).order_by("position"))
        for _ in others[
            granting.place_after_granting([(one.handler, bool(one.conditions)) for one in others])
            if after_granting
            else 0 :
        ]:
            editing.move(user, rule, up=True)
        editing.annotate(user, draft, f"{note}: {rule_sentence(rule)}")
    return BoundaryVersion.objects.get(pk=draft.pk)
