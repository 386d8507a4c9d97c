"""Verification: what is wrong with a draft, and exactly what it changes, proved for every case there can be.

    verification = verify(draft, active)

Pure: no database, no clock. Every answer is decided by a solver over all cases; a question that is too hard is
reported as "not proved", never guessed. A finding is a *problem* (it keeps the draft from being submitted),
a *warning*, or a *note*.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from apps.policies import differences
from apps.policies.cells import TooComplex, cells_of
from apps.policies.conditions import Condition, solved
from apps.policies.differences import Change
from apps.policies.facts import VOCABULARY
from apps.policies.gate import BUILT_IN_GUARDRAILS
from apps.policies.regions import case_in_words, facts_of, region_in_words
from apps.policies.solving import DISCLOSES, Budget, Encoded, Space, grants
from apps.policies.specs import GuardrailSpec, PolicySpec, Proposal, RuleSpec
from apps.policies.words import MONEY_ACTIONS, CaseType, Handler

PROBLEM, WARNING, NOTE = "problem", "warning", "note"
HOLDS = "guardrail holds"
MOST_QUESTIONS = 60_000
"""How many questions one verification may put to the solver: some seconds' worth."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about a draft. `about` is the key of the rule or guardrail, `example` a case in words."""

    weight: str
    kind: str
    about: str
    sentence: str
    example: str = ""

    def as_json(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found. `proved` is false when a question could not be decided; `not_proved` says which and why."""

    findings: tuple[Finding, ...] = ()
    changes: tuple[Change, ...] = ()
    not_proved: tuple[str, ...] = ()

    @property
    def proved(self) -> bool:
        return not self.not_proved

    @property
    def widens(self) -> bool:
        """Some case gets more authority than before; what is not proved counts as widening."""
        return not self.proved or any(change.widens for change in self.changes)

    @property
    def problems(self) -> list[str]:
        """What keeps the draft from being submitted, a sentence each."""
        found = [
            f.sentence + (f" Example: {f.example}." if f.example else "") for f in self.findings if f.weight == PROBLEM
        ]
        return found + [f"Not proved: {reason}. Make the conditions simpler." for reason in self.not_proved]

    def as_json(self) -> dict[str, Any]:
        return {
            "findings": [finding.as_json() for finding in self.findings],
            "changes": [change.as_json() for change in self.changes],
            "not_proved": list(self.not_proved),
            "widens": self.widens,
        }


def verify(draft: PolicySpec, active: PolicySpec | None = None, *, questions: int = MOST_QUESTIONS) -> Verification:
    """Everything there is to find about `draft`, against the version that is active (none: nothing is granted)."""
    before = active or PolicySpec()
    budget = Budget(questions)
    findings: list[Finding] = [finding for rule in draft.rules for finding in findings_of_rule(rule)]
    changes: list[Change] = differences.limit_changes(draft, before)
    not_proved: list[str] = []
    for case_type in CaseType.values:
        try:
            found, changed = _verify_type(case_type, draft, before, budget)
        except TooComplex as reason:
            not_proved.append(f"{CaseType(case_type).label}: {reason}")
        else:
            findings += found
            changes += changed
    return Verification(tuple(_together(findings)), tuple(changes), tuple(not_proved))


def _together(findings: Sequence[Finding]) -> Iterator[Finding]:
    """The rules that one guardrail holds back, as one finding with the first example."""
    held = [finding for finding in findings if finding.kind == HOLDS]
    yield from (finding for finding in findings if finding.kind != HOLDS)
    for guardrail in dict.fromkeys(finding.about for finding in held):
        some = [finding for finding in held if finding.about == guardrail]
        rules = _listed([finding.sentence for finding in some])
        yield replace(some[0], sentence=f"{_name(guardrail)} holds {rules} back where both apply.")


def findings_of_rule(rule: RuleSpec) -> list[Finding]:
    """What can be said of one rule alone: it may not grant by the customer's words, or without action or ceiling."""
    found = []
    for condition in rule.conditions:
        spec = VOCABULARY[condition.fact]
        cells = cells_of(spec, [condition.value])
        if not any(solved(condition, cell) is False for cell in cells):
            found.append(Finding(NOTE, "always true", rule.key, f"“{condition.in_words()}” is always true: it only asks "
                                 f"that {spec.label} is known."))  # fmt: skip
    if rule.handler != Handler.AUTONOMOUS:
        return found
    said = [VOCABULARY[c.fact].label for c in rule.conditions if not VOCABULARY[c.fact].grants]
    if said:
        found.append(
            Finding(PROBLEM, "customer's words", rule.key,
                    f"{_name(rule.key)} lets the AI act because of {', '.join(said)}, which the customer writes. "
                    "Such a fact may only restrict: move it to a rule for people, or to a guardrail.")
        )  # fmt: skip
    if not rule.action:
        found.append(Finding(PROBLEM, "no action", rule.key, f"{_name(rule.key)} lets the AI act but names no action."))
    if rule.action in MONEY_ACTIONS and rule.ceiling is None:
        sentence = f"{_name(rule.key)} lets the AI give money without a ceiling. Set one."
        found.append(Finding(PROBLEM, "no ceiling", rule.key, sentence))
    return found


def _verify_type(
    case_type: str, draft: PolicySpec, active: PolicySpec, budget: Budget
) -> tuple[list[Finding], list[Change]]:
    policies = (draft, active)
    same = draft.rules_for(case_type) == active.rules_for(case_type) and draft.guardrails == active.guardrails
    if not draft.rules_for(case_type) and same:
        return [], []
    space = Space(conditions_in_play(case_type, policies), budget)
    try:
        now, before = (Encoded(space, policy, case_type) for policy in policies)
        findings = [*_dead_rules(space, now), *_gaps(space, now), *_guardrails(space, now, active)]
        changes = [] if same else differences.changes_of(space, now, before)
    finally:
        space.close()
    return findings, changes


def conditions_in_play(case_type: str, policies: Sequence[PolicySpec]) -> Iterator[Condition]:
    for guardrail in BUILT_IN_GUARDRAILS:
        yield from guardrail.conditions
    for policy in policies:
        for rule in policy.rules_for(case_type):
            yield from rule.conditions
        for guardrail in policy.guardrails:
            yield from guardrail.conditions


def _dead_rules(space: Space, policy: Encoded) -> Iterator[Finding]:
    """Rules that match nothing, rules that others always come before, and people's rules that the AI is ahead of."""
    for index, rule in enumerate(policy.rules):
        name = _name(rule.key)
        if not space.possible([policy.holds[index]]):
            yield Finding(
                WARNING, "never matches", rule.key, f"{name} can never match: its conditions exclude each other."
            )
            continue
        above = [-holds for holds in policy.holds[:index]]
        if not space.possible([policy.holds[index], *above]):
            needed = space.needed()
            earlier = [r.key for r, literal in zip(policy.rules, above, strict=False) if literal in needed]
            comes = "comes" if len(earlier) == 1 else "come"
            sentence = f"{name} never decides: {_listed(earlier)} always {comes} first."
            yield Finding(WARNING, "never decides", rule.key, sentence)
            continue
        yield from _overtaken(space, policy, index)


def _overtaken(space: Space, policy: Encoded, index: int) -> Iterator[Finding]:
    """A stricter rule with conditions of its own that a grant above it takes cases from."""
    rule = policy.rules[index]
    if rule.handler == Handler.AUTONOMOUS or not rule.conditions:
        return
    for above, granting in enumerate(policy.rules[:index]):
        if granting.handler != Handler.AUTONOMOUS:
            continue
        both = [policy.holds[index], policy.decides(above), *space.known()]
        if space.possible([policy.holds[above], -policy.holds[index]]) and space.possible(both):
            example = _example(space, space.case(), [*rule.conditions, *granting.conditions])
            sentence = f"{_name(rule.key)} does not decide where {granting.key} matches too. Move it up if it should."
            yield Finding(NOTE, "overtaken", rule.key, sentence, example)
            return


def _gaps(space: Space, policy: Encoded) -> Iterator[Finding]:
    """Cases with every fact known that no rule covers: they go to a person."""
    if not policy.rules:
        return
    uncovered = space.all_of(-holds for holds in policy.holds)
    regions, switches = [], list[int]()
    while space.possible([uncovered, *space.known(), *switches]):
        region = space.known_part(space.widest(space.case(), uncovered, space.true))
        regions.append(region)
        switches.append(space.switch(region))
    if regions:
        first = regions[0]
        example = case_in_words(facts_of(space, differences.example_in(space, first, space.true)), list(first.cells))
        where = ", or ".join(region_in_words(space, region) for region in regions)
        sentence = (
            f"{CaseType(policy.case_type).label}: no rule covers the cases in which {where}. They go to a person."
        )
        yield Finding(NOTE, "no rule", "", sentence, example)


def _guardrails(space: Space, policy: Encoded, active: PolicySpec) -> Iterator[Finding]:
    """Guardrails that a rule would break without them, and rules that guardrails never let act."""
    kept = policy.policy.guardrails
    removed = [g for g in active.guardrails if g.hard and not any(g.says_the_same(other) for other in kept)]
    for rule in policy.rules:
        if rule.handler != Handler.AUTONOMOUS:
            continue
        proposals = [p for p in differences.proposals_for(policy.case_type, policy.policy) if grants(rule, p)]
        for guardrail in kept:
            yield from _would_break(space, policy, rule, guardrail, proposals, tightened=False)
        for guardrail in removed:
            yield from _would_break(space, policy, rule, guardrail, proposals, tightened=True)
        acts = [space.all_of([policy.decides(policy.rules.index(rule)), policy.granted(p)]) for p in proposals]
        if proposals and not space.possible([space.any_of(acts)]):
            yield Finding(WARNING, "never acts", rule.key, f"{_name(rule.key)} never lets the AI act: where it decides, "
                          "guardrails always send the case to a person.")  # fmt: skip


def _would_break(
    space: Space, policy: Encoded, rule: RuleSpec, guardrail: GuardrailSpec, proposals: Sequence[Proposal], *, tightened: bool
) -> Iterator[Finding]:  # fmt: skip
    decides = policy.decides(policy.rules.index(rule))
    for proposal in reversed(proposals):
        breaks = [decides, policy.granted(proposal, tightened=tightened), policy.fires(guardrail, proposal)]
        if not space.possible(breaks):
            continue
        if not space.possible([*breaks, *space.known()]):
            space.possible(breaks)
        example = _example(space, space.case(), [*rule.conditions, *guardrail.conditions])
        if proposal.amount is not None:
            example = f"{example}, {proposal.amount}".lstrip(", ")
        if not guardrail.hard:
            yield Finding(NOTE, HOLDS, guardrail.key, rule.key, example)
        elif tightened:
            sentence = f"{_name(rule.key)} goes beyond a hard guardrail of the active version, which this draft drops."
            yield Finding(PROBLEM, "hard guardrail", rule.key, sentence, example)
        else:
            sentence = f"{_name(rule.key)} goes beyond the hard {guardrail.key}. Narrow the rule."
            yield Finding(PROBLEM, "hard guardrail", rule.key, sentence, example)
        return


def _example(space: Space, case: Mapping[str, int], conditions: Sequence[Condition]) -> str:
    names = dict.fromkeys(condition.fact for condition in conditions)
    return case_in_words(facts_of(space, case), [name for name in names if name != DISCLOSES])


def _name(key: str) -> str:
    return key[:1].upper() + key[1:]


def _listed(keys: Sequence[str]) -> str:
    return keys[0] if len(keys) == 1 else f"{', '.join(keys[:-1])} and {keys[-1]}"
