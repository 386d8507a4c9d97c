"""Refining: from evidence to regions that may be granted, with proof.

Pure. The older quarter of the evidence suggests regions, the newer part, which shares no customer with it, certifies them.
What is tested is decided by the older part, and by how many the newer one holds, never by what they say: a region that
could hardly be certified yet costs the others nothing.

    grantable(pieces, policy)  the pieces that the policy does not grant, and that some rule could; granted_by: those it does
    refine(pieces, …)          one report: what was found of every type and action
    sought(pieces, findings)   where more judgements are wanted
"""

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import islice

import numpy as np
from scipy.stats import binom

from apps.learning.certification import ALPHA, Certificate, Judged, alpha_of_report, certify, evened, more_needed
from apps.learning.evidence import Piece
from apps.learning.guides import Guide
from apps.learning.mining import mine, separating
from apps.learning.region import Example, Region, masks_of
from apps.policies.facts import Value
from apps.policies.gate import CompiledPolicy, compile_policy
from apps.policies.granting import policy_with
from apps.policies.money import Money
from apps.policies.specs import PolicySpec, Proposal, RuleSpec
from apps.policies.targets import Targets
from apps.policies.words import Handler

Kind = tuple[str, str]
"""A type and an action."""


TWO_PERCENT = Targets()
MOST_MONEY = Decimal(9_999_999_999)
OLDER = 1 / 4  # of the customers suggest, the others certify
ANEW = 1 / 3  # of a region's customers have to be new, before it is tested again
ALIKE = 600
SOUGHT = 0.75  # of the cases of a type and action where more judgements would tell
COLD = 200  # examples of a type and action: with fewer, guides are asked as well,
GUIDING = 1_000  # the first so many
YOUNG = 500  # judgements of a type and action: with fewer nothing can be said of it
NEVER: Mapping[Kind, date] = {}


@dataclass(frozen=True, slots=True)
class Finding:
    """A chain of regions of one type and action, the narrowest first, each with what the newer evidence says of it; without
    certificates it was not worth testing. `more_needed` customers more would do, if they err as the older part did; None: no
    number would."""

    case_type: str
    action: str
    regions: tuple[Region, ...]
    certificates: tuple[Certificate, ...]
    more_needed: int | None

    @property
    def proposed(self) -> Region | None:
        """The widest region that is certified."""
        certified = [r for r, found in zip(self.regions, self.certificates, strict=False) if found.certified]
        return certified[-1] if certified else None


@dataclass(frozen=True, slots=True)
class _Chain:
    """A mined chain, from the step on that promises most. `rarity` is how rare so few errors would be at the target, if the
    newer part errs like the older: what of α it takes to be certified."""

    kind: Kind
    target: float
    regions: tuple[Region, ...]
    judged: tuple[list[Judged], ...]
    rarity: float
    rate: float
    customers: int

    def since(self, day: date | None) -> int:
        """How many of its customers were judged after the day."""
        return len({_owner(one) for one in self.judged[0] if day is None or one.on > day})


def grantable(pieces: Sequence[Piece], policy: PolicySpec) -> list[Piece]:
    """What the policy leaves to people, and a grant would not, after the checks of the case itself."""
    would_get = gets(policy)
    return [
        one for one in pieces
        if one.passes and would_get(one.case_type, one.proposal, one.facts)
    ]  # fmt: skip


def gets(policy: PolicySpec) -> Callable[[str, Proposal, Mapping[str, Value | None]], bool]:
    """Whether a grant would get a case that the policy leaves to people, where it would stand: behind people's exceptions and
    under every guardrail."""
    now = compile_policy(policy.rules, policy.guardrails)
    widest: dict[tuple[str, str, str], CompiledPolicy] = {}

    def would_get(case_type: str, proposal: Proposal, facts: Mapping[str, Value | None]) -> bool:
        if now.rule(case_type, proposal, facts).handler == Handler.AUTONOMOUS:
            return False
        kind = (case_type, proposal.action, proposal.amount.currency if proposal.amount else "")
        could = widest.get(kind) or widest.setdefault(kind, _widest(*kind, policy))
        return could.rule(case_type, proposal, facts).handler == Handler.AUTONOMOUS

    return would_get


def granted_by(pieces: Sequence[Piece], policy: PolicySpec) -> list[Piece]:
    """What the policy lets the AI do alone."""
    now = compile_policy(policy.rules, policy.guardrails)
    return [
        one for one in pieces
        if now.rule(one.case_type, one.proposal, one.facts).handler == Handler.AUTONOMOUS
    ]  # fmt: skip


def _widest(case_type: str, action: str, currency: str, policy: PolicySpec) -> CompiledPolicy:
    ceiling = Money(MOST_MONEY, currency) if currency else None
    granting = RuleSpec("", case_type, (), Handler.AUTONOMOUS, action, ceiling)
    wider = policy_with(policy, granting, after_granting=True)
    return compile_policy(wider.rules, wider.guardrails)


def refine(
    pieces: Sequence[Piece], *, targets: Targets = TWO_PERCENT, report: int, alpha: float = ALPHA,
    last_tested: Mapping[Kind, date] = NEVER, guides: Callable[[], Sequence[Guide]] = tuple,
    said: Callable[[int, int], object] = lambda done, of: None,
) -> list[Finding]:  # fmt: skip
    """What the evidence, the oldest first, says. The chains that are worth testing share the report's α: what was judged
    since its kind was `last_tested` has to be `ANEW` of a chain's customers. `guides` suggest, together with the older part,
    where it is small yet, and are asked for then only. `said` hears how many types and actions are done, and of how many."""
    older, newer = (by_kind(part) for part in split(pieces))
    examples = {kind: _examples(group) for kind, group in older.items()}
    examples |= _guided(examples, newer, guides)
    chains: list[_Chain] = []
    for done, kind in enumerate(examples):
        said(done, len(examples))
        chains += _chains(kind, examples, newer[kind], targets)
    anew = [chain for chain in chains if chain.since(last_tested.get(chain.kind)) >= ANEW * chain.customers]
    tested = _worth_testing(anew, alpha_of_report(report, alpha))
    certificates = certify(
        [chain.judged for chain in tested], target=[chain.target for chain in tested], report=report, alpha=alpha
    )
    tests = {id(chain): tuple(found) for chain, found in zip(tested, certificates, strict=True)}
    later = alpha_of_report(report + 1, alpha) / max(1, len(tested))
    return [
        Finding(*chain.kind, chain.regions, tests.get(id(chain), ()), _more_needed(chain, later)) for chain in chains
    ]


def split(pieces: Sequence[Piece]) -> tuple[list[Piece], list[Piece]]:
    """What was judged until a quarter of the customers was met, and of what came later all that is about others."""
    customers: set[object] = set()
    met = []  # customers up to each piece
    for one in pieces:
        customers.add(_owner(one.judged))
        met.append(len(customers))
    end = bisect_right(met, int(len(customers) * OLDER))
    older = list(pieces[:end])
    known = {_owner(one.judged) for one in older}
    return older, [one for one in pieces[end:] if _owner(one.judged) not in known]


def _owner(judged: Judged) -> tuple[str, str]:
    return judged.partner, judged.customer or f"unknown on {judged.on}"


def by_kind(pieces: Sequence[Piece]) -> defaultdict[Kind, list[Piece]]:
    found: defaultdict[Kind, list[Piece]] = defaultdict(list)
    for one in pieces:
        found[one.case_type, one.action].append(one)
    return found


def _chains(
    kind: Kind, examples: Mapping[Kind, Sequence[Example]], newer: Sequence[Piece], targets: Targets
) -> list[_Chain]:
    """What is mined of one kind, told apart from the other actions of its type, each chain from the step on that is
    likeliest to be certified. Its target is that of the most money that its widest region lets go."""
    own = examples[kind]
    others = [group for of, group in examples.items() if of[0] == kind[0] and of[1] != kind[1]]
    apart = [condition for group in others if (condition := separating(own, group)) is not None]
    return [
        _likeliest(kind, [region.also(apart) for region in chain], own, newer, target_of(targets, kind, chain[-1]))
        for chain in mine(own, targets.of(*kind))
    ]


def target_of(targets: Targets, kind: Kind, region: Region) -> float:
    return targets.of(*kind, region.ceiling.amount if region.ceiling else None)


def _examples(pieces: Sequence[Piece]) -> list[Example]:
    """One of each customer, the worst."""
    found: dict[object, Piece] = {}
    for one in pieces:
        before = found.get(owner := _owner(one.judged))
        if before is None or (one.judged.wrong and not before.judged.wrong):
            found[owner] = one
    return [Example(one.facts, one.amount, one.judged.wrong) for one in found.values()]


def _guided(
    examples: Mapping[Kind, list[Example]], newer: Mapping[Kind, Sequence[Piece]], guides: Callable[[], Sequence[Guide]]
) -> dict[Kind, list[Example]]:
    """The examples of the kinds that have few, and what the guides add to them; of no customer who is to certify."""
    few = [kind for kind in {*examples, *newer} if len(examples.get(kind, ())) < COLD]
    if not few:
        return {}
    certify_it = {_owner(one.judged) for group in newer.values() for one in group}
    by_type: defaultdict[str, list[Guide]] = defaultdict(list)
    for guide in guides():
        if guide.owner not in certify_it:
            by_type[guide.decided.case_type].append(guide)
    return {
        kind: [*examples.get(kind, ()), *islice((one for guide in by_type[kind[0]] if (one := guide.of(kind[1]))), GUIDING)]
        for kind in few if by_type[kind[0]]
    }  # fmt: skip


def _likeliest(
    kind: Kind, chain: Sequence[Region], examples: Sequence[Example], newer: Sequence[Piece], target: float
) -> _Chain:
    wrong = np.array([one.wrong for one in examples])
    inside = masks_of(chain, [one.facts for one in examples], [one.amount for one in examples])
    fresh = masks_of(chain, [one.facts for one in newer], [one.amount for one in newer])
    steps = []
    for place, (known, mask) in enumerate(zip(inside, fresh, strict=True)):
        judged = evened([one.judged for one, is_in in zip(newer, mask.tolist(), strict=True) if is_in])
        customers = len({_owner(one) for one in judged})
        rate = _reckoned(int((wrong & known).sum()), int(known.sum()), target)
        rarity = float(binom.cdf(math.ceil(rate * customers), customers, target)) if customers else 1.0
        steps.append((rarity, place, judged, rate, customers))
    rarity, start, _, rate, customers = min(steps, key=lambda step: step[:2])
    return _Chain(kind, target, tuple(chain[start:]), tuple(step[2] for step in steps[start:]), rarity, rate, customers)


def _reckoned(wrong: int, count: int, target: float) -> float:
    """The rate of errors to reckon with: what was seen, and as many cases again as `ALIKE` at a quarter of the target. Few
    cases would otherwise look better, or worse, than regions like them turn out."""
    return (wrong + ALIKE * target / 4) / (count + ALIKE)


def _worth_testing(chains: Sequence[_Chain], alpha: float) -> list[_Chain]:
    """As many as can share α so that each is likely to be certified with its part."""
    likeliest = sorted(chains, key=lambda chain: chain.rarity)
    for count in range(len(likeliest), 0, -1):
        if likeliest[count - 1].rarity <= alpha / count:
            return likeliest[:count]
    return []


def _more_needed(chain: _Chain, alpha: float) -> int | None:
    return more_needed(math.ceil(chain.rate * chain.customers), chain.customers, chain.target, alpha)


def sought(pieces: Sequence[Piece], findings: Sequence[Finding]) -> list[Kind]:
    """Types and actions of which more judgements would tell. All of a kind, so that what is drawn says how often the AI is
    wrong in any region of it. Left out is what is judged often enough, and promises nothing."""
    open_kinds = {
        (one.case_type, one.action) for one in findings if one.proposed is None and one.more_needed is not None
    }
    young = {kind for kind, group in by_kind(pieces).items() if len(group) < YOUNG}
    return sorted(open_kinds | young)
