"""Replies state only facts of the packet: every number, date and amount in them stands in the facts or the order."""

import re

import pytest

from apps.interactions.drafting import replies
from tests import factories
from tests.conftest import COMPLAINT, MISSING, RETURN, STATUS

_FIGURE = re.compile(r"\d[\d,.]*\d|\d")


@pytest.mark.parametrize("text", [STATUS, RETURN, MISSING, COMPLAINT])
@pytest.mark.parametrize("fields", [{"days_ago": 5}, {"days_ago": 47}, {"status": "shipped", "days_ago": 1}, {"status": "placed", "days_ago": -2}, {"status": "cancelled", "days_ago": 4}])  # fmt: skip
def test_every_figure_in_every_option_is_grounded(arrive, customer, text, fields):
    order = factories.OrderFactory(customer=customer, **fields)
    case = arrive(text, order=order)
    packet = case.packets.order_by("-version").first()
    offered = [option["reply_parts"] for option in packet.content["options"]] if packet else []
    for parts in offered:
        free = "".join(words for words, grounded in parts if not grounded)
        assert not _FIGURE.search(free), f"a figure that is no fact of the packet: {free}"
    assert offered or case.state in ("resolved", "awaiting_customer")


def test_a_missing_value_never_leaves_a_hole(partner):
    with pytest.raises(KeyError):
        replies.write(partner, "Mira", "Your order {number} is here.")
    with pytest.raises(KeyError):
        replies.write(partner, "Mira", "Your order {number} is here.", number="")


def test_the_partners_voice_is_used(partner):
    partner.voice_greeting, partner.voice_sign_off = "Dear {name},", "Yours, the {brand} team"
    assert replies.write(partner, "Mira", "Thank you.").text == "Dear Mira,\n\nThank you.\n\nYours, the Lumi Skin team"


def test_words_of_a_customer_are_never_read_as_a_template(partner):
    text = replies.write(partner, "{brand}", "Your order {number} is here.", number="{name}").text
    assert "Hi {brand}," in text
    assert "{name}" in text
