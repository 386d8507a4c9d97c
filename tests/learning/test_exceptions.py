"""Unwritten exceptions: what several people do again and again is named with what such cases have in common."""

import random
from datetime import timedelta

from django.utils import timezone

from apps.interactions.demo import demo_partner
from apps.learning.exceptions import Decided, decided_in, unwritten
from apps.learning.models import Signal
from tests.deciding import decide, pass_undo_window


def decided(count, *, seed=1, damaged="refund", people=3, code="damaged"):
    """Late returns are declined; of those that arrived damaged people decide `damaged`."""
    rng = random.Random(seed)
    rows = []
    for n in range(count):
        is_damaged = rng.random() < 0.25
        final = damaged if is_damaged else "deny"
        rows.append(
            Decided("refund_exception", "deny", final, code if final != "deny" else "", f"person {n % people}",
                    {"message.reason": "damaged" if is_damaged else "changed_mind", "customer.orders": rng.randint(0, 9)},
                    "It came broken." if is_damaged else "")
        )  # fmt: skip
    return rows


def test_an_exception_that_people_make_is_named_with_its_condition():
    rows = decided(200)
    (found,) = unwritten(rows)
    damaged = sum(one.facts["message.reason"] == "damaged" for one in rows)
    assert (found.proposed, found.final, found.code, found.times, found.people) == (
        "deny", "refund", "damaged", damaged, 3,
    )  # fmt: skip
    assert found.condition.in_words() == "reason the customer gives is damaged"
    assert (found.alike, found.words) == (damaged, "It came broken.")


def test_what_one_person_does_alone_is_no_exception_of_the_house():
    assert unwritten(decided(200, people=1)) == []


def test_what_nothing_tells_apart_is_said_without_a_condition():
    rng = random.Random(3)
    rows = [
        Decided("refund_exception", "deny", "refund" if rng.random() < 0.2 else "deny", "kind", f"person {n % 4}",
                {"customer.orders": rng.randint(0, 9)})
        for n in range(300)
    ]  # fmt: skip
    (found,) = unwritten(rows)
    assert found.condition is None


def test_agreeing_and_asking_are_no_exceptions():
    assert unwritten(decided(100, damaged="deny")) == []
    assert unwritten(decided(100, damaged="ask_customer")) == []


def test_the_most_frequent_comes_first():
    few = [Decided("complaint", "reply", "goodwill", "late", f"person {n % 2}", {}) for n in range(6)]
    assert [one.case_type for one in unwritten([*few, *decided(200)])] == ["refund_exception", "complaint"]


def said(count, words, *, people=3, code="other", final="refund"):
    return [
        Decided("refund_exception", "deny", final, code, f"person {n % people}", {"customer.orders": n % 7}, words)
        for n in range(count)
    ]


def test_what_was_given_one_code_is_parted_by_its_words():
    rows = [
        *said(12, "The parcel was damaged in transit."),
        *said(8, "A wedding gift, the customer begs."),
        *said(6, ""),
    ]
    assert [(one.word, one.times) for one in unwritten(rows)] == [("transit", 12), ("wedding", 8), ("", 6)]


def test_a_word_that_stands_in_every_reason_tells_nothing():
    others = said(30, "customer insists", final="store_credit", code="goodwill")
    found = unwritten([*said(10, "customer says damaged"), *others])
    assert [one.word for one in found] == ["insists", "says"]


def test_a_word_of_one_person_parts_nothing():
    rows = [*said(10, "damaged", people=3), *said(8, "wedding", people=1)]
    assert [(one.word, one.times) for one in unwritten(rows)] == [("damaged", 10)]


def test_the_words_are_the_latest():
    rows = [*said(1, "A dented parcel today."), *said(20, "A dented parcel.")]
    assert unwritten(rows)[0].words == "A dented parcel today."


def test_what_people_decided_of_these_brands_is_read_with_the_facts_of_then(held, drain):
    decide(held, option=1, reason_code="goodwill", wrong_part="action")
    pass_undo_window()
    drain()
    user, escalation = held
    (found,) = decided_in([escalation.partner], timezone.now() - timedelta(days=1))
    assert (found.case_type, found.code, found.by) == ("refund_exception", "goodwill", str(user.pk))
    assert found.proposed != found.final
    assert (
        found.facts["order.days_past_window"] == escalation.interaction.ruling.facts["order.days_past_window"]["value"]
    )
    assert decided_in([demo_partner("oru", "Oru")], timezone.now() - timedelta(days=1)) == []
    assert decided_in([escalation.partner], timezone.now() + timedelta(days=1)) == []
    assert Signal.objects.count() == 1
