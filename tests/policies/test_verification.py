"""Verification: everything planted is found and nothing else, against the gate itself asked for every case there is."""

import random
from collections import Counter
from decimal import Decimal
from itertools import product

import pytest

from apps.policies import differences
from apps.policies.cells import Unknown, example_of
from apps.policies.conditions import Condition
from apps.policies.facts import VOCABULARY
from apps.policies.gate import compile_policy
from apps.policies.money import Money
from apps.policies.solving import DISCLOSES, Budget, Encoded, Space
from apps.policies.specs import GuardrailSpec, LimitSpec, PolicySpec, Proposal, RuleSpec
from apps.policies.verification import MOST_QUESTIONS, conditions_in_play, findings_of_rule, verify

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


def some_boundary(draw):
    """A small boundary in which dead, overtaken and missing rules and broken guardrails come about often."""
    rules = []
    for number in range(draw.randint(1, 5)):
        conditions = tuple(draw.sample(POOL, draw.randint(0, 3)))
        handler = draw.choice(["autonomous", "autonomous", "human", "collaborative"])
        rules.append(
            RuleSpec(f"rule {number}", TYPE, conditions, handler,
                     draw.choice(["refund", "reply"]) if handler == "autonomous" else "",
                     draw.choice([usd("50.00"), usd("100.00")]), draw.choice(["any", "senior"]))
        )  # fmt: skip
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
            differ = labels[: len(proposals)] != labels[len(proposals) :]
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
    proposals = differences.proposals_for(TYPE, policy)
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
        for p in proposals:
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


def test_a_version_that_is_written_differently_and_grants_the_same_changes_nothing():
    one = PolicySpec((
        RuleSpec("rule 1", TYPE, (*OWN, Condition("order.days_past_window", "≤", 15)), "autonomous", "refund", usd("50.00")),
    ))  # fmt: skip
    other = PolicySpec((
        RuleSpec("rule 1", TYPE, (*OWN, Condition("order.days_past_window", "≤", 0)), "autonomous", "refund", usd("50.00")),
        RuleSpec("rule 2", TYPE, (*OWN, Condition("order.days_past_window", "between", (1, 15))), "autonomous", "refund", usd("50.00")),
    ))  # fmt: skip
    verification = verify(other, one)
    assert verification.changes == ()
    assert verification.proved
    assert not verification.widens


def test_a_widening_is_said_in_words_with_an_example():
    before = PolicySpec((RuleSpec("rule 1", TYPE, (), "human"),))
    gold = (
        *OWN,
        Condition("order.days_past_window", "between", (1, 15)),
        Condition("customer.tier", "in", frozenset({"gold", "vip"})),
    )
    draft = PolicySpec((RuleSpec("rule 1", TYPE, gold, "autonomous", "refund", usd("100.00")), *before.rules))
    (change,) = verify(draft, before).changes
    assert (change.kind, change.widens) == (differences.NEWLY, True)
    assert change.where.startswith("days past the window is 1 day to 15 days and customer tier is gold, VIP")
    assert change.before == "a person decides"
    assert change.after == "the AI alone may refund up to 100.00 USD"
    assert "100.00 USD" in change.example


def test_a_lower_ceiling_narrows_and_a_higher_one_widens():
    low, high = (
        PolicySpec((RuleSpec("rule 1", TYPE, OWN, "autonomous", "refund", usd(c)),)) for c in ("50.00", "80.00")
    )
    (narrower,) = verify(low, high).changes
    (wider,) = verify(high, low).changes
    assert (narrower.kind, narrower.widens) == (differences.CHANGED, False)
    assert (wider.widens, wider.after) == (True, "the AI alone may refund up to 80.00 USD")


@pytest.mark.parametrize(
    ("before", "after", "widens"),
    [
        ([("100.00", {"refund"})], [("200.00", {"refund"})], True),
        ([("100.00", {"refund"})], [("50.00", {"refund"})], False),
        ([("100.00", {"refund"})], [], True),
        ([], [("100.00", {"refund"})], False),
        ([("100.00", {"refund", "goodwill"})], [("100.00", {"refund"}), ("100.00", {"goodwill"})], True),
        ([("100.00", {"refund"})], [("100.00", set())], False),
    ],
)
def test_a_limit_that_is_loosened_or_dropped_widens(before, after, widens):
    def policy(limits):
        specs = tuple(
            LimitSpec(f"guardrail {n}", "budget", frozenset(actions), amount=usd(amount))
            for n, (amount, actions) in enumerate(limits)
        )
        return PolicySpec(limits=specs)

    assert verify(policy(after), policy(before)).widens is widens


def budget(amount, **more):
    return LimitSpec("g", "budget", frozenset({"refund"}), amount=usd(amount), **more)


def velocity(**more):
    return LimitSpec("g", "velocity", frozenset({"refund"}), **{"days": 90, "per": "customer", **more})


@pytest.mark.parametrize(
    ("before", "after", "widens"),
    [
        (budget("1000.00", days=30), budget("1000.00"), True),
        (budget("1000.00"), budget("1000.00", days=30), False),
        (velocity(count=1, amount=usd("5.00")), velocity(count=50, amount=usd("5.00")), True),
        (velocity(count=1, amount=usd("5.00")), velocity(amount=usd("5.00")), True),
        (velocity(count=2), velocity(count=2, days=1), True),
        (velocity(count=2), velocity(count=2, per="payment"), True),
        (velocity(count=2), velocity(count=2), False),
        (velocity(count=2), velocity(count=1), False),
        (LimitSpec("g", "quiet", hours=(1320, 360)), LimitSpec("g", "quiet", hours=(1320, 360)), False),
        (LimitSpec("g", "quiet", hours=(1320, 360)), LimitSpec("g", "quiet", hours=(1260, 420)), False),
        (LimitSpec("g", "quiet", hours=(1320, 360)), LimitSpec("g", "quiet", hours=(1320, 359)), True),
        (
            LimitSpec("g", "confidence", floor=Decimal("0.80")),
            LimitSpec("g", "confidence", floor=Decimal("0.79")),
            True,
        ),
    ],
)
def test_each_kind_of_limit_is_compared_by_what_it_stops(before, after, widens):
    assert verify(PolicySpec(limits=(after,)), PolicySpec(limits=(before,))).widens is widens


def test_dropping_one_of_two_limits_widens():
    both = PolicySpec(limits=(budget("5000.00", days=30), budget("1000.00")))
    assert verify(PolicySpec(limits=(budget("1000.00"),)), both).widens
    assert verify(PolicySpec(limits=(budget("5000.00", days=30),)), both).widens


@pytest.mark.parametrize(
    "guardrail",
    [
        GuardrailSpec("g", actions=frozenset({"goodwill"}), conditions=(POOL[5],)),
        GuardrailSpec("g", actions=frozenset({"refund"}), conditions=(POOL[5],), seniority="senior"),
        GuardrailSpec("g", ceiling=usd("50.00"), actions=frozenset({"refund"}), seniority="senior"),
    ],
)
def test_dropping_a_guardrail_that_asks_for_a_person_or_a_senior_is_said(guardrail):
    drafts = RuleSpec("rule 1", TYPE, (), "collaborative")
    refunds = RuleSpec("rule 1", TYPE, (POOL[0],), "autonomous", "refund", usd("100.00"))
    rules = (refunds, drafts) if guardrail.ceiling else (drafts,)
    before, after = PolicySpec(rules, (guardrail,)), PolicySpec(rules)
    assert verify(after, before).widens
    assert not verify(before, after).widens


def test_dropping_a_hard_guardrail_and_going_beyond_it_is_a_problem():
    hard = GuardrailSpec("guardrail 1", ceiling=usd("50.00"), actions=frozenset({"refund"}), hard=True)
    before = PolicySpec((RuleSpec("rule 1", TYPE, OWN, "autonomous", "refund", usd("50.00")),), (hard,))
    beyond = PolicySpec((RuleSpec("rule 1", TYPE, OWN, "autonomous", "refund", usd("80.00")),))
    assert "goes beyond a hard guardrail of the active version" in " ".join(verify(beyond, before).problems)
    assert verify(PolicySpec(before.rules), before).problems == []


def test_what_cannot_be_decided_in_time_is_not_proved_and_counts_as_widening():
    draw = random.Random(3)
    verification = verify(some_boundary(draw), some_boundary(draw), questions=2)
    assert not verification.proved
    assert verification.widens
    assert "Not proved" in verification.problems[0]


def test_a_rule_that_grants_by_the_customers_words_is_a_problem():
    rule = RuleSpec(
        "rule 1", TYPE, (Condition("message.sentiment", "is", "positive"),), "autonomous", "refund", usd("5.00")
    )
    assert "which the customer writes" in findings_of_rule(rule)[0].sentence


def test_a_condition_that_is_always_true_is_said():
    rule = RuleSpec("rule 1", TYPE, (Condition("order.days_late", "≥", -365),), "human")
    assert "always true" in findings_of_rule(rule)[0].sentence
