"""Checking a version before it may go on: every row can be read, and the verifier has nothing against it."""

from dataclasses import dataclass, replace
from functools import lru_cache

from apps.policies import granting, ramps
from apps.policies.conditions import BadCondition
from apps.policies.differences import CHANGED, NEWLY
from apps.policies.facts import VOCABULARY
from apps.policies.models import BoundaryVersion, Guardrail, Ramp, Rule
from apps.policies.models.rule import RuleRow
from apps.policies.specs import PolicySpec, RuleSpec
from apps.policies.verification import PROBLEM, Verification, findings_of_rule, verify


def problems_of(version: BoundaryVersion) -> list[str]:
    """What keeps a version from being submitted, a sentence each, naming the rule."""
    found = unreadable(version)
    return found or [
        *verification_of(version).problems,
        *_empty_guardrails(version),
        *_beyond_their_certificates(version),
        *_problems_of_children(version),
    ]


def _beyond_their_certificates(version: BoundaryVersion) -> list[str]:
    """Rules that grant more than was proven of them: a certificate survives only edits that verification proves to lie
    inside it, of the rule and of what stands before it."""
    found, own = [], "or delete it and write a rule of your own, which nobody has proven."
    for rule in version.rules.filter(ramp__isnull=False).select_related("ramp", "version__boundary"):
        proven = rule.ramp.certificate() if rule.ramp else None
        said = replace(rule.spec(), key="rule 1", ramp=None)
        if rule.ramp is None or proven is None:
            continue
        if _verified(PolicySpec((said,)), PolicySpec((proven,))).widens:
            found.append(f"Rule {rule.position} goes beyond what was proven ({rule.ramp}). Keep it inside, {own}")
        elif _takes_more(version, rule.ramp, proven):
            found.append(
                f"Rule {rule.position} would get cases that other rules or guardrails kept from it when it was proven "
                f"({rule.ramp}). Put these back before it, {own}"
            )
    return found


def _takes_more(version: BoundaryVersion, ramp: Ramp, proven: RuleSpec) -> bool:
    """Whether a grant would let the AI do, where it stands in the version, what neither the active version nor that one with
    what was proven behind people's exceptions does. Cases that these took were no evidence."""
    active = version.boundary.active_version
    before = granting.policy_with(active.policy() if active else PolicySpec(), proven, after_granting=True)
    rules = tuple(replace(one, ramp=None) for one in before.rules_for(proven.case_type))
    alone = granting.by_its_ramp_alone(version.policy(), proven.case_type, ramp.pk)
    found = _verified(alone, PolicySpec(rules, before.guardrails))
    return not found.proved or any(one.widens and one.kind in (NEWLY, CHANGED) for one in found.changes)


def verification_of(version: BoundaryVersion) -> Verification:
    """The verification of a version against the one that is active now. Raises BadCondition on unreadable rows."""
    active = version.boundary.active_version
    return _verified(version.policy(), active.policy() if active else None)


def outlasts(version: BoundaryVersion, active: BoundaryVersion) -> bool:
    """The active version rules only a share of the cases, or ends, and this one grants more than what it replaced."""
    if (active.share == 100 and active.ends_at is None) or keeps_to_plan(version, active):
        return False
    if active.replaced is None:
        return True
    policy, replaced = version.policy(), active.replaced.policy()
    return _verified(policy, replaced).widens or ramps.sheds(policy, replaced)


def widens(version: BoundaryVersion, verification: Verification) -> bool:
    """Whether releasing it lets the AI do more. Where the active version rules only part of the cases, or ends by itself, what
    it replaced rules too, or will: then a version that grants more than that one widens as well; and so does one that lets
    go of a ramp."""
    active = version.boundary.active_version
    if verification.widens or active is None:
        return verification.widens
    return outlasts(version, active) or ramps.sheds(version.policy(), active.policy())


def keeps_to_plan(version: BoundaryVersion, active: BoundaryVersion) -> bool:
    """It rules no more of the cases than the active version, and no longer: what that one replaced goes on beside it."""
    no_longer = active.ends_at is None or (version.ends_at is not None and version.ends_at <= active.ends_at)
    return version.share <= active.share and no_longer


@lru_cache(maxsize=64)
def _verified(draft: PolicySpec, active: PolicySpec | None) -> Verification:
    return verify(draft, active)


@dataclass(frozen=True, slots=True)
class Child:
    """A boundary whose active version inherits from an earlier version of this one, and what moving it would change."""

    version: BoundaryVersion
    verification: Verification


def children_of(version: BoundaryVersion) -> list[Child]:
    """Every child of the boundary, verified as if it were moved to this version."""
    pinned = BoundaryVersion.objects.filter(
        state=BoundaryVersion.State.ACTIVE, parent__boundary=version.boundary
    ).exclude(parent=version)
    return [
        Child(child, _verified(child.policy_under(version), child.policy()))
        for child in pinned.select_related("boundary", "parent")
    ]


def _problems_of_children(version: BoundaryVersion) -> list[str]:
    """A child that could not follow its parent: its own rules would break what the parent says."""
    return [
        f"{child.version.boundary} inherits from this boundary and could not follow: {problem}"
        for child in children_of(version)
        for problem in child.verification.problems
    ]


def unreadable(version: BoundaryVersion) -> list[str]:
    """Rows with a condition that cannot be read, a sentence each."""
    rows: list[RuleRow] = [*version.rules.all(), *version.guardrails.all()]
    return [problem for row in rows for problem in _unreadable(row)]


def _unreadable(row: RuleRow) -> list[str]:
    try:
        row.parsed_conditions()
    except BadCondition as error:
        return [f"{_name(row)}: {error}"]
    return []


def problems_of_guardrail(guardrail: Guardrail) -> list[str]:
    found = _unreadable(guardrail)
    if not found and guardrail.kind == Guardrail.Kind.NEVER and not guardrail.conditions:
        found = [f"{_name(guardrail)} has no condition: it would stop everything. Use a pause for that."]
    if not found and guardrail.hard and any(not VOCABULARY[c.fact].grants for c in guardrail.parsed_conditions()):
        found = [
            f"{_name(guardrail)} is hard on what a customer writes. No rule may ask about that, so none could keep to it: "
            "it holds every rule back as it is. Make it not hard."
        ]
    return found


def _empty_guardrails(version: BoundaryVersion) -> list[str]:
    return [problem for guardrail in version.guardrails.all() for problem in problems_of_guardrail(guardrail)]


def problems_of_rule(rule: Rule) -> list[str]:
    """What is wrong with a rule taken alone."""
    found = _unreadable(rule)
    if found:
        return found
    said = [finding.sentence for finding in findings_of_rule(rule.spec()) if finding.weight == PROBLEM]
    return said if rule.position else [sentence.replace("Rule None", "This rule") for sentence in said]


def _name(row: RuleRow) -> str:
    kind = "rule" if isinstance(row, Rule) else "guardrail"
    return f"{kind.capitalize()} {row.position}" if row.position else f"This {kind}"
