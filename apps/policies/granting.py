"""Where a rule that grants something new stands: behind people's exceptions and every older grant."""

from collections.abc import Sequence
from dataclasses import replace

from apps.policies.specs import PolicySpec, RuleSpec
from apps.policies.words import Handler


def policy_with(policy: PolicySpec, rule: RuleSpec, *, after_granting: bool = False) -> PolicySpec:
    """The policy with one rule more, in front of its type's or where a grant stands; grants that were stopped are to be left
    out before."""
    of_type = [one for one in policy.rules if one.case_type == rule.case_type]
    others = [one for one in policy.rules if one.case_type != rule.case_type]
    place = place_after_granting([(one.handler, bool(one.conditions)) for one in of_type]) if after_granting else 0
    return replace(policy, rules=(*of_type[:place], rule, *of_type[place:], *others))


def place_after_granting(rules: Sequence[tuple[str, bool]]) -> int:
    """In front of the first rule behind the last that grants which takes every case; at the end without one. Of each rule,
    its handler and whether it has conditions."""
    granting = [place for place, (handler, _) in enumerate(rules) if handler == Handler.AUTONOMOUS]
    behind = granting[-1] + 1 if granting else 0
    return next((place for place in range(behind, len(rules)) if not rules[place][1]), len(rules))


def by_its_ramp_alone(policy: PolicySpec, case_type: str, ramp: int) -> PolicySpec:
    """What one grant lets the AI do where it stands: other grants of its type take their cases from it, and are people's."""
    rules = [
        replace(one, ramp=None) if one.ramp == ramp
        else replace(one, handler=Handler.HUMAN, action="", ceiling=None, ramp=None)
        for one in policy.rules_for(case_type)
    ]  # fmt: skip
    return PolicySpec(tuple(rules), policy.guardrails)
