"""What each channel takes, until when, and how its messages find their case."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from apps.interactions import clocks
from apps.interactions.channels import CHANNELS, Threads
from apps.interactions.models import Interaction, OutboxEvent
from apps.interactions.models.interaction import CHANNELS as NAMES
from apps.policies.errors import Refused
from tests import factories
from tests.conftest import MISSING, STATUS
from tests.deciding import decide

DOCS = Path(__file__).parents[2] / "docs" / "api.md"


def test_every_channel_is_there_and_told_to_partners_as_it_is():
    assert list(CHANNELS) == list(NAMES)
    told = re.findall(r"^\| `(\w+)` \| ([\d,]+) characters \| (always|(\d+) hours)", DOCS.read_text(), re.MULTILINE)
    for name, longest, when, hours in told:
        channel = CHANNELS[name]
        assert channel.longest == int(longest.replace(",", ""))
        assert channel.window == (None if when == "always" else timedelta(hours=int(hours)))
    assert len(told) == len(CHANNELS)


class TestLength:
    def test_a_reply_that_does_not_fit_is_not_the_ais_alone(self, arrive, order, monkeypatch):
        monkeypatch.setitem(
            CHANNELS, "whatsapp", CHANNELS["whatsapp"].__class__("whatsapp", "WhatsApp", 40, None, Threads.CUSTOMER)
        )
        case = arrive(STATUS, order=order, channel="whatsapp")
        assert case.state == "awaiting_decision"
        assert "WhatsApp takes 40 characters" in str(case.ruling.downgrades)

    def test_nor_a_persons(self, held):
        with pytest.raises(Refused, match="Chat takes 4,000 characters, and this has 4,001"):
            decide(held, reply="x" * 4001)
        with pytest.raises(Refused, match="Shorten it"):
            decide(held, question="x" * 4001)


class TestWindow:
    def test_a_reply_says_until_when_it_is_delivered(self, arrive, order):
        case = arrive(STATUS, order=order, channel="whatsapp")
        (event,) = OutboxEvent.objects.filter(kind="reply.created")
        last = case.messages.get(author="customer").received_at
        assert event.payload["deliver_until"] == clocks.as_text(last + timedelta(hours=24))
        assert event.payload["by"] == "ai"

    def test_and_elsewhere_that_it_always_is(self, arrive, order):
        arrive(STATUS, order=order, channel="chat")
        assert OutboxEvent.objects.get(kind="reply.created").payload["deliver_until"] is None


class TestConversation:
    """On WhatsApp there are no threads: what is open with a customer is one conversation."""

    @pytest.fixture
    def waiting(self, arrive, order):
        return arrive(MISSING, order=order, channel="whatsapp")

    def more(self, arrive, customer, **fields):
        case = arrive(
            "Hello? I am still waiting for my parcel!", customer=customer, **{"channel": "whatsapp", **fields}
        )
        return case.merged_into

    def test_more_goes_to_what_is_open(self, waiting, arrive, customer):
        assert self.more(arrive, customer) == waiting

    def test_not_by_another_channel(self, waiting, arrive, customer, order):
        factories.OrderFactory(customer=customer)  # so that the order alone does not tell
        assert self.more(arrive, customer, channel="chat") is None

    def test_not_when_it_names_another_order(self, waiting, arrive, customer):
        other = factories.OrderFactory(customer=customer)
        assert arrive(STATUS, order=other, channel="whatsapp").merged_into is None

    def test_not_to_one_of_long_ago(self, waiting, arrive, customer):
        factories.OrderFactory(customer=customer)
        Interaction.objects.update(received_at=timezone.now() - timedelta(hours=25))
        assert self.more(arrive, customer) is None

    def test_not_to_somebody_elses(self, waiting, arrive):
        assert self.more(arrive, factories.CustomerFactory(partner=waiting.partner)) is None
