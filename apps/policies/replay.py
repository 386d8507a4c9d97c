"""Replay: what a draft would have said to the cases of a period, and what that would have meant.

Pure: handed rulings in columns, it rules them under the active version and under the draft, keeps every recorded no
of *able* and *earned* that no limit said, asks budgets and velocity anew in time order, and compares. A case that asks
for a fact which was not recorded then is "cannot say" and counts for neither side.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from apps.policies import limits
from apps.policies.batch import Batch
from apps.policies.specs import DEFAULT_FLOOR, PolicySpec
from apps.policies.vector_gate import ACTIONS, HANDLER_OF, Verdicts, rule_columns
from apps.policies.words import CaseType

CASE_TYPES = tuple(CaseType.values)
EXAMPLES = 5
_KEPT = ("id", "at", "partner", "case type", "action", "amount", "version", "handler")
_CODED = ("customer", "address", "payment")


@dataclass(frozen=True, slots=True)
class Side:
    """What one policy says to n cases: the gate's strictness, the rule, and whether the AI acts alone in the end."""

    strictness: NDArray[np.int8]
    rules: list[str]
    refused_by: list[str]
    alone: NDArray[np.bool_]
    kept: NDArray[np.int16]  # the noes that are kept, as places in Handler.values


@dataclass(slots=True)
class Replayed:
    """All cases of a period under both policies. Arrays are of one length, in the order of the rulings' ids."""

    arrays: dict[str, NDArray[Any]]
    texts: dict[str, list[str]]
    cannot_say: NDArray[np.bool_]
    unrecorded: Counter[str]
    before: Side
    after: Side
    wrong: list[int]
    checked: int


@dataclass(slots=True)
class _Collected:
    arrays: dict[str, list[NDArray[Any]]] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)
    sides: tuple[list[Side], list[Side]] = field(default_factory=lambda: ([], []))
    cannot_say: list[NDArray[np.bool_]] = field(default_factory=list)


def facts_asked(*policies: PolicySpec) -> list[str]:
    """The facts that these policies ask about, those of the built-in guardrails among them."""
    found = {"sender.verified", "order.belongs_to_sender"}
    for policy in policies:
        found |= {condition.fact for rule in policy.rules for condition in rule.conditions}
        found |= {condition.fact for guardrail in policy.guardrails for condition in guardrail.conditions}
    return sorted(found)


def replay(
    batches: Iterable[Batch],
    draft: PolicySpec,
    active: PolicySpec,
    *,
    active_id: int,
    vocabularies: Mapping[str, frozenset[str]],
    zones: Mapping[int, ZoneInfo],
    progress: Callable[[int], None] = lambda _: None,
) -> Replayed:
    """Rule every case twice. `vocabularies` are the facts that could be recorded, by the name on the ruling; `zones`
    the partners' time zones, for budgets a day; `progress` is told how many rulings are done."""
    collected, wrong, checked, done = _Collected(), list[int](), 0, 0
    unrecorded: Counter[str] = Counter()
    for batch in batches:
        before, after = _side(active, batch), _side(draft, batch)
        of_active = batch["version"] == active_id
        wrong += _wrong(batch, before, of_active)
        checked += int(of_active.sum())
        _collect(collected, batch, before, after, _cannot_say(batch, draft, vocabularies, unrecorded))
        done += len(batch)
        progress(done)
    arrays = {name: np.concatenate(parts) if parts else np.zeros(0) for name, parts in collected.arrays.items()}
    arrays = {name: arrays.get(name, np.zeros(0)) for name in _KEPT}
    texts = {name: collected.texts.get(name, []) for name in ("currency", *_CODED)}
    before, after = (_joined(sides) for sides in collected.sides)
    for side, policy in ((before, active), (after, draft)):
        limits.hold(policy.limits, side.alone, arrays, texts, zones)
    cannot_say = np.concatenate(collected.cannot_say) if collected.cannot_say else np.zeros(0, np.bool_)
    return Replayed(arrays, texts, cannot_say, unrecorded, before, after, wrong, checked)


def _side(policy: PolicySpec, batch: Batch) -> Side:
    """The gate over one batch, type by type, and who acts alone before budgets are asked."""
    count = len(batch)
    strictness = np.zeros(count, np.int8)
    rules, refused_by = np.empty(count, object), np.empty(count, object)
    facts = {name: batch.fact(name) for name in facts_asked(policy)}
    proposals = batch.proposals
    sure = np.ones(count, np.bool_)
    for place in np.unique(batch["case type"]):
        rows = np.nonzero(batch["case type"] == place)[0]
        of_type = {name: column.take(rows) for name, column in facts.items()}
        verdicts = rule_columns(policy, CASE_TYPES[place], proposals.take(rows), of_type)
        strictness[rows] = verdicts.strictness
        rules[rows], refused_by[rows] = _named(verdicts, verdicts.rules), _named(verdicts, verdicts.refused_by)
        sure[rows] = _sure(policy, CASE_TYPES[place], batch["action"][rows], batch["confidence"][rows])
    alone = (strictness == 0) & (batch["kept no"] == 0) & sure
    return Side(strictness, rules.tolist(), refused_by.tolist(), alone, batch["kept no"])


def _named(verdicts: Verdicts, codes: NDArray[np.int16]) -> NDArray[Any]:
    return np.array([*verdicts.keys, ""], object)[codes]


def _sure(policy: PolicySpec, case_type: str, actions: NDArray[Any], thousandths: NDArray[Any]) -> NDArray[np.bool_]:
    """The reading is as sure as the floors of this policy ask."""
    floors = np.full(len(actions), float(DEFAULT_FLOOR) * 1000)
    for limit in policy.limits:
        if limit.kind == "confidence" and limit.floor is not None:
            looked_at = [place for place, action in enumerate(ACTIONS) if limit.looks_at(case_type, action)]
            here = np.isin(actions, looked_at)
            floors[here] = np.maximum(floors[here], float(limit.floor) * 1000)
    return thousandths >= floors


def _wrong(batch: Batch, side: Side, of_active: NDArray[np.bool_]) -> list[int]:
    """Rulings of the active version that the replay does not reproduce exactly."""
    stored_rules = np.array(batch.words("rule"), object)[batch["rule"]]
    stored_refused = np.array(batch.words("refused by"), object)[batch["refused by"]]
    differs = side.strictness != batch["strictness"]
    differs |= (np.array(side.rules, object) != stored_rules) | (np.array(side.refused_by, object) != stored_refused)
    return [int(ruling) for ruling in batch["id"][differs & of_active]]


def _cannot_say(
    batch: Batch, draft: PolicySpec, vocabularies: Mapping[str, frozenset[str]], unrecorded: Counter[str]
) -> NDArray[np.bool_]:
    """Cases whose type asks, in the draft, for a fact that could not be recorded when they were ruled."""
    missing = np.zeros(len(batch), np.bool_)
    for code, name in enumerate(batch.words("vocabulary")):
        known = vocabularies.get(name, frozenset())
        for place in np.unique(batch["case type"]):
            of_type = [g for g in draft.guardrails if not g.case_types or CASE_TYPES[place] in g.case_types]
            asked = facts_asked(PolicySpec(draft.rules_for(CASE_TYPES[place]), tuple(of_type)))
            lacking = [fact for fact in asked if fact not in known]
            if lacking:
                rows = (batch["vocabulary"] == code) & (batch["case type"] == place)
                missing |= rows
                unrecorded.update(dict.fromkeys(lacking, int(rows.sum())))
    return missing


def _collect(into: _Collected, batch: Batch, before: Side, after: Side, cannot_say: NDArray[np.bool_]) -> None:
    for name in _KEPT:
        into.arrays.setdefault(name, []).append(batch[name])
    known, words = batch["amount known"], (*batch.words("amount"), "")
    codes = np.where(known, batch["amount currency"], -1)
    into.texts.setdefault("currency", []).extend(np.array(words, object)[codes].tolist())
    for name in _CODED:
        into.texts.setdefault(name, []).extend(np.array(batch.words(name), object)[batch[name]].tolist())
    into.sides[0].append(before)
    into.sides[1].append(after)
    into.cannot_say.append(cannot_say)


def _joined(sides: Sequence[Side]) -> Side:
    if not sides:
        return Side(np.zeros(0, np.int8), [], [], np.zeros(0, np.bool_), np.zeros(0, np.int16))
    return Side(
        np.concatenate([side.strictness for side in sides]),
        [rule for side in sides for rule in side.rules],
        [key for side in sides for key in side.refused_by],
        np.concatenate([side.alone for side in sides]),
        np.concatenate([side.kept for side in sides]),
    )


def handlers(side: Side) -> NDArray[np.int8]:
    """Places in Handler.values: the strictest of what the gate, the noes that are kept and the limits leave."""
    of_limits = np.where((side.strictness == 0) & (side.kept == 0) & ~side.alone, 2, 0)
    return np.maximum(np.maximum(HANDLER_OF[side.strictness], side.kept), of_limits).astype(np.int8)


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
