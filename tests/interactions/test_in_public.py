"""What is said in public: every option's reply can be read by anyone, whatever the type of the case."""

import pytest

from tests import factories
from tests.conftest import COMPLAINT, MISSING, RETURN, STATUS
from tests.interactions.test_playbooks import ADVICE, CANCEL, CHARGED, packet


@pytest.fixture
def said(arrive, customer):
    def say(text, **fields):
        order = factories.OrderFactory(customer=customer, tracking_number="TRK99120", **fields)
        case = arrive(text, order=order, public=True, audience=900, channel="social")
        assert case.state == "awaiting_decision"
        return order, packet(case)

    return say


@pytest.mark.parametrize("text", [STATUS, RETURN, MISSING, COMPLAINT, CANCEL, CHARGED, ADVICE, "Hello there"])
@pytest.mark.parametrize(
    "fields", [{}, {"days_ago": 47}, {"status": "placed", "days_ago": -2}, {"status": "shipped", "days_ago": 1}]
)
def test_no_reply_tells_of_the_order_or_names_anybody(said, text, fields):
    order, content = said(text, **fields)
    for option in content["options"]:
        for secret in (
            order.number,
            order.tracking_number,
            "Evening gift set",
            "84.50",
            "Utrecht",
            order.customer.first_name,
        ):
            assert secret not in option["reply"], option["label"]
        assert "unfounded" not in {kind for _, kind in option["reply_parts"]}


def test_a_question_about_an_order_is_invited_to_a_private_conversation(said):
    _, content = said(STATUS)
    assert content["proposal"]["label"] == "Invite to a private conversation"
    assert "direct message" in content["proposal"]["reply"]
    assert "order details stay out of it" in content["proposal"]["reasons"][-1]


def test_what_is_done_stays_possible_with_a_reply_that_anyone_may_read(said):
    _, content = said(RETURN)
    label = next(option for option in content["options"] if option["action"] == "return_label")
    assert "direct message" in label["reply"]


def test_in_private_nothing_changes(arrive, order):
    assert order.number in arrive(STATUS, order=order).messages.get(author="ai").text
