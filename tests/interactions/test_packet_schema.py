"""The context packet keeps to the schema that is published, whatever the case."""

import json
from datetime import timedelta

import jsonschema
import pytest
from django.test import Client
from django.utils import timezone

from apps.interactions.linking import linked_cases
from apps.interactions.models import ContextPacket, Interaction
from apps.interactions.packet_schema import ContextPacketContent, as_json_schema
from tests import factories
from tests.conftest import COMPLAINT, MISSING, RETURN, STATUS
from tests.interactions.test_intake import write

ASKS_FOR_TWO = "Where is my order 1047? And I want to lodge a complaint about your poor service."


def test_anyone_reads_the_schema(db):
    answer = Client().get("/api/v1/schemas/context-packet.json")
    assert answer["Content-Type"].startswith("application/schema+json")
    assert answer.json() == json.loads(json.dumps(as_json_schema()))
    jsonschema.Draft202012Validator.check_schema(answer.json())


@pytest.mark.parametrize(
    "text",
    [RETURN, MISSING, COMPLAINT, ASKS_FOR_TWO, "", "Bonjour, où est ma commande ? Je ne l'ai pas reçue.",
     "Your cream burnt my skin and I will sue you", "🤷", "I was charged twice for the same order!",
     "Please cancel my order, I do not want it any more", "Which moisturiser suits dry skin?", "x" * 5000],
)  # fmt: skip
@pytest.mark.parametrize("who", ["order", "customer", "nobody"])
def test_every_packet_keeps_to_it(arrive, order, text, who):
    known = {"order": {"order": order}, "customer": {"customer": order.customer}, "nobody": {}}[who]
    arrive(text or "-", **known, public=who == "nobody", sender_verified=None)
    for packet in ContextPacket.objects.all():
        jsonschema.validate(packet.content, as_json_schema(), format_checker=jsonschema.FormatChecker())


def test_what_is_not_in_it_is_refused(escalated):
    content = escalated.interaction.packets.get().content
    for broken in (content | {"more": 1}, {k: v for k, v in content.items() if k != "policy"},
                   content | {"proposal": content["proposal"] | {"confidence": 2}}):  # fmt: skip
        with pytest.raises(ValueError, match="validation error"):
            ContextPacketContent.model_validate(broken)


class TestParts:
    def test_the_conversation_is_frozen_with_what_was_read(self, arrive, order):
        case = arrive(MISSING, order=order)
        content = case.packets.get().content
        assert [said["text"] for said in content["conversation"]] == [MISSING]
        read = content["classification"]
        assert [read["model"], read["language"]] == [case.ruling.made_with["classifier"], "en"]
        assert read["intents"][0] == {"intent": "delivery_problem", "probability": float(case.confidence)}
        assert content["tier"] == order.customer.tier

    def test_what_else_came_into_question_is_said(self, arrive, order):
        case = arrive("I don't like it, what now?", order=order)
        read = case.packets.get().content["classification"]
        sums = sum(row["probability"] for row in [*read["intents"], *read["alternatives"]])
        assert read["alternatives"]
        assert sums <= 1.001
        assert {row["intent"] for row in read["alternatives"]}.isdisjoint(row["intent"] for row in read["intents"])

    def test_the_policy_is_the_one_that_ruled_with_its_whole_trace(self, escalated):
        case = escalated.interaction
        policy = case.packets.get().content["policy"]
        assert policy["content_hash"] == case.ruling.content_hash
        assert (policy["rule"], policy["handler"]) == (case.ruling.rule, case.ruling.gate_handler)
        assert [[s["key"], s["outcome"], s["condition"]] for s in policy["trace"]] == case.ruling.verdict["trace"]

    def test_other_cases_of_the_customer_are_linked_with_the_reason(self, arrive, order, drain):
        first = arrive(STATUS, order=order)
        Interaction.objects.update(state="closed")
        after = write(first, MISSING)
        drain()
        other = factories.OrderFactory(customer=order.customer)
        arrive(COMPLAINT, order=other)
        arrive(MISSING, order=factories.OrderFactory(customer=factories.CustomerFactory(partner=order.partner)))
        case = Interaction.objects.get(pk=after.pk)
        write(case, "Hello? It never arrived.")
        drain()
        linked = case.packets.get(state="ready").content["linked_cases"]
        assert [one["said"] for one in linked] == [STATUS, COMPLAINT]
        assert [(one["external_id"], one["because"]) for one in linked] == [
            (first.external_id, "goes before"), ("msg-2", "same customer"),
        ]  # fmt: skip

    def test_what_was_merged_is_not_linked_beside_the_case_it_is_in(self, arrive, order):
        case = arrive(MISSING, order=order)
        assert arrive("It is still not here, where is it?", order=order).merged_into_id == case.pk
        other = arrive(COMPLAINT, order=factories.OrderFactory(customer=order.customer))
        assert [one["external_id"] for one in other.packets.get().content["linked_cases"]] == [case.external_id]

    def test_five_at_most_the_newest_first(self, arrive, order):
        for _ in range(7):
            arrive(COMPLAINT, order=factories.OrderFactory(customer=order.customer))
        linked = arrive(MISSING, order=order).packets.get().content["linked_cases"]
        assert [one["external_id"] for one in linked] == [f"msg-{number}" for number in (7, 6, 5, 4, 3)]

    def test_each_case_of_a_batch_looks_back_from_its_own_day(self, arrive, order):
        cases = [arrive(COMPLAINT, order=factories.OrderFactory(customer=order.customer)) for _ in range(3)]
        for case, days in zip(cases, (150, 70, 0), strict=True):
            case.received_at = timezone.now() - timedelta(days=days)
            case.save(update_fields=["received_at"])
        linked = linked_cases(cases)
        found = {pk: {one["external_id"] for one in others} for pk, others in linked.items()}
        oldest, middle, newest = cases
        assert found[middle.pk] == {oldest.external_id, newest.external_id}
        assert found[newest.pk] == {middle.external_id}

    def test_what_is_long_ago_is_not_linked(self, arrive, order):
        old = arrive(STATUS, order=order)
        long_ago = timezone.now() - timedelta(days=91)
        Interaction.objects.filter(pk=old.pk).update(state="closed", received_at=long_ago)
        case = arrive(MISSING, order=factories.OrderFactory(customer=order.customer))
        assert case.packets.get().content["linked_cases"] == []
