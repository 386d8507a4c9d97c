"""A person decides: on the packet they saw, inside their remit, with an undo window, once."""

from decimal import Decimal

import pytest

from apps.interactions import claiming, deciding
from apps.interactions.models import DecisionRecord, Escalation, Interaction
from apps.learning.models import Signal
from apps.policies.errors import Refused
from tests import factories
from tests.conftest import RETURN
from tests.deciding import decide, pass_undo_window


def test_an_approval_is_carried_out_after_the_undo_window_and_leaves_a_signal(held, drain):
    decision = decide(held)
    assert (decision.state, decision.how) == ("decided", "approved")
    drain()
    assert DecisionRecord.objects.get().state == "decided", "nothing leaves inside the window"
    pass_undo_window()
    drain()
    case = Interaction.objects.get()
    assert case.state == "resolved"
    assert [(e.action, e.state) for e in decision.effects.all()] == [("refund", "done"), ("reply", "done")]
    assert case.packets.get().state == "sealed"
    signal = Signal.objects.get()
    assert (signal.agreed, signal.proposed_action, signal.final_action) == (True, "refund", "refund")
    assert signal.seconds is not None
    assert signal.facts == decision.ruling.facts


def test_undo_takes_it_back_and_the_case_is_still_theirs(held, drain):
    user, escalation = held
    decision = decide(held)
    deciding.undo(user, decision.pk)
    pass_undo_window()
    drain()
    assert DecisionRecord.objects.get().state == "withdrawn"
    assert Escalation.objects.get(pk=escalation.pk).claimed_by == user
    again = decide(held, option=1, reason_code="goodwill", wrong_part="action")
    assert again.action == "store_credit"


def test_undo_is_for_the_one_who_decided_and_only_in_time(held, drain):
    decision = decide(held)
    with pytest.raises(Refused, match="Only the one who decided"):
        deciding.undo(factories.supervisor(), decision.pk)
    pass_undo_window()
    drain()
    with pytest.raises(Refused, match="left the building"):
        deciding.undo(held[0], decision.pk)


def test_modifying_keeps_what_was_changed(held, drain):
    decision = decide(held, amount="40.00", reply="We refund 40.00 of it.")
    assert (decision.how, decision.amount, decision.reply) == ("modified", Decimal("40.00"), "We refund 40.00 of it.")
    pass_undo_window()
    drain()
    signal = Signal.objects.get()
    assert (signal.agreed, signal.reply_changed) == (False, True)


def test_an_override_needs_a_reason_and_words_where_the_reason_asks(held):
    with pytest.raises(Refused, match="choose a reason"):
        decide(held, option=1)
    with pytest.raises(Refused, match="needs a few words"):
        decide(held, option=1, reason_code="other")
    assert (
        decide(held, option=1, reason_code="other", wrong_part="action", rationale="long-standing customer").how
        == "overridden"
    )


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"amount": "84.51"}, "still refundable"),
        ({"amount": "0"}, "refund of nothing"),
        ({"amount": "ten"}, "not an amount"),
        ({"amount": "1.234"}, "two decimals"),
        ({"reply": "  "}, "Write what the customer is told"),
        ({"option": 17}, "Choose one of the options"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(held, fields, says):
    with pytest.raises(Refused, match=says):
        decide(held, **fields)


def test_asking_the_customer_stops_the_clock(held, drain):
    decide(held, question="Could you send a photo of the box?")
    pass_undo_window()
    drain()
    case = Interaction.objects.get()
    assert case.state == "awaiting_customer"
    assert case.messages.filter(author="agent").last().text == "Could you send a photo of the box?"
    assert not Escalation.objects.waiting().exists()


class TestHonestReply:
    def test_a_changed_amount_is_what_the_customer_is_told(self, held):
        decision = decide(held, amount="40.00")
        assert "40.00 USD" in decision.reply
        assert "84.50" not in decision.reply

    def test_a_typed_reply_that_states_the_old_amount_is_refused(self, held):
        with pytest.raises(Refused, match=r"still says 84\.50 USD"):
            decide(held, amount="40.00", reply="We have refunded 84.50 USD to you.")


def test_a_reason_that_is_not_on_the_list_is_refused(held):
    with pytest.raises(Refused, match="from the list"):
        decide(held, option=1, reason_code="because")


def test_nobody_decides_on_an_order_of_theirs_that_another_asks_about(escalated):
    user = factories.supervisor(email=escalated.interaction.order.customer.email)
    escalated.interaction.customer = factories.CustomerFactory(partner=escalated.partner)
    escalated.interaction.save()
    with pytest.raises(Refused, match="your own order"):
        decide((user, claiming.claim(user, escalated.pk)))


def test_one_decision_that_cannot_be_committed_holds_up_no_other(held, arrive, order, monkeypatch, drain):
    from apps.learning import signals
    from apps.policies.models import AuditEntry

    real, broken = signals.signal_of, decide(held)

    def breaking(decision):
        if decision.pk == broken.pk:
            raise RuntimeError("a signal broke")
        return real(decision)

    monkeypatch.setattr(signals, "signal_of", breaking)
    user = factories.senior()
    second = arrive(RETURN, order=factories.OrderFactory(customer=order.customer, days_ago=60)).escalations.get()
    other = decide((user, claiming.claim(user, second.pk)))
    pass_undo_window()
    drain()
    assert DecisionRecord.objects.get(pk=other.pk).state == "executed"
    assert DecisionRecord.objects.get(pk=broken.pk).state == "decided"
    assert "a signal broke" in AuditEntry.objects.get(event="commit_failed").reason


def test_an_override_says_which_part_of_the_proposal_was_wrong(held):
    with pytest.raises(Refused, match="which part of the proposal was wrong"):
        decide(held, option=1, reason_code="goodwill")
    assert not DecisionRecord.objects.exists()
