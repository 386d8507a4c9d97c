"""Signals: what each decision taught, on a page of their own."""

from decimal import Decimal

import pytest
from django.test import Client

from apps.learning import signals
from apps.learning.models import Signal
from tests import factories
from tests.deciding import decide, pass_undo_window


def page(user, address="/signals/"):
    client = Client()
    client.force_login(user)
    return client.get(address).content.decode()


def test_no_signal_yet_says_how_one_comes_about(partner):
    assert "No signals yet" in page(factories.supervisor())


def test_a_decision_is_listed_with_proposal_reason_and_time(held, drain):
    decide(held, option=1, reason_code="goodwill", wrong_part="action")
    pass_undo_window()
    drain()
    shown = page(held[0])
    assert "Store credit" in shown
    assert "goodwill" in shown
    assert "proposal kept in <b>0 %</b>" in shown
    assert "Refund exception" in page(held[0], "/signals/?type=refund_exception")


def test_a_decision_that_was_taken_back_teaches_nothing(held, drain):
    from apps.interactions import deciding

    decision = decide(held)
    deciding.undo(held[0], decision.pk)
    drain()
    assert Signal.objects.count() == 0


def test_signals_of_other_brands_are_not_shown(held, drain):
    decide(held)
    pass_undo_window()
    drain()
    assert "No signals yet" in page(factories.supervisor(remit={"all_partners": False}))


@pytest.mark.parametrize(
    ("changed", "rewritten"), [({"amount": Decimal("40.00")}, False), ({"words_changed": 40}, True), ({"action": "goodwill"}, False)]
)  # fmt: skip
def test_another_amount_other_words_or_another_action_alone_is_not_agreeing(held, changed, rewritten):
    decision = decide(held)
    assert signals.signal_of(decision).agreed
    for name, value in changed.items():
        setattr(decision, name, value)
    signal = signals.signal_of(decision)
    assert (signal.agreed, signal.reply_changed) == (False, rewritten)


def test_a_few_words_or_cents_more_are_no_disagreement(held):
    decision = decide(held)
    decision.words_changed, decision.amount = 2, decision.amount + 1
    signal = signals.signal_of(decision)
    assert (signal.agreed, signal.reply_changed) == (True, False)
