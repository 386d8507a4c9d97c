"""Laws of verification, over hundreds of small boundaries: the gate itself, asked for every case there is, agrees."""

import random
from collections import Counter
from decimal import Decimal
from itertools import product

from apps.policies import differences
from apps.policies.cells import Unknown, example_of
from apps.policies.conditions import Condition
from apps.policies.facts import VOCABULARY
from apps.policies.gate import compile_policy
from apps.policies.money import Money
from apps.policies.solving import DISCLOSES, Budget, Encoded, Space
from apps.policies.specs import GuardrailSpec, PolicySpec, Proposal, RuleSpec
from apps.policies.verification import MOST_QUESTIONS, conditions_in_play, verify

TYPE = "refund_exception"


def usd(amount):
    return Money(Decimal(amount), "USD")


OWN = (Condition("sender.verified", "is", True), Condition("order.belongs_to_sender", "is", True))
SENDER = ("sender.verified", "order.belongs_to_sender")
POOL = (
    Condition("order.days_past_window", "≤", 0),
    Condition("order.days_past_window", "between", (1, 15)),
    Condition("order.days_past_window", ">", 10),
    Condition("customer.tier", "in", frozenset({"gold", "vip"})),
    Condition("customer.tier", "is not", "gold"),
    Condition("order.final_sale", "is", False),
    Condition("order.final_sale", "is", True),
)
AMOUNTS = [Money(Decimal("0.01"), "XTS"), *map(usd, ("0.01", "50.00", "50.01", "80.00", "100.00", "100.01"))]
ASKED = [Proposal("reply"), *(Proposal(action, amount) for action in ("reply", "refund") for amount in AMOUNTS)]
"""What the gate is asked: amounts on both sides of every limit below, none of them taken from the code."""


def some_boundary(draw):
    """A small boundary in which dead, overtaken and missing rules and broken guardrails come about often."""
    rules = []
    for number in range(draw.randint(1, 5)):
        conditions = tuple(draw.sample(POOL, draw.randint(0, 3)))
        handler = draw.choice(["autonomous", "autonomous", "human", "collaborative"])
        action = draw.choice(["refund", "reply"]) if handler == "autonomous" else ""
        ceiling = draw.choice([usd("50.00"), usd("100.00"), *([None] if action == "reply" else [])])
        seniority = draw.choice(["any", "senior"])
        rules.append(RuleSpec(f"rule {number}", TYPE, conditions, handler, action, ceiling, seniority))
    guardrails = []
    for number in range(draw.randint(0, 2)):
        ceiling = draw.choice([None, usd("50.00")])
        conditions = tuple(draw.sample(POOL, draw.randint(0 if ceiling else 1, 2)))
        guardrails.append(
            GuardrailSpec(f"guardrail {number}", conditions, ceiling, hard=draw.random() < 0.4,
                          seniority=draw.choice(["any", "senior"]))
        )  # fmt: skip
    return PolicySpec(tuple(rules), tuple(guardrails))


def every_case(space):
    """Every combination of cells, as the solver sees it and as facts for the gate.

    Only the built-in guardrails ask of the sender, and "no" is to them what "unknown" is: "no" is left out.
    """
    names = list(space.cells)
    wanted = {name: (0, 1) if name in SENDER else range(len(space.cells[name])) for name in names}
    for indexes in product(*wanted.values()):
        case = dict(zip(names, indexes, strict=True))
        facts = {
            name: example_of(space.cells[name][index], VOCABULARY[name].kind)
            for name, index in case.items()
            if name != DISCLOSES
        }
        yield case, facts, case[DISCLOSES] == 0


def compiled(policy):
    return compile_policy(policy.rules, policy.guardrails, policy.limits)


def with_disclosure(proposal, discloses):
    return Proposal(proposal.action, proposal.amount, (), discloses)


def grants_of(gate, proposals, facts, discloses):
    return [gate.rule(TYPE, with_disclosure(p, discloses), facts).handler == "autonomous" for p in proposals]


def stopped_by_both(now, before, proposal, facts, discloses):
    """A guardrail that both versions have fires, which regions leave unsaid."""
    fired = [
        {gate_rail.spec.conditions for gate_rail in gate._guardrails
         if ("fired", gate_rail.spec.key) in {(s.outcome, s.key) for s in gate.rule(TYPE, with_disclosure(proposal, discloses), facts).trace}}
        for gate in (now, before)
    ]  # fmt: skip
    return bool(fired[0] & fired[1])


def in_region(region, case):
    return all(case[name] in allowed for name, allowed in region.cells.items())


def space_of(draft, active):
    return Space(conditions_in_play(TYPE, (draft, active)), Budget(MOST_QUESTIONS))


def test_300_boundaries_differ_exactly_where_the_gate_says():
    """The regions hold every case that the gate rules differently, with the grants it gives, and no other case."""
    draw = random.Random(7)
    kinds = Counter()
    for _ in range(300):
        draft, active = some_boundary(draw), some_boundary(draw)
        space = space_of(draft, active)
        now, before = Encoded(space, draft, TYPE), Encoded(space, active, TYPE)
        proposals = differences.proposals_for(TYPE, draft, active)
        given = differences.unstopped(now, before, proposals)
        regions = list(
            differences.cover(space, [now.granted(p) for p in proposals], [before.granted(p) for p in proposals], given)
        )
        gate_now, gate_before = compiled(draft), compiled(active)
        for case, facts, discloses in every_case(space):
            labels = grants_of(gate_now, proposals, facts, discloses) + grants_of(
                gate_before, proposals, facts, discloses
            )
            differ = grants_of(gate_now, ASKED, facts, discloses) != grants_of(gate_before, ASKED, facts, discloses)
            covering = [truths for region, _, truths in regions if in_region(region, case)]
            if covering and not any(labels):
                assert stopped_by_both(gate_now, gate_before, proposals[0], facts, discloses), (draft, active, facts)
                continue
            assert bool(covering) is differ, (draft, active, facts)
            assert all(truths == labels for truths in covering), (draft, active, facts)
        for change in verify(draft, active).changes:
            kinds[change.kind] += 1
        space.close()
    assert (
        min(kinds[k] for k in (differences.NEWLY, differences.NO_LONGER, differences.CHANGED, differences.PEOPLE)) > 30
    )


def test_300_boundaries_have_exactly_the_findings_that_the_gate_confirms():
    draw = random.Random(11)
    kinds = Counter()
    for _ in range(300):
        policy = some_boundary(draw)
        found = verify(policy).findings
        expected = expected_findings(policy)
        said = {
            (f.kind, f.about) for f in found if f.kind in ("never matches", "never decides", "never acts", "no rule")
        }
        said |= {("guardrail holds", f.about) for f in found if f.kind == "guardrail holds"}
        said |= {("hard guardrail", f.about) for f in found if f.kind == "hard guardrail"}
        assert said == expected, policy
        kinds.update(kind for kind, _ in said)
    for kind in ("never matches", "never decides", "never acts", "no rule", "guardrail holds", "hard guardrail"):
        assert kinds[kind] > 20, kinds


def expected_findings(policy):
    """The same findings, from asking the gate about every case."""
    space = space_of(policy, PolicySpec())
    alone = {rule.key: compile_policy([rule]) for rule in policy.rules}
    whole, free = compiled(policy), compile_policy(policy.rules)
    matches, decides, acts, held = set(), set(), set(), set()
    gap = False
    for case, facts, discloses in every_case(space):
        holding = [rule for rule in policy.rules if matched(alone[rule.key], rule.key, facts)]
        matches |= {rule.key for rule in holding}
        known = all(not isinstance(space.cells[name][index], Unknown) for name, index in case.items())
        gap = gap or (known and not holding)
        if not holding:
            continue
        decides.add(holding[0].key)
        for p in ASKED:
            proposal = with_disclosure(p, discloses)
            if whole.rule(TYPE, proposal, facts).handler == "autonomous":
                acts.add(holding[0].key)
            if granted_by_rules(free, holding[0], proposal, facts):
                trace = whole.rule(TYPE, proposal, facts).trace
                held |= {(holding[0].key, s.key) for s in trace if s.outcome == "fired" and "built-in" not in s.key}
    space.close()
    hard = {guardrail.key for guardrail in policy.guardrails if guardrail.hard}
    expected = {("never matches", rule.key) for rule in policy.rules if rule.key not in matches}
    expected |= {("never decides", rule.key) for rule in policy.rules if rule.key in matches - decides}
    expected |= {("never acts", r.key) for r in policy.rules if r.handler == "autonomous" and r.key not in acts}
    expected |= {("no rule", "")} if gap else set()
    expected |= {("guardrail holds", guardrail) for _, guardrail in held if guardrail not in hard}
    return expected | {("hard guardrail", rule) for rule, guardrail in held if guardrail in hard}


def matched(gate, key, facts):
    """Whether a rule's conditions are all true: its own trace says so."""
    trace = gate.rule(TYPE, Proposal("deny"), facts).trace
    return any(step.key == key and step.outcome in ("matched", "not permitted") for step in trace)


def granted_by_rules(gate, rule, proposal, facts):
    """What the rules grant, before any guardrail: the sender's own guardrails are always there, so they are met."""
    met = {**facts, "sender.verified": True, "order.belongs_to_sender": True}
    return gate.rule(TYPE, proposal, met).handler == "autonomous"
