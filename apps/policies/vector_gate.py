"""The gate over columns: what a policy says to many cases of one type at once.

Line by line what `gate.CompiledPolicy.rule` does to one case; a property test and every replay hold them equal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.policies.columns import FALSE, TRUE, UNKNOWN, Column, Mask, Outcomes, cents_of
from apps.policies.conditions import Condition, vectorised
from apps.policies.gate import AUTONOMOUS, BUILT_IN_GUARDRAILS, STRICTNESS
from apps.policies.money import Money
from apps.policies.specs import GuardrailSpec, PolicySpec, RuleSpec
from apps.policies.words import MONEY_ACTIONS, ORDER_ACTIONS, Action, Handler, Seniority

NO_RULE = "no rule"
ACTIONS = tuple(Action.values)
_HUMAN = STRICTNESS[Handler.HUMAN.value, Seniority.ANY.value]
# A verdict's handler and seniority by its strictness: autonomous is never a senior's.
HANDLER_OF = np.array([0, 1, 1, 2, 2], np.int8)  # places in Handler.values
SENIOR_OF = np.array([0, 0, 1, 0, 1], np.int8)


@dataclass(frozen=True, slots=True)
class Proposals:
    """What the AI proposed in n cases: action codes (places in `ACTIONS`), amounts as a money column, disclosure."""

    actions: NDArray[np.int16]
    amounts: Column
    discloses: Mask

    def take(self, rows: NDArray[np.int64]) -> "Proposals":
        return Proposals(self.actions[rows], self.amounts.take(rows), self.discloses[rows])


@dataclass(slots=True)
class Verdicts:
    """What the gate said to n cases: strictness (0 autonomous … 4 senior), and codes into `keys` (-1: none)."""

    keys: tuple[str, ...]
    strictness: NDArray[np.int8]
    rules: NDArray[np.int16]
    refused_by: NDArray[np.int16]


def rule_columns(policy: PolicySpec, case_type: str, proposals: Proposals, facts: Mapping[str, Column]) -> Verdicts:
    """Rule n cases of one type; `facts` holds a column for each fact that the policy asks about."""
    rules = policy.rules_for(case_type)
    guardrails = [*BUILT_IN_GUARDRAILS, *policy.guardrails]
    keys = (*(rule.key for rule in rules), *(guardrail.key for guardrail in guardrails), NO_RULE)
    ask = _Asked(facts, len(proposals.discloses))
    verdicts = _first_match(rules, keys, proposals, ask)
    for place, guardrail in enumerate(guardrails, start=len(rules)):
        _tighten(verdicts, place, guardrail, case_type, proposals, ask)
    return verdicts


class _Asked:
    """Conditions on the columns, each read once."""

    def __init__(self, facts: Mapping[str, Column], count: int) -> None:
        self._facts, self.count = facts, count
        self._read: dict[Condition, Outcomes] = {}

    def all_hold(self, conditions: Sequence[Condition]) -> Outcomes:
        """All conditions together: one failure decides, otherwise one unknown does."""
        outcomes = np.full(self.count, TRUE, np.int8)
        for condition in conditions:
            if condition not in self._read:
                self._read[condition] = vectorised(condition, self._facts[condition.fact])
            read = self._read[condition]
            unknown = (read == UNKNOWN) & (outcomes == TRUE)
            outcomes[unknown] = UNKNOWN
            outcomes[read == FALSE] = FALSE
        return outcomes


def _first_match(rules: Sequence[RuleSpec], keys: tuple[str, ...], proposals: Proposals, ask: _Asked) -> Verdicts:
    count = ask.count
    undecided = np.ones(count, np.bool_)
    matched, halted = np.full(count, -1, np.int16), np.full(count, -1, np.int16)
    strictness, halted_strictness = np.full(count, _HUMAN, np.int8), np.full(count, -1, np.int8)
    for place, rule in enumerate(rules):
        if not undecided.any():
            break
        outcomes, strict = ask.all_hold(rule.conditions), _strictness_of(rule, proposals)
        stricter = undecided & (outcomes == UNKNOWN) & (strict > halted_strictness)
        halted[stricter], halted_strictness[stricter] = place, strict[stricter]
        hit = undecided & (outcomes == TRUE)
        matched[hit], strictness[hit] = place, strict[hit]
        undecided &= ~hit
    stopped = halted_strictness > strictness
    decided_by = np.where(stopped, halted, matched).astype(np.int16)
    strictness = np.where(stopped, halted_strictness, strictness).astype(np.int8)
    refused_by = np.where(decided_by < 0, len(keys) - 1, decided_by).astype(np.int16)
    refused_by[strictness == 0] = -1
    return Verdicts(keys, strictness, decided_by, refused_by)


def _strictness_of(rule: RuleSpec, proposals: Proposals) -> NDArray[np.int8]:
    """How strict the rule is with each proposal: one that it does not grant is a person's."""
    if rule.handler != AUTONOMOUS:
        return np.full(len(proposals.discloses), STRICTNESS[rule.handler, rule.seniority], np.int8)
    granted = proposals.actions == ACTIONS.index(rule.action)
    known = proposals.amounts.known
    if rule.action in MONEY_ACTIONS:
        granted &= known & (rule.ceiling is not None)
    if rule.ceiling is not None:
        granted &= ~known | _within(proposals.amounts, rule.ceiling)
    return np.where(granted, 0, _HUMAN).astype(np.int8)


def _within(amounts: Column, ceiling: Money) -> Mask:
    """The amount is in the ceiling's currency and not above it; where there is no amount the answer means nothing."""
    assert amounts.currencies is not None
    same = amounts.currencies == amounts.code_of(ceiling.currency)
    return np.asarray(same & (amounts.values <= cents_of(ceiling.amount)))


def _tighten(
    verdicts: Verdicts, place: int, spec: GuardrailSpec, case_type: str, proposals: Proposals, ask: _Asked
) -> None:
    if spec.case_types and case_type not in spec.case_types:
        return
    fires = ask.all_hold(spec.conditions) != FALSE
    if spec.actions:
        fires &= np.isin(proposals.actions, [ACTIONS.index(action) for action in spec.actions])
    if spec.order_data_only:
        on_order = np.isin(proposals.actions, [ACTIONS.index(action) for action in ORDER_ACTIONS])
        fires &= proposals.discloses | on_order
    if spec.ceiling is not None:
        fires &= proposals.amounts.known & ~_within(proposals.amounts, spec.ceiling)
    strict = STRICTNESS[spec.handler, spec.seniority]
    stricter = fires & (strict > verdicts.strictness)
    verdicts.refused_by[stricter & (verdicts.strictness == 0)] = place
    verdicts.strictness[stricter] = strict
