"""What the API's description says of events is what events are."""

import pytest
from django.utils import timezone

from apps.interactions import onboarding
from apps.interactions.api.event_shapes import SHAPES
from apps.interactions.models import EventKind, OutboxEvent
from apps.interactions.models.webhook import TEST
from apps.interactions.webhooks import endpoints
from apps.policies import releases
from tests.conftest import STATUS
from tests.interactions.test_execution import by_webhook, requested, result  # noqa: F401
from tests.interactions.webhooks.conftest import BOT
from tests.policies.conftest import released


def fits(kind):
    """The last event of a kind, as its shape has it: no field more, none fewer, each of its sort."""
    event = OutboxEvent.objects.filter(kind=kind).latest("pk")
    shape = SHAPES[kind](data=event.payload)
    assert set(event.payload) == set(shape.fields)
    assert shape.is_valid(), shape.errors
    return event.payload


def test_every_kind_has_a_shape():
    assert set(SHAPES) == {*EventKind.values, TEST}


def test_a_reply_and_the_end_of_a_case(arrive, order):
    arrive(STATUS, order=order)
    assert fits("reply.created")["by"] == "ai"
    assert fits("interaction.resolved")["state"] == "resolved"


def test_a_case_that_waits_for_a_person(escalated):
    assert fits("interaction.escalated")["external_id"] == escalated.interaction.external_id


def test_an_action_says_how_many_until_when_and_in_the_end_as_what(requested, api):  # noqa: F811
    told = fits("action.requested")
    ordered = requested.decision.interaction.order.lines.get()
    assert told["lines"] == [{"sku": ordered.sku, "quantity": ordered.quantity}]
    assert told["deadline"] == requested.deadline_at.isoformat().replace("+00:00", "Z")
    result(api, requested, outcome="done", reference="R-1")
    assert fits("action.executed")["reference"] == "R-1"


def test_a_merged_case_says_where_its_answer_comes(escalated, arrive, order):
    arrived = arrive("I want my money back for this late return, please.", order=order)
    assert arrived.state == "merged"
    told = fits("interaction.merged")
    case = escalated.interaction
    assert told["external_id"] == arrived.external_id
    assert told["merged_into"] == {"id": str(case.reference), "external_id": case.external_id}


def test_another_version_of_the_boundary(boundary, author, other):
    released(author, other, releases.draft_from(author, boundary))
    assert fits("boundary.changed")["boundary"] == boundary.name


def test_the_test_button(endpoint):
    endpoints.test(endpoint.pk, actor=BOT, now=timezone.now())
    fits(TEST)


@pytest.mark.parametrize("is_sandbox", [False, True])
def test_each_says_whether_it_is_a_sandboxs(endpoint, listener, happen, send, is_sandbox, partner):
    if is_sandbox:
        twin = onboarding.sandbox(partner, actor=BOT).partner
        type(endpoint).objects.filter(pk=endpoint.pk).update(partner=twin)
        OutboxEvent.objects.create(partner=twin, kind="interaction.resolved", subject="a", payload={"of_case": "a"})
    else:
        happen("a")
    send()
    assert [heard["sandbox"] for heard in listener.heard] == [is_sandbox]
