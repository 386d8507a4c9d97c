"""Drafting the past again with an outside model: only for brands that chose it, and only what is grounded."""

import pytest

from apps.interactions import redrafting
from apps.interactions.models import Interaction, ModelCall, ModelOptIn
from tests.conftest import STATUS
from tests.interactions.outside_model import model_server


def again(model):
    return list(redrafting.drafted_again(Interaction.objects.all(), model))


@pytest.fixture
def past(arrive, order):
    return arrive(STATUS, order=order)


def test_it_words_the_reply_and_the_case_stays_as_it_was(past, model, partner, server):
    ModelOptIn.objects.create(partner=partner, model=model, classify=False, draft=True)
    before = list(Interaction.objects.values_list())
    (case,) = again(model)
    assert "I hope that this helps." in case.reply_now
    assert (case.drafter_then, case.drafter_now) == ("templates-2", "reader (any)")
    assert (case.handler_now, case.otherwise) == ("autonomous", True)
    assert list(Interaction.objects.values_list()) == before
    assert ModelCall.objects.count() == 1


def test_words_that_are_not_grounded_are_not_taken(past, model, partner, server):
    ModelOptIn.objects.create(partner=partner, model=model, classify=False, draft=True)
    server.behave("lying_amount")
    (case,) = again(model)
    assert model_server.LIE_AMOUNT not in case.reply_now
    assert (case.drafter_now, case.otherwise) == ("templates-2", False)


@pytest.mark.parametrize("chosen", [None, {"classify": True, "draft": False}])
def test_a_brand_that_did_not_choose_it_to_write_is_not_shown_to_it(past, model, partner, server, chosen):
    if chosen:
        ModelOptIn.objects.create(partner=partner, model=model, **chosen)
    (case,) = again(model)
    assert case.otherwise is False
    assert ModelCall.objects.count() == 0
