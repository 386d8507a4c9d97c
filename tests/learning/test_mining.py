"""Mining: it finds what was planted, in the boundary's words, and nothing where nothing is."""

from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from apps.learning import mining
from apps.learning.mining import mine
from apps.learning.region import Example, Region
from apps.policies.conditions import Condition
from apps.policies.facts import VOCABULARY
from apps.policies.money import Money

TIERS = ("bronze", "silver", "gold", "vip")


def world(count=2000, *, seed=1, wrong):
    """Late returns: `wrong(days, tier, amount, chance)` says where the AI is wrong."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        days, tier = int(random.integers(1, 60)), TIERS[random.integers(0, 4)]
        amount = Decimal(int(random.integers(500, 40_000))) / 100
        facts = {
            "order.days_past_window": days, "customer.tier": tier, "order.final_sale": bool(random.random() < 0.2),
            "message.sentiment": ("negative", "neutral")[days > 30], "sender.verified": True,
        }  # fmt: skip
        found.append(Example(facts, Money(amount, "USD"), wrong(days, tier, amount, random.random())))
    return found


def late_and_dear(days, tier, amount, chance):
    """Right up to 15 days, and 200; for gold and vip 30 days."""
    return days > (30 if tier in ("gold", "vip") else 15) or amount > 200 or chance < 0.002


def share_wrong(examples, region):
    inside = [one for one in examples if region.holds(one.facts, one.amount)]
    return sum(one.wrong for one in inside) / len(inside), len(inside)


class TestFinds:
    def test_what_was_planted_holds_on_other_cases_too(self):
        chains = mine(world(wrong=late_and_dear), 0.02)
        rate, count = share_wrong(world(seed=2, wrong=late_and_dear), chains[0][-1])
        assert rate < 0.05
        assert count > 150, "of some 400 that could be held"
        facts = {condition.fact for condition in chains[0][-1].conditions}
        assert "order.days_past_window" in facts
        assert chains[0][-1].ceiling.currency == "USD"

    def test_each_chain_is_nested_the_narrowest_first(self):
        examples = world(wrong=late_and_dear)
        for chain in mine(examples, 0.02):
            inside = [{n for n, one in enumerate(examples) if region.holds(one.facts, one.amount)} for region in chain]
            assert all(narrow < wide for narrow, wide in pairwise(inside))
            assert len(chain) <= mining.STEPS

    def test_it_speaks_the_boundarys_words_on_facts_that_may_grant(self):
        for chain in mine(world(wrong=late_and_dear), 0.02):
            for region in chain:
                assert len(region.conditions) <= mining.MOST_CONDITIONS
                assert all(VOCABULARY[condition.fact].grants for condition in region.conditions)
        assert "days past the window ≤" in mine(world(wrong=late_and_dear), 0.02)[0][-1].in_words()

    def test_what_only_the_customer_says_is_no_reason(self):
        """The AI is right exactly when the message is neutral, which nobody may be granted anything for."""
        examples = [
            Example(
                {"message.sentiment": "neutral" if n % 2 else "negative", "sender.verified": True}, None, n % 2 == 0
            )
            for n in range(400)
        ]
        assert mine(examples, 0.02) == []

    def test_without_money_no_ceiling_is_asked(self):
        examples = [
            Example({"order.dispatched": n % 2 == 0, "order.status": "placed"}, None, n % 2 == 0) for n in range(400)
        ]
        ((region,),) = mine(examples, 0.02)
        assert region == Region((Condition("order.dispatched", "is", False),))

    def test_where_it_is_always_right_every_case_is_proposed(self):
        examples = [Example({"order.status": "placed"}, None, False) for _ in range(100)]
        assert mine(examples, 0.02) == [[Region()]]
        assert Region().in_words() == "every case"


class TestFindsNothing:
    def test_people_who_judge_at_random_lead_nowhere(self):
        random = np.random.default_rng(3)
        flips = iter(random.random(2000) < 0.5)
        assert mine(world(wrong=lambda *_: bool(next(flips))), 0.02) == []

    def test_a_few_cases_lead_nowhere(self):
        assert mine(world(mining.FEWEST - 1, wrong=lambda *_: False), 0.02) == []

    def test_an_unknown_fact_lies_in_no_region(self):
        region = Region((Condition("order.days_past_window", "≤", 15),), Money(Decimal(100), "USD"))
        inside = {"order.days_past_window": 3}
        assert region.holds(inside, Money(Decimal(50), "USD"))
        assert not region.holds({"order.days_past_window": None}, Money(Decimal(50), "USD"))
        assert not region.holds(inside, None)
        assert not region.holds(inside, Money(Decimal(50), "EUR"))
        assert not region.holds(inside, Money(Decimal(101), "USD"))


@pytest.mark.parametrize(
    ("amount", "round_up"), [("84.50", "85"), ("100", "100"), ("1234.56", "1300"), ("7.01", "7.1"), ("0", "0")]
)
def test_a_ceiling_is_a_round_number(amount, round_up):
    assert mining._round(Decimal(amount)) == Decimal(round_up)
