"""In the pipeline: a draft leaves only when all of it is grounded, and no fault loses a case."""

from decimal import Decimal

import pytest
from django.utils import timezone

from apps.interactions import pipeline, submitting
from apps.interactions.classification.intents import Reading
from apps.interactions.models import (
    Interaction,
    ModelCall,
    OutsideModel,
)
from apps.interactions.playbooks import plan_for
from tests import factories
from tests.conftest import ACTOR, RETURN, STATUS
from tests.interactions.outside_model import model_server
from tests.interactions.outside_model.asked import ODD_DRAFTS, UNREADABLE, case_of, reading, ungrounded


class TestPipeline:
    def test_a_draft_is_sent_under_a_ruling_that_names_its_writer(self, arrive, order, opt_in, drain):
        row = arrive(STATUS, order=order, work=False)
        pipeline.advance()
        drain()
        case = Interaction.objects.get(pk=row.pk)
        sent = case.messages.get(author="ai").text
        assert (case.state, case.handler) == ("resolved", "autonomous")
        assert "I hope that this helps." in sent
        assert sent.startswith("Hi ")
        assert sent.endswith(order.partner.name)
        assert case.ruling.made_with["drafter"] == "reader (any)"
        assert case.ruling.made_with["second_reader"] == "reader (any)"

    @pytest.mark.parametrize("behaviour", ["lying_amount", "error_500", "slow", "huge"])
    def test_what_fails_is_answered_by_the_template(self, arrive, order, opt_in, server, drain, behaviour):
        row = arrive(STATUS, order=order, work=False)
        server.behave(behaviour)
        pipeline.advance()
        drain()
        case = Interaction.objects.get(pk=row.pk)
        assert case.state == "resolved"
        assert model_server.LIE_AMOUNT not in case.messages.get(author="ai").text
        assert case.ruling.made_with["drafter"].startswith("templates")

    def test_a_case_whose_record_cannot_be_kept_goes_on_without(self, case, opt_in, monkeypatch, caplog):
        monkeypatch.setattr(ModelCall.objects, "create", lambda **fields: 1 / 0)
        assert reading(case) is None

    @pytest.mark.parametrize("seed", [20261125])
    def test_500_calls_with_random_faults_lose_no_case_and_send_nothing_ungrounded(
        self, partner, opt_in, server, drain, seed
    ):
        """Nearly half of all calls end badly, in every way that the server knows."""
        OutsideModel.objects.update(timeout_seconds=0.3, at_once=8, daily_cap=Decimal(500))
        texts = [STATUS, RETURN]
        for number in range(250):
            order = factories.OrderFactory(customer=factories.CustomerFactory(partner=partner))
            message = {"author": "customer", "text": texts[number % 2], "sent_at": timezone.now().isoformat()}
            data = {
                "external_id": f"m-{number}", "channel": "chat", "customer": order.customer.external_id, "order": order.number,
                "messages": [message], "sender_verified": True,
            }  # fmt: skip
            submitting.submit_interaction(partner, data, actor=ACTOR)
        faults = [*UNREADABLE, *ODD_DRAFTS, "impossible_probability", "lying_usage", "no_usage", "named"]
        weights = {"right": 90, **dict.fromkeys(faults, 2), "steered": 2}
        server.behave(weights, seed=seed)
        while pipeline.advance(25):
            pass
        drain()

        calls = ModelCall.objects.all()
        assert calls.count() == 500
        assert calls.values("outcome").distinct().count() >= 10, "every kind of fault happened"
        assert calls.filter(outcome="used").count() > 150
        assert calls.exclude(outcome="used").count() > 120
        cases = Interaction.objects.prefetch_related("messages", "decisions", "escalations")
        assert cases.count() == 250
        assert {case.state for case in cases} <= {"resolved", "awaiting_decision"}, (
            "no case is lost, stalled or waiting"
        )
        assert all(case.escalations.exists() for case in cases if case.state == "awaiting_decision")
        sent = [(case, decision.reply) for case in cases for decision in case.decisions.all()]
        worded = [case for case, _ in sent if case.ruling.made_with["drafter"] == "reader (any)"]
        assert len(worded) > 40, "the model was of use"
        for case, reply in sent:
            source = grounded_source(case)
            assert ungrounded(reply, source) == [], reply
            for lie in (
                model_server.LIE_AMOUNT,
                model_server.LIE_PROMISE,
                "http",
                "<script",
                "Ignore",
                "[",
                "{",
                "\u202e",
            ):
                assert lie not in reply
        assert {effect for _, effect in sent_actions(cases)} <= {"reply", "return_label"}


def grounded_source(case: Interaction) -> str:
    """What the built-in template says of the case as the ruling saw it, plus the sign-off and greeting around it."""
    found = case_of(Interaction.objects.get(pk=case.pk))
    found.reading = Reading(tuple((intent, 1.0) for intent, _ in case.intents), 1.0)
    found.case_type = pipeline.case_type_of([intent for intent, _ in case.intents], found.facts)
    text = plan_for(found)[0].proposal.reply.text
    return text


def sent_actions(cases):
    return [(case, effect.action) for case in cases for one in case.decisions.all() for effect in one.effects.all()]
