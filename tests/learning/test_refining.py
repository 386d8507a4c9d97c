"""Refining: mined on the older evidence, certified on the newer; nothing where people judge at random or flood."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from apps.learning import refining
from apps.learning.certification import Judged
from apps.learning.evidence import Piece
from apps.learning.guides import Guide
from apps.learning.refining import grantable, refine, split
from apps.learning.region import Example
from apps.policies.conditions import Condition
from apps.policies.money import Money
from apps.policies.simulating import Asked
from apps.policies.specs import LimitSpec, PolicySpec, Proposal, RuleSpec
from apps.policies.targets import Targets
from apps.policies.words import Handler
from tests.learning.test_mining import late_and_dear, share_wrong, world

FIRST = date(2026, 1, 5)
KNOWN = {
    "sender.verified": True, "order.identified": True, "order.belongs_to_sender": True, "message.public": False,
    "message.injection_suspected": False, "customer.disputes_12m": 0,
}  # fmt: skip


def pieces(count=4000, *, seed=1, wrong=late_and_dear, by=lambda n: f"person {n % 5}", customer=str):
    return [
        Piece(
            "refund_exception", "refund", one.amount, {**one.facts, **KNOWN}, "blind", "chat", False,
            Judged(f"c{n}", customer(n), by(n), FIRST + timedelta(days=n * 90 // count), one.wrong, one.amount.amount),
        )
        for n, one in enumerate(world(count, seed=seed, wrong=wrong))
    ]  # fmt: skip


def proposed(found):
    return [finding.proposed for finding in found if finding.proposed is not None]


class TestAlternative:
    def test_where_the_ai_is_right_a_region_is_certified_and_right_on_cases_to_come(self):
        found = refine(pieces(8000), targets=Targets(0.03), report=1)
        (region, *_) = proposed(found)
        rate, count = share_wrong(world(4000, seed=9, wrong=late_and_dear), region)
        assert rate < 0.03
        assert count > 150

    def test_the_widest_certified_step_is_proposed(self):
        finding = next(found for found in refine(pieces(8000), targets=Targets(0.03), report=1) if found.proposed)
        certified = [one.certified for one in finding.certificates]
        assert certified == sorted(certified, reverse=True), "a chain ends where it fails"
        assert finding.proposed == finding.regions[sum(certified) - 1]


class TestNull:
    @pytest.mark.parametrize("seed", range(8))
    def test_people_who_judge_at_random_change_nothing(self, seed):
        flips = iter(np.random.default_rng(seed).random(4000) < 0.5)
        assert refine(pieces(seed=seed, wrong=lambda *_: bool(next(flips))), targets=Targets(0.02), report=1) == []

    def test_an_error_that_nothing_tells_apart_is_hardly_ever_certified(self):
        """5 % of everything is wrong, at random: what looks good in the older half is as bad in the newer one."""
        certified = 0
        for seed in range(12):
            some = pieces(3000, seed=seed, wrong=lambda days, tier, amount, chance: chance < 0.05)
            certified += bool(proposed(refine(some, targets=Targets(0.02), report=1)))
        assert certified <= 1

    def test_what_is_found_is_not_proven_on_the_cases_it_was_found_in(self, monkeypatch):
        """6 % is wrong everywhere, 5 % is asked: some region always looks better where it was looked for."""
        worlds = [pieces(2000, seed=seed, wrong=lambda days, tier, amount, chance: chance < 0.06) for seed in range(12)]
        assert sum(bool(proposed(refine(world, targets=Targets(0.05), report=1))) for world in worlds) <= 1
        monkeypatch.setattr(refining, "split", lambda all_of_it: (list(all_of_it), list(all_of_it)))
        assert sum(bool(proposed(refine(world, targets=Targets(0.05), report=1))) for world in worlds) >= 4

    def test_one_customer_or_one_supervisor_by_themselves_change_nothing(self):
        assert not proposed(refine(pieces(customer=lambda n: "one"), targets=Targets(0.03), report=1))
        assert not proposed(refine(pieces(by=lambda n: "one"), targets=Targets(0.03), report=1))


class TestSought:
    def test_what_only_waits_for_new_customers_is_sought(self):
        """It was tested and failed by a little: without more judgements it would wait for ever."""
        judged = pieces(6000)
        last = {("refund_exception", "refund"): judged[-1].judged.on}
        found = refine(judged, targets=Targets(0.03), report=2, last_tested=last)
        waiting = [finding for finding in found if finding.more_needed == 0]
        assert waiting
        assert refining.sought(judged, waiting) == [("refund_exception", "refund")]

    def test_what_no_number_of_judgements_would_prove_is_not(self):
        judged = pieces(6000)
        found = [replace(one, more_needed=None) for one in refine(judged, targets=Targets(0.03), report=1)]
        assert refining.sought(judged, [replace(one, certificates=()) for one in found]) == []


class TestSplit:
    def test_the_parts_share_no_customer(self):
        older, newer = split(pieces(1000, customer=lambda n: f"customer {n % 700}"))
        assert len({one.judged.customer for one in older}) == 175, "a quarter of them"
        assert {one.judged.customer for one in older}.isdisjoint({one.judged.customer for one in newer})
        assert len({one.judged.customer for one in (*older, *newer)}) == 700

    def test_those_whom_nobody_knows_are_kept(self):
        unknown = [replace(one, judged=replace(one.judged, customer="")) for one in pieces(100)]
        assert [len(part) for part in split(unknown)] == [25, 75]


class TestTargets:
    def test_a_region_is_proven_under_the_target_of_the_most_that_it_lets_go(self):
        strict = LimitSpec("g", "error", amount=Money(Decimal(100), "USD"), target=Decimal("0.0004"))
        usual = refine(pieces(8000), targets=Targets(0.03), report=1)
        assert any(region.ceiling.amount >= 100 for region in proposed(usual))
        found = refine(pieces(8000), targets=Targets(0.03, (strict,)), report=1)
        for finding in found:
            dear = finding.regions[-1].ceiling.amount >= 100
            assert {one.target for one in finding.certificates} <= {0.0004 if dear else 0.03}
        assert not any(region.ceiling.amount >= 100 for region in proposed(found))


class TestGuides:
    """What people decided with the proposal in view, or elsewhere before, tells where to look, and certifies nothing."""

    def guides(self, count=4000, *, customer=lambda n: f"other {n}", wrong=late_and_dear):
        found = []
        for n, one in enumerate(world(count, seed=5, wrong=wrong)):
            said = Proposal("deny" if one.wrong else "refund", None if one.wrong else one.amount)
            found.append(
                Guide(
                    Asked("refund_exception", said, {**one.facts, **KNOWN}),
                    None,
                    ("", customer(n)),
                    "USD",
                    one.amount.amount,
                )
            )
        return found

    def test_with_little_evidence_yet_they_say_where_to_look(self):
        few = pieces(560)
        assert not refine(few, targets=Targets(0.03), report=1)
        chains = refine(few, targets=Targets(0.03), report=1, guides=self.guides)
        region = chains[0].regions[-1]
        rate, count = share_wrong(world(4000, seed=9, wrong=late_and_dear), region)
        assert rate < 0.03
        assert count > 150

    def test_where_nobody_says_what_was_at_stake_a_refusal_speaks_against_every_ceiling(self):
        refused = Guide(Asked("refund_exception", Proposal("deny"), {}), None, ("", "a"), "USD")
        assert refused.of("refund") == Example({}, Money(Decimal("0.01"), "USD"), True)
        assert refused.of("deny") == Example({}, None, False)

    def test_by_themselves_they_certify_nothing(self):
        assert refine([], targets=Targets(0.03), report=1, guides=lambda: self.guides(8000)) == []

    def test_what_they_wrongly_praise_is_not_granted(self):
        """People who approved all that they saw; blind, a third is wrong."""
        praise = self.guides(wrong=lambda *_: False)
        blind = pieces(700, wrong=lambda days, tier, amount, chance: chance < 0.3)
        assert not proposed(refine(blind, targets=Targets(0.03), report=1, guides=lambda: praise))

    def test_no_customer_suggests_and_certifies(self):
        few = pieces(560)
        theirs = self.guides(1000, customer=lambda n: str(n % 560))
        _, newer = split(few)
        seen = refining._guided({}, refining.by_kind(newer), lambda: theirs)
        certifying = {one.judged.customer for one in newer}
        left = [one for one in theirs if one.owner[1] not in certifying]
        assert len(seen["refund_exception", "refund"]) == len(left) < len(theirs)

    def test_the_first_thousand_of_a_kind_do(self):
        seen = refining._guided({("refund_exception", "refund"): []}, {}, self.guides)
        assert seen["refund_exception", "refund"] == [one.of("refund") for one in self.guides()[: refining.GUIDING]]

    def test_with_evidence_enough_nobody_is_asked(self):
        asked = []
        refine(pieces(8000), targets=Targets(0.03), report=1, guides=lambda: asked.append(1) or [])
        assert not asked

    def test_another_action_than_they_saw_tells_nothing(self):
        decided = Asked("refund_exception", Proposal("refund", Money(Decimal(90), "USD")), {})
        seen = Guide(decided, Proposal("refund", Money(Decimal(100), "USD")), ("", "a"), "USD")
        assert seen.of("deny") is None
        assert seen.of("refund").wrong


def test_what_a_persons_exception_takes_proves_nothing_for_a_grant():
    exception = RuleSpec("a", "refund_exception", (Condition("customer.disputes_12m", "≥", 3),), Handler.HUMAN)
    policy = PolicySpec((exception, RuleSpec("b", "refund_exception", (), Handler.HUMAN)))
    some = pieces(40)
    disputed = [replace(one, facts={**one.facts, "customer.disputes_12m": 5}) for one in some[:10]]
    unknown = [replace(one, facts={**one.facts, "customer.disputes_12m": None}) for one in some[10:20]]
    assert grantable([*disputed, *unknown, *some[20:]], policy) == some[20:]
