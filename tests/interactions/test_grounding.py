"""Grounding: what a reply may state of a case, and what it may not."""

import pytest

from apps.interactions import gathering
from apps.interactions.drafting.grounding import promised, unfounded
from apps.interactions.drafting.sources import Stated, source_of
from apps.interactions.pipeline import load
from apps.policies.words import Action
from tests.conftest import STATUS


@pytest.fixture
def case(arrive, order):
    order.promised_at = order.delivered_at
    order.save()
    (loaded,) = load([arrive(STATUS, order=order, work=False)])
    gathering.gather(loaded, gathering.counts_for([loaded]))
    return loaded


def wrong(case, text, action=Action.REPLY, amount=None, discloses=True):
    return [
        claim.words for claim in unfounded(text, source_of(case, action, amount, Stated(), discloses_order=discloses))
    ]


def day(case):
    return f"{case.order.delivered_at.astimezone(case.partner.zone):%-d %B}"


def test_what_the_facts_say_may_be_said(case):
    text = f"Hi {case.customer.first_name},\n\nYour order {case.order.number} over 84.50 USD was delivered on {day(case)} in Utrecht."
    assert wrong(case, text) == []


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("It cost 84.60 USD.", "84.60 USD"),
        ("It cost 84.50 EUR.", "84.50 EUR"),
        ("You get 20% back.", "20%"),
        ("Order W7654321 is yours.", "W7654321"),
        ("It comes on 1 January.", "1 January"),
        ("It arrives within 3 days.", "3 days"),
        ("It was handed to Pieter.", "Pieter"),
        ("Your order is cancelled.", "cancelled"),
        ("It was not delivered.", "delivered"),
        ("See https://evil.example/refund now.", "https://evil.example/refund"),
        ("We guarantee it.", "guarantee"),
        ("It is out of stock.", "out of stock"),
        ("Call us at 9 am.", "9 am"),
        ("We looked at it twice.", "twice"),
    ],
)
def test_what_no_fact_says_is_found(case, said, words):
    assert words in wrong(case, said)


@pytest.mark.parametrize(
    ("said", "action"),
    [
        ("We will refund you.", Action.REFUND),
        ("I have sent a replacement.", Action.REPLACEMENT),
        ("Take this voucher.", Action.STORE_CREDIT),
        ("The next one is free of charge.", Action.GOODWILL),
        ("I have cancelled it.", Action.CANCEL_ORDER),
        ("A return label follows.", Action.RETURN_LABEL),
    ],
)
def test_an_offer_counts_as_the_action_it_promises(case, said, action):
    assert action in promised(said)
    assert wrong(case, said)
    assert "promise" not in [
        claim.kind for claim in unfounded(said, source_of(case, action, None, Stated(), discloses_order=True))
    ]


@pytest.mark.parametrize("said", ["We cannot refund it.", "As soon as it is cancelled, you hear from us."])
def test_what_is_denied_is_no_offer(said):
    assert Action.REFUND not in promised(said)


def test_a_reply_that_was_not_ruled_to_disclose_states_nothing_of_the_order(case):
    text = f"Your order {case.order.number} was delivered on {day(case)}."
    assert wrong(case, text) == []
    assert set(wrong(case, text, discloses=False)) == {case.order.number, "delivered", day(case)}


def test_nor_does_any_in_public(case):
    case.interaction.public = True
    assert case.order.number in wrong(case, f"Your order {case.order.number} was delivered.")


def test_a_passage_of_the_brands_may_be_quoted_with_all_it_says(case):
    passage = "Express shipping costs 18.00 USD and takes 2 days."
    stated = Stated(passages=(passage,))
    assert unfounded(passage, source_of(case, Action.REPLY, None, stated, discloses_order=False)) == []
    changed = passage.replace("18.00", "8.00")
    assert unfounded(changed, source_of(case, Action.REPLY, None, stated, discloses_order=False))


class TestNoes:
    """A "not" belongs to what follows it closely, and a comma or a colon ends it."""

    @pytest.mark.parametrize(
        "said",
        ["Not to worry: it was refunded.", "No worries, it was refunded.", "No problem; we have refunded it.",
         "Nothing to do, it was refunded.", "No worries - it was refunded.", "Nobody is late – it was refunded."],
    )  # fmt: skip
    def test_what_is_said_after_it_counts(self, case, said):
        assert wrong(case, said)

    @pytest.mark.parametrize(
        "said", ["Nothing has been refunded.", "Nothing was refunded.", "It was not, so far, delivered twice."]
    )
    def test_what_it_denies_does_not(self, case, said):
        assert "refunded" not in wrong(case, said)


def test_part_of_a_number_is_no_name(case):
    case.order.number = "SH-20417"
    assert wrong(case, "It is about order SH-20417.") == []
    assert wrong(case, "It is about order SX-20417.") == ["SX-20417"]


def test_a_return_that_was_lost_is_a_lost_one(case):
    assert wrong(case, "We lost your return.") == ["lost your"]
