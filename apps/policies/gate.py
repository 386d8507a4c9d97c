"""The gate: what may the AI do alone? Deterministic, over typed facts and the proposed action.

    policy = compile_policy(rules, guardrails)
    verdict = policy.rule("refund_exception", proposal, facts)

Rules of the case's type are tried in order and the first match wins; guardrails may then only tighten.
Where facts are unknown the law is: *making any fact unknown never widens*. So an unknown condition
fails a rule that would grant, fires a guardrail, and halts at a rule that is stricter, for this proposal,
than what would match below it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from apps.policies.conditions import Condition, compiled
from apps.policies.facts import Value
from apps.policies.money import Money
from apps.policies.operators import Test
from apps.policies.placing import Classes, Place
from apps.policies.specs import GuardrailSpec, LimitSpec, Proposal, RuleSpec, content_hash
from apps.policies.words import MONEY_ACTIONS, ORDER_ACTIONS, Action, Handler, Seniority

AUTONOMOUS, COLLABORATIVE, HUMAN = Handler.AUTONOMOUS.value, Handler.COLLABORATIVE.value, Handler.HUMAN.value
STRICTNESS = {
    (AUTONOMOUS, Seniority.ANY.value): 0,
    (AUTONOMOUS, Seniority.SENIOR.value): 0,
    (COLLABORATIVE, Seniority.ANY.value): 1,
    (COLLABORATIVE, Seniority.SENIOR.value): 2,
    (HUMAN, Seniority.ANY.value): 3,
    (HUMAN, Seniority.SENIOR.value): 4,
}


# Nobody's order is disclosed, paid out or changed unless the sender is known to own it. No boundary can drop these.
BUILT_IN_GUARDRAILS = (
    GuardrailSpec("built-in:sender", (Condition("sender.verified", "is not", True),), order_data_only=True),
    GuardrailSpec("built-in:owner", (Condition("order.belongs_to_sender", "is not", True),), order_data_only=True),
)


MOST_REMEMBERED = 5_000  # verdicts a case type: some 2 MB of a long policy; then it starts anew
_NOT_ASKED = object()
Asked = list[object]
"""What each condition of the table came out as: True, False, None, or not asked yet."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the trace: a rule or guardrail that was tried, and how it came out.

    outcome: "matched", "failed", "unknown", "not permitted" (the rule matched, the proposal exceeds it),
    "fired" or "held". `condition` is the index of the condition that decided, or None.
    """

    key: str
    outcome: str
    condition: int | None = None

    def as_json(self) -> list[object]:
        return [self.key, self.outcome, self.condition]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate said. `rule` is None when no rule covers the case; `refused_by` names what stopped autonomy."""

    handler: str
    seniority: str
    rule: str | None
    due_minutes: int | None
    refused_by: str | None
    trace: tuple[Step, ...] = field(default=())

    def as_json(self) -> dict[str, object]:
        return {
            "handler": self.handler,
            "seniority": self.seniority,
            "rule": self.rule,
            "due_minutes": self.due_minutes,
            "refused_by": self.refused_by,
            "trace": [step.as_json() for step in self.trace],
        }


@dataclass(frozen=True, slots=True)
class _Rule:
    spec: RuleSpec
    conditions: tuple[int, ...]  # places in the policy's table of conditions
    strictness: int
    failed: tuple[Step, ...]  # the trace lines a failing condition leaves, made once


@dataclass(frozen=True, slots=True)
class _Guardrail:
    spec: GuardrailSpec
    conditions: tuple[int, ...]
    held: tuple[Step, ...]  # by the condition that failed; the last without one
    fired: tuple[Step, ...]


class CompiledPolicy:
    """The rules and guardrails of one version, ready to rule. Safe to share between threads.

    Each distinct condition stands once in a table and is asked at most once a ruling, however many rules share it.
    Cases that no condition tells apart get one verdict, worked out once and remembered.
    """

    def __init__(
        self, rules: Sequence[RuleSpec], guardrails: Sequence[GuardrailSpec], limits: Sequence[LimitSpec]
    ) -> None:
        self.content_hash = content_hash(rules, guardrails, limits)
        self.limits = tuple(limits)
        self.ramps = {rule.key: rule.ramp for rule in rules if rule.ramp is not None}
        self._remembered: dict[str, tuple[Classes, dict[Place, Verdict]]] = {}
        self._table: list[tuple[str, Test]] = []
        places: dict[Condition, int] = {}
        self._rules: dict[str, tuple[_Rule, ...]] = {}
        for rule in rules:
            failed = tuple(Step(rule.key, "failed", index) for index in range(len(rule.conditions)))
            strictness = STRICTNESS[rule.handler, rule.seniority]
            ready = _Rule(rule, self._placed(rule.conditions, places), strictness, failed)
            self._rules[rule.case_type] = (*self._rules.get(rule.case_type, ()), ready)
        self._guardrails = tuple(
            _Guardrail(spec, self._placed(spec.conditions, places), _steps(spec, "held"), _steps(spec, "fired"))
            for spec in (*BUILT_IN_GUARDRAILS, *guardrails)
        )

    def _placed(self, conditions: Sequence[Condition], places: dict[Condition, int]) -> tuple[int, ...]:
        for condition in conditions:
            if condition not in places:
                places[condition] = len(self._table)
                self._table.append((condition.fact, compiled(condition)))
        return tuple(places[condition] for condition in conditions)

    def rule(self, case_type: str, proposal: Proposal, facts: Mapping[str, Value | None]) -> Verdict:
        """Rule one proposal on one case. Raises nothing: what is unknown goes to a person."""
        classes, verdicts = self._remembered.get(case_type) or self._remember(case_type)
        place = classes.place_of(proposal, facts)
        verdict = verdicts.get(place)
        if verdict is None:
            if len(verdicts) >= MOST_REMEMBERED:
                verdicts.clear()
            verdict = verdicts[place] = self.work_out(case_type, proposal, facts)
        return verdict

    def _remember(self, case_type: str) -> tuple[Classes, dict[Place, Verdict]]:
        rules = [rule.spec for rule in self._rules.get(case_type, ())]
        specs: list[RuleSpec | GuardrailSpec] = [*rules, *(guardrail.spec for guardrail in self._guardrails)]
        conditions = [condition for spec in specs for condition in spec.conditions]
        classes = Classes(conditions, [spec.ceiling for spec in specs if spec.ceiling is not None])
        return self._remembered.setdefault(case_type, (classes, {}))

    def work_out(self, case_type: str, proposal: Proposal, facts: Mapping[str, Value | None]) -> Verdict:
        """The verdict from the rules themselves, without remembering."""
        trace: list[Step] = []
        halted: _Rule | None = None
        halted_strictness = -1
        matched: _Rule | None = None
        asked: Asked = [_NOT_ASKED] * len(self._table)
        table, known, note = self._table, facts.get, trace.append
        for rule in self._rules.get(case_type, ()):
            unknown: int | None = None
            for index, place in enumerate(rule.conditions):
                outcome = asked[place]
                if outcome is _NOT_ASKED:  # `_ask`, written out: this is the innermost loop
                    name, test = table[place]
                    value = known(name)
                    outcome = asked[place] = None if value is None else test(value)
                if outcome is True:
                    continue
                if outcome is False:
                    note(rule.failed[index])
                    break
                if unknown is None:
                    unknown = index
            else:
                strictness = rule.strictness or STRICTNESS[granted(rule.spec, proposal), Seniority.ANY.value]
                if unknown is None:
                    matched = rule
                    note(Step(rule.spec.key, "matched" if strictness == rule.strictness else "not permitted"))
                    break
                note(Step(rule.spec.key, "unknown", unknown))
                if strictness > halted_strictness:
                    halted, halted_strictness = rule, strictness
        said = _first_verdict(matched, halted, proposal)
        return self._tightened(case_type, said, trace, proposal, facts, asked)

    def _ask(self, place: int, facts: Mapping[str, Value | None], asked: Asked) -> bool | None:
        name, test = self._table[place]
        value = facts.get(name)
        outcome = asked[place] = None if value is None else test(value)
        return outcome

    def _holds(
        self, conditions: tuple[int, ...], facts: Mapping[str, Value | None], asked: Asked
    ) -> tuple[bool | None, int | None]:
        """All conditions together, three-valued: one failure decides, otherwise one unknown does."""
        unknown: int | None = None
        for index, place in enumerate(conditions):
            outcome = asked[place] if asked[place] is not _NOT_ASKED else self._ask(place, facts, asked)
            if outcome is False:
                return False, index
            if outcome is None and unknown is None:
                unknown = index
        return (True, None) if unknown is None else (None, unknown)

    def _tightened(
        self, case_type: str, said: "_Said", trace: list[Step], proposal: Proposal, facts: Mapping[str, Value | None],
        asked: Asked,
    ) -> Verdict:  # fmt: skip
        handler, seniority, rule, due_minutes, refused_by = said
        for guardrail in self._guardrails:
            spec = guardrail.spec
            if not looks_at(spec, case_type, proposal):
                continue
            outcome, index = self._holds(guardrail.conditions, facts, asked)
            place = -1 if index is None else index
            if outcome is False or (spec.ceiling is not None and within(proposal.amount, spec.ceiling)):
                trace.append(guardrail.held[place])
                continue
            trace.append(guardrail.fired[place])
            if STRICTNESS[spec.handler, spec.seniority] > STRICTNESS[handler, seniority]:
                if handler == AUTONOMOUS:
                    refused_by = spec.key
                handler, seniority = spec.handler, spec.seniority
        return Verdict(handler, seniority, rule, due_minutes, refused_by, tuple(trace))


_Said = tuple[str, str, str | None, int | None, str | None]
"""What the rules said: handler, seniority, the rule's key, its clock in minutes, and what refused autonomy."""


def _steps(spec: GuardrailSpec, outcome: str) -> tuple[Step, ...]:
    return (*(Step(spec.key, outcome, index) for index in range(len(spec.conditions))), Step(spec.key, outcome))


def compile_policy(
    rules: Sequence[RuleSpec], guardrails: Sequence[GuardrailSpec] = (), limits: Sequence[LimitSpec] = ()
) -> CompiledPolicy:
    return CompiledPolicy(rules, guardrails, limits)


def granted(rule: RuleSpec, proposal: Proposal) -> str:
    """What an autonomous rule gives this proposal: another action, or more money, is a person's."""
    if rule.action != proposal.action:
        return HUMAN
    if proposal.action in MONEY_ACTIONS and (proposal.amount is None or rule.ceiling is None):
        return HUMAN
    if proposal.amount is not None and rule.ceiling is not None and not within(proposal.amount, rule.ceiling):
        return HUMAN
    return AUTONOMOUS


def within(amount: Money | None, ceiling: Money) -> bool:
    """Money of another currency is unknown, so it is never within."""
    if amount is None:
        return True
    return amount.currency == ceiling.currency and amount.amount <= ceiling.amount


def _first_verdict(matched: _Rule | None, halted: _Rule | None, proposal: Proposal) -> _Said:
    below = _outcome(matched, proposal)
    if halted is not None:
        above = _outcome(halted, proposal)
        if STRICTNESS[above] > STRICTNESS[below]:
            return *above, halted.spec.key, halted.spec.due_minutes, halted.spec.key
    if matched is None:
        return HUMAN, Seniority.ANY.value, None, None, "no rule"
    refused_by = None if below[0] == AUTONOMOUS else matched.spec.key
    return *below, matched.spec.key, matched.spec.due_minutes, refused_by


def _outcome(rule: _Rule | None, proposal: Proposal) -> tuple[str, str]:
    if rule is None:
        return HUMAN, Seniority.ANY.value
    if rule.spec.handler == AUTONOMOUS:
        return granted(rule.spec, proposal), Seniority.ANY.value
    return rule.spec.handler, rule.spec.seniority


def looks_at(spec: GuardrailSpec, case_type: str, proposal: Proposal) -> bool:
    if spec.case_types and case_type not in spec.case_types:
        return False
    if spec.actions and proposal.action not in spec.actions:
        return False
    if spec.order_data_only:
        return proposal.discloses_order or Action(proposal.action) in ORDER_ACTIONS
    return True
