"""What a draft changes: exactly which cases become autonomous, stop being so, or get another action or ceiling.

Both versions are encoded over one space. What each grants to a case is its label; wherever the labels differ the
solver gives a case, the case is widened to a region with the same pair of labels, and the region is set aside,
until no case is left. Regions that others cover are dropped. Two versions that are written differently and grant
the same have no such case.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from apps.policies.facts import Value, value_as_json
from apps.policies.money import Money
from apps.policies.regions import case_in_words, facts_of, region_in_words
from apps.policies.solving import DISCLOSES, Encoded, Region, Space
from apps.policies.specs import LimitSpec, PolicySpec, Proposal
from apps.policies.targets import loosens, targets_of
from apps.policies.words import MONEY_ACTIONS, Action, CaseType, Handler

NEWLY, NO_LONGER, CHANGED, PEOPLE, LIMIT = (
    "newly autonomous", "no longer autonomous", "changed action or ceiling", "changed who decides", "changed limit",
)  # fmt: skip
_BY_PEOPLE = {
    1: "the AI drafts and a person decides",
    2: "the AI drafts and a senior decides",
    3: "a person decides",
    4: "a senior decides",
}
_FOREIGN = "XTS"  # ISO 4217's code for tests: a currency that no limit is in


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `case` holds example facts as JSON; `proposal` is what the AI would do in them."""

    kind: str
    widens: bool
    case_type: str
    where: str
    before: str
    after: str
    example: str
    case: dict[str, object]
    proposal: dict[str, object] | None = None

    def as_json(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def proposals_for(case_type: str, *policies: PolicySpec) -> list[Proposal]:
    """One proposal for each class that these policies can tell apart: every action that a rule grants, at every limit.

    What is granted at an amount is granted below it, so the limits themselves are enough, and one amount that is within
    none of them: money of another currency.
    """
    rules = [rule for policy in policies for rule in policy.rules_for(case_type)]
    found = []
    for action in sorted({rule.action for rule in rules if rule.handler == Handler.AUTONOMOUS}):
        ceilings = {rule.ceiling for rule in rules if rule.action == action and rule.ceiling}
        ceilings |= {
            guardrail.ceiling
            for policy in policies
            for guardrail in policy.guardrails
            if guardrail.ceiling and (not guardrail.actions or action in guardrail.actions)
        }
        if action not in MONEY_ACTIONS:
            found.append(Proposal(action))
        amounts = {*ceilings, Money(Decimal("0.00"), _FOREIGN)} if ceilings else set()
        ordered = sorted(amounts, key=lambda money: (money.currency, money.amount))
        found += [Proposal(action, amount) for amount in ordered]
    return found


def changes_of(space: Space, draft: Encoded, active: Encoded) -> list[Change]:
    """Every difference between two versions for one type, as the fewest regions found. Raises TooComplex."""
    case_type = draft.case_type
    proposals = proposals_for(case_type, draft.policy, active.policy)
    after = [draft.granted(proposal) for proposal in proposals]
    before = [active.granted(proposal) for proposal in proposals]
    found = []
    for region, case, truths in cover(space, after, before, unstopped(draft, active, proposals)):
        is_now, was = truths[: len(after)], truths[len(after) :]
        kind = CHANGED if any(is_now) and any(was) else NEWLY if any(is_now) else NO_LONGER
        gained = [p for p, now, then in zip(proposals, is_now, was, strict=True) if now and not then]
        lost = [p for p, now, then in zip(proposals, is_now, was, strict=True) if then and not now]
        shown = (gained or lost)[-1]
        disclosing = case[DISCLOSES] == 0
        found.append(
            _change(space, region, case, kind, case_type, bool(gained), _granted_in_words(proposals, was),
                    _granted_in_words(proposals, is_now), Proposal(shown.action, shown.amount, (), disclosing))
        )  # fmt: skip
    return found + _people_changes(space, draft, active, proposals)


def _people_changes(space: Space, draft: Encoded, active: Encoded, granted: Sequence[Proposal]) -> list[Change]:
    """Where people handle a case in both versions, and not the same people. Asked for each class of proposal, those
    that only a guardrail names among them."""
    named = {a for version in (draft, active) for g in version.policy.guardrails for a in g.actions}
    others = [Proposal(action) for action in sorted({*named, Action.REFER.value} - {p.action for p in granted})]
    pairs = [(proposal, level) for proposal in (*granted, *others) for level in (2, 3, 4)]
    after, before = [], []
    for proposal, level in pairs:
        by_people = draft.at_least(1, proposal), active.at_least(1, proposal)
        after.append(space.all_of([draft.at_least(level, proposal), by_people[1]]))
        before.append(space.all_of([active.at_least(level, proposal), by_people[0]]))
    found = []
    for region, case, truths in cover(space, after, before, space.true):
        is_now, was = truths[: len(after)], truths[len(after) :]
        differing = next(p for (p, _), now, then in zip(pairs, is_now, was, strict=True) if now != then)
        level, earlier = (
            1 + sum(true for (p, _), true in zip(pairs, side, strict=True) if p == differing) for side in (is_now, was)
        )
        doing = "" if differing.action == Action.REFER else f" to {Action(differing.action).label.lower()}"
        who = (_BY_PEOPLE[earlier] + doing, _BY_PEOPLE[level] + doing)
        widens = any(then and not now for now, then in zip(is_now, was, strict=True))
        found.append(_change(space, region, case, PEOPLE, draft.case_type, widens, *who, None))
    return found


def unstopped(draft: Encoded, active: Encoded, proposals: Sequence[Proposal]) -> int:
    """No guardrail that both versions share, and that looks at every proposal alike, stops the case.

    Where one does, both versions send the case to a person, so regions need not name its conditions.
    """
    shared = [one for one in draft.guardrails if any(one.says_the_same(other) for other in active.guardrails)]
    alike = []
    for guardrail in shared:
        fires = {draft.fires(guardrail, proposal) for proposal in proposals}
        alike += [-literal for literal in fires if len(fires) == 1]
    return draft.space.all_of(alike)


def cover(
    space: Space, after: list[int], before: list[int], given: int
) -> Iterator[tuple[Region, dict[str, int], list[bool]]]:
    """Regions that together are exactly where `after` and `before` differ, each with one pair of labels: for each the
    region, a case in it, and what each literal of `after`, then of `before`, is throughout. Where `given` does not
    hold nothing differs, and regions do not say so."""
    labels = [*after, *before]
    differ = space.any_of(
        space.any_of([space.all_of([a, -b]), space.all_of([-a, b])]) for a, b in zip(after, before, strict=True)
    )
    found: list[tuple[Region, list[bool], int]] = []
    while space.possible([differ, *(switch for *_, switch in found)]):
        case, truths = space.case(), space.truths(labels)
        same = space.all_of(label if true else -label for label, true in zip(labels, truths, strict=True))
        region = space.widest(case, same, given)
        found.append((region, truths, space.switch(region)))
    for one in reversed(list(found)):
        if not space.possible([differ, *(switch for region, _, switch in found if region is not one[0])]):
            found.remove(one)
    for region, truths, _ in found:
        yield region, example_in(space, region, given), truths


def example_in(space: Space, region: Region, given: int) -> dict[str, int]:
    """A case in the region, with every fact known when there is one."""
    inside = [given, *(-literal for literal in space.outside(region))]
    if not space.possible([*inside, *space.known()]):
        assert space.possible(inside)
    return space.case()


def _change(
    space: Space, region: Region, case: dict[str, int], kind: str, case_type: str, widens: bool, before: str, after: str,
    proposal: Proposal | None,
) -> Change:  # fmt: skip
    facts = facts_of(space, case)
    example = case_in_words(facts, list(region.cells))
    if proposal is not None and proposal.amount is not None:
        example = f"{example}, {proposal.amount}".lstrip(", ")
    return Change(
        kind, widens, case_type, region_in_words(space, region), before, after, example, _case_as_json(facts),
        proposal.as_json() if proposal else None,
    )  # fmt: skip


def _case_as_json(facts: dict[str, Value | None]) -> dict[str, object]:
    return {name: value_as_json(value) for name, value in facts.items()}


def _granted_in_words(proposals: Sequence[Proposal], granted: Sequence[bool]) -> str:
    """ "the AI alone may refund up to 100.00 USD", or that a person decides."""
    by_action: dict[str, list[Proposal]] = {}
    for proposal, yes in zip(proposals, granted, strict=True):
        if yes:
            by_action.setdefault(proposal.action, []).append(proposal)
    if not by_action:
        return "a person decides"
    said = []
    for action, some in by_action.items():
        amounts = [proposal.amount for proposal in some if proposal.amount and proposal.amount.currency != _FOREIGN]
        largest = max(amounts, key=lambda money: money.amount, default=None)
        limited = largest is not None and len(some) < sum(1 for p in proposals if p.action == action)
        said.append(Action(action).label.lower() + (f" up to {largest}" if limited else ""))
    return "the AI alone may " + ", ".join(said)


def limit_changes(draft: PolicySpec, active: PolicySpec) -> list[Change]:
    """Budgets, floors and other limits that were dropped, changed or added. It widens when one that was active has none
    in the draft that holds as much; of error targets, when anywhere more error is allowed than before."""
    lost = [limit for limit in active.limits if not any(limit.says_the_same(other) for other in draft.limits)]
    added = [limit for limit in draft.limits if not any(limit.says_the_same(other) for other in active.limits)]
    loosened = loosens(targets_of(draft), targets_of(active))
    found = []
    for limit in lost:
        is_error = limit.kind == "error"
        widens = loosened if is_error else not any(holds_as_much(other, limit) for other in draft.limits)
        instead = next((other for other in added if other.kind == limit.kind and other.per == limit.per), None)
        if instead is not None:
            added.remove(instead)
        found.append(_limit_change(limit.in_words(), instead.in_words() if instead else "No such limit.", widens))
    return found + [
        _limit_change("No such limit.", limit.in_words(), loosened and limit.kind == "error") for limit in added
    ]


def _limit_change(before: str, after: str, widens: bool) -> Change:
    return Change(LIMIT, widens, "", "always", before, after, "", {})


def holds_as_much(one: LimitSpec, other: LimitSpec) -> bool:
    """Whatever `other` stops, `one` stops too."""
    if (
        one.kind != other.kind
        or not _covers(one.actions, other.actions)
        or not _covers(one.case_types, other.case_types)
    ):
        return False
    if one.kind == "confidence":
        return one.floor is not None and other.floor is not None and one.floor >= other.floor
    if one.kind == "quiet":
        return one.quiet_minutes() >= other.quiet_minutes()
    if one.per != other.per or one.days < other.days:
        return False  # what holds in more days holds in any of the fewer
    money = other.amount is None or (
        one.amount is not None
        and one.amount.currency == other.amount.currency
        and one.amount.amount <= other.amount.amount
    )
    return money and (other.count is None or (one.count is not None and one.count <= other.count))


def _covers(wide: frozenset[str], narrow: frozenset[str]) -> bool:
    return not wide or (bool(narrow) and narrow <= wide)


def type_in_words(case_type: str) -> str:
    return CaseType(case_type).label if case_type in CaseType.values else "every type"
