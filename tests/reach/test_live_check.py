"""The editor's live check: what would be refused, needs a second person, or says what nothing known says."""

from decimal import Decimal

import pytest

from apps.interactions import blind, claiming, deciding
from apps.interactions.choosing import words_changed
from apps.interactions.models import Escalation
from apps.learning.models import Signal
from apps.policies.errors import Refused
from apps.reach import live_check
from tests import factories
from tests.conftest import MISSING, browser
from tests.deciding import choice, decide, pass_undo_window


@pytest.fixture
def user(db):
    return factories.supervisor()


def reply_of(escalation, place=0):
    return escalation.interaction.packets.get(state="ready").content["options"][place]["reply"]


def said(user, escalation, *, place=0, amount="", reply=None):
    text = reply_of(escalation, place) if reply is None else reply
    return [(finding.kind, finding.text) for finding in live_check.check(user, escalation, place, amount, text)]


def test_what_is_as_proposed_is_fine(user, escalated):
    assert said(user, escalated) == [("fine", "Outside what the AI may do alone; it is yours to decide.")]


@pytest.mark.parametrize(
    ("amount", "kind", "words"),
    [
        ("84.51", "stop", "Only 84.50 USD of order"),
        ("lots", "stop", "not an amount"),
        ("0", "stop", "A refund of nothing"),
    ],
)
def test_an_amount_that_would_be_refused_says_so(user, escalated, amount, kind, words):
    (found,) = said(user, escalated, amount=amount)
    assert found[0] == kind
    assert words in found[1]


def test_what_is_over_ones_remit_waits_for_a_second_person(escalated):
    found = said(factories.supervisor(remit={"amount_per_decision": Decimal("50.00")}), escalated)
    assert ("second", "A second person has to agree: your remit is 50.00 USD a decision.") in found


def test_what_nothing_known_says_is_quoted(user, escalated):
    reply = reply_of(escalated) + " It will arrive on 31 December 2031."
    kinds = dict(said(user, escalated, reply=reply))
    assert "31 December 2031" in kinds["look"]


def test_another_promise_than_what_is_decided_stops_it_in_the_editor_and_when_it_is_sent(user, arrive, order):
    escalation = arrive(MISSING, order=order).escalations.get()
    options = escalation.interaction.packets.get().content["options"]
    place = next(
        place for place, option in enumerate(options) if option["action"] in ("reply", "courier_claim", "deny")
    )
    reply = options[place]["reply"] + " We will also send you a replacement free of charge."
    (found,) = said(user, escalation, place=place, reply=reply)
    assert (found[0], "replacement" in found[1]) == ("stop", True)
    held = claiming.claim(user, escalation.pk)
    fields = {"option": place, "reply": reply, "reason_code": "our_delay", "wrong_part": "action"}
    with pytest.raises(Refused, match="promises another thing than you decide"):
        deciding.decide(user, escalation.pk, choice(held, **fields))


def test_words_that_the_brand_avoids_are_named(user, escalated, partner):
    partner.voice_avoid = ["kindly"]
    partner.save()
    assert ("look", "The brand avoids “kindly”.") in said(
        user, escalated, reply=reply_of(escalated) + " We kindly thank you."
    )


def test_the_page_asks_and_tells_nothing_of_a_blind_case(user, escalated, monkeypatch):
    client = browser(user)
    data = {"option": 0, "amount": "84.51", "reply": "Dear Mira"}
    assert "Only 84.50 USD" in client.post(f"/reach/{escalated.pk}/check/", data).content.decode()
    Escalation.objects.update(blind=True)
    assert blind.is_blind(Escalation.objects.get())
    assert "Only" not in client.post(f"/reach/{escalated.pk}/check/", data).content.decode()


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [("a b c", "a b c", 0), ("a b c", "a x c", 2), ("a b c", "a b c d e", 2), ("a b", "", 2), ("a  b", "a b", 0)],
)
def test_the_words_that_were_changed_are_counted(before, after, changed):
    assert words_changed(before, after) == changed


def test_the_signal_keeps_how_much_was_reworded(held, drain):
    decide(held, reply=reply_of(held[1]) + " Thank you.")
    pass_undo_window()
    drain()
    assert Signal.objects.get().words_changed == 2
