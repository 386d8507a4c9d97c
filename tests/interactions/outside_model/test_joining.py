"""Two readings of one message: an outside one can keep the AI from acting and never make it act."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.interactions import pipeline
from apps.interactions.classification.intents import FLOOR, Reading
from apps.interactions.classification.training import CORPUS
from apps.interactions.models import (
    Interaction,
)
from apps.interactions.outside_model import joined
from apps.interactions.outside_model.classify import INTENTS, MOST_INTENTS
from tests.conftest import STATUS

INTENT_SETS = st.lists(st.sampled_from(INTENTS), unique=True, max_size=MOST_INTENTS)


class TestJoining:
    def test_the_closed_list_is_the_classifiers(self):
        assert sorted(INTENTS) == sorted(path.stem for path in CORPUS.glob("*.txt"))

    def test_agreement_keeps_the_embedded_probability(self):
        embedded = Reading((("order_status", 0.71),), 0.71)
        assert joined(embedded, Reading((("order_status", 1.0),), 1.0)) == embedded
        assert joined(embedded, None) == embedded

    def test_a_difference_carries_both_and_is_a_persons(self):
        both = joined(Reading((("order_status", 0.97),), 0.97), Reading((("delivery_problem", 0.99),), 0.99))
        assert [intent for intent, _ in both.intents] == ["order_status", "delivery_problem"]
        assert both.confidence < FLOOR

    def test_what_the_embedded_abstains_on_stays_under_the_floor(self):
        edge = Reading((), FLOOR)  # rounded up from just below
        assert joined(edge, Reading((("order_status", 1.0),), 1.0)).confidence < FLOOR

    @given(INTENT_SETS, INTENT_SETS, st.floats(0, 1), st.floats(0, 1))
    def test_no_reading_from_outside_makes_the_ai_surer(self, mine, theirs, p, q):
        embedded = Reading(tuple((intent, p) for intent in mine), p)
        outside = Reading(tuple((intent, q) for intent in theirs), q)
        result = joined(embedded, outside)
        assert result.confidence <= embedded.confidence
        assert set(mine) <= {intent for intent, _ in result.intents}
        if result.intents and result.confidence >= FLOOR:
            assert result == embedded

    @pytest.mark.parametrize("intent", INTENTS)
    def test_a_steered_model_never_makes_the_ai_act(self, arrive, order, opt_in, server, intent):
        server.behave("steered", intent=intent)
        arrive(STATUS, order=order, work=False)
        pipeline.advance()
        case = Interaction.objects.get()
        assert len(server.seen()) == 2
        if intent == "order_status":
            assert case.handler == "autonomous"
        else:
            assert case.handler == "human"
        assert not case.decisions.exclude(action="reply").exists()
