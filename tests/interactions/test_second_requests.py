"""Two requests in one message: the AI alone answers all of it or leaves it to a person."""

import pytest

from apps.interactions.checks import also_asked
from apps.interactions.classification.case_types import besides
from apps.interactions.classification.intents import Reading, read
from apps.interactions.classification.tone import asks_about_refund
from apps.interactions.models import Message, OutboxEvent
from apps.policies.facts import Facts
from apps.policies.words import Action, CaseType
from tests import factories
from tests.conftest import RETURN, STATUS

ADVICE = "Can you recommend a gentle moisturiser for dry skin?"
ACCOUNT = "Please change the e-mail address of my account."


@pytest.mark.parametrize(("asks", "besides_it"), [(RETURN, ADVICE), (STATUS, ADVICE), (STATUS, ACCOUNT)])
def test_a_reply_to_one_half_waits_for_a_person_who_sees_both(arrive, order, asks, besides_it):
    assert arrive(asks, order=order).handler == "autonomous"
    again = factories.OrderFactory(customer=factories.CustomerFactory(partner=order.partner))
    case = arrive(f"{asks} {besides_it}", order=again)
    assert case.state == "awaiting_decision"
    assert not OutboxEvent.objects.filter(kind="reply.created", payload__holding=False, payload__id=str(case.reference))
    assert not Message.objects.filter(interaction=case, handled=True).exists()


def test_the_reason_names_what_is_left_open(arrive, order):
    case = arrive(f"{STATUS} {ADVICE}", order=order)
    assert case.case_type == CaseType.ORDER_STATUS
    assert "also asks, or may ask, about product advice" in str(case.ruling.downgrades)


def test_what_one_sentence_only_may_ask_counts_too():
    (reading,) = read(
        ["Where is my order, and when does it come? I don't know how to receive reimbursements of money."]
    )
    asked = {intent for intent, _ in reading.intents} | set(reading.maybe)
    assert {"order_status", "return_or_refund"} <= asked


def test_what_only_may_be_asked_is_left_open_too():
    reading = Reading((("order_status", 0.99),), 0.99, maybe=("return_or_refund",))
    assert also_asked(reading, CaseType.ORDER_STATUS, Action.REPLY, Facts()) == ["return_or_refund"]
    assert also_asked(reading, CaseType.ORDER_STATUS, Action.ASK_CUSTOMER, Facts()) == []


def test_praise_and_what_the_type_answers_anyway_leave_nothing_open():
    assert besides(["order_status", "feedback"], CaseType.ORDER_STATUS, Facts()) == []
    assert besides(["policy_question", "product_question"], CaseType.QUESTION, Facts()) == []
    assert besides(["policy_question", "order_status"], CaseType.QUESTION, Facts()) == ["order_status"]


def test_a_question_of_ours_leaves_all_of_it_open(arrive, order):
    factories.OrderFactory(customer=order.customer)
    case = arrive(f"{STATUS} {ADVICE}", customer=order.customer)
    assert (case.case_type, case.state) == (CaseType.ORDER_STATUS, "awaiting_customer")
    assert not Message.objects.filter(interaction=case, handled=True).exists()


@pytest.mark.parametrize(
    "word", ["refund", "reimbursement", "compensation", "compesation", "restitution", "rebates", "money back"]
)
def test_a_status_reply_says_what_is_on_record_to_whoever_names_a_refund(word):
    assert asks_about_refund(f"Where is my order? I still wait for the {word}.")


@pytest.mark.parametrize("text", [STATUS, "Is it complete?", "I rest my case", "a complicated order"])
def test_and_not_to_others(text):
    assert not asks_about_refund(text)
