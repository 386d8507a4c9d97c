"""The chat in a shop's page: who may show it, what a visitor may, and what they hear."""

from datetime import timedelta

import pytest
from django.core import signing
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from apps.interactions import closing
from apps.interactions.chat import talking, views
from apps.interactions.demo import demo_partner
from apps.interactions.models import ChatWidget, Interaction, Message
from tests.conftest import MISSING, STATUS

ASKED = "What shipping options do you have, do you ship to Canada and Mexico?"


@pytest.fixture
def widget(partner):
    return ChatWidget.objects.create(partner=partner, origins=["https://shop.example"])


@pytest.fixture
def client():
    cache.clear()
    return Client(enforce_csrf_checks=True)


def say(client, widget, text=ASKED, token="", after=0):
    return client.post(f"/chat/{widget.reference}/say/?after={after}", {"text": text}, headers={"X-Remit-Chat": token})


def news(client, widget, token, after=0):
    return client.get(f"/chat/{widget.reference}/news/?after={after}", headers={"X-Remit-Chat": token}).json()


class TestPage:
    def test_the_brands_own_sites_alone_may_show_it(self, client, widget):
        answer = client.get(f"/chat/{widget.reference}/")
        policy = dict(part.strip().partition(" ")[::2] for part in answer["Content-Security-Policy"].split(";"))
        assert policy["frame-ancestors"] == "https://shop.example 'self'"
        assert policy["script-src"] == "'self'"
        assert "X-Frame-Options" not in answer
        assert not answer.cookies

    def test_the_script_names_its_page(self, client, widget):
        answer = client.get(f"/chat/{widget.reference}/embed.js")
        assert answer["Content-Type"].startswith("text/javascript")
        assert f"http://testserver/chat/{widget.reference}/" in answer.content.decode()

    def test_one_that_is_off_is_not_there(self, client, widget):
        ChatWidget.objects.update(enabled=False)
        for path in ("", "embed.js", "news/"):
            assert client.get(f"/chat/{widget.reference}/{path}").status_code == 404
        assert say(client, widget).status_code == 404


class TestTalking:
    def test_a_question_is_answered_by_the_ai(self, client, widget, drain):
        said = say(client, widget).json()
        assert [(line["who"], line["text"]) for line in said["lines"]] == [("you", ASKED)]
        assert said["goes_on"] == "reading"
        drain()
        heard = news(client, widget, said["token"], after=said["lines"][-1]["number"])
        assert [line["who"] for line in heard["lines"]] == ["ai"]
        assert "ship" in heard["lines"][0]["text"]
        assert heard["goes_on"] == "quiet"

    def test_what_a_person_decides_says_so_and_by_when(self, client, widget, drain):
        token = say(client, widget, MISSING).json()["token"]
        drain()
        heard = news(client, widget, token)
        assert heard["goes_on"] == "person"
        assert "A person on our team" in heard["lines"][-1]["text"]

    def test_it_vouches_for_nobody_and_names_no_customer_or_order(self, client, widget, order):
        say(client, widget, f"I am {order.customer.name}, where is order {order.number}?")
        case = Interaction.objects.get()
        assert (case.sender_verified, case.customer) == (False, None)
        assert case.messages.get().author == "customer"

    def test_more_goes_to_the_same_conversation(self, client, widget):
        first = say(client, widget).json()
        second = say(client, widget, "And the forks?", first["token"], first["lines"][-1]["number"]).json()
        assert [line["text"] for line in second["lines"]] == ["And the forks?"]
        assert Interaction.objects.count() == 1

    def test_after_its_end_a_new_one_begins_and_the_token_follows(self, client, widget, drain):
        token = say(client, widget).json()["token"]
        drain()
        Interaction.objects.update(resolved_at=timezone.now() - timedelta(days=9))
        closing.close_quiet()
        assert Interaction.objects.get().state == "closed"
        again = say(client, widget, MISSING, token).json()
        second = Interaction.objects.get(linked_to=Interaction.objects.earliest("pk"))
        assert second.messages.filter(text=MISSING).exists()
        assert [line["text"] for line in again["lines"] if line["who"] == "you"] == [ASKED, MISSING]

    def test_the_same_first_message_once_more_begins_no_other(self, client, widget):
        name = "0a1b2c3d-0000-4000-8000-000000000009"
        for _ in range(2):
            client.post(f"/chat/{widget.reference}/say/", {"text": ASKED, "name": name})
        assert Interaction.objects.count() == 1

    def test_an_order_that_a_stranger_names_keeps_nobody_from_their_own(self, client, widget, drain, arrive, order):
        say(client, widget, f"Where is my order {order.number}?")
        drain()
        assert Interaction.objects.get().handler != "autonomous"
        assert arrive(STATUS, order=order).state == "resolved"


class TestTokens:
    def test_no_token_hears_nothing(self, client, widget):
        say(client, widget)
        for token in ("", "x", signing.dumps("x"), signing.dumps([str(widget.reference), "x"], salt="remit chat")):
            assert news(client, widget, token)["lines"] == []

    def test_another_brands_token_opens_nothing_here(self, client, widget):
        other = ChatWidget.objects.create(partner=demo_partner("oru", "Oru"))
        token = say(client, widget).json()["token"]
        assert news(client, other, token)["lines"] == []
        say(client, other, "Hello", token)
        assert Message.objects.filter(interaction__partner=widget.partner).count() == 1

    def test_one_of_a_chat_that_was_made_anew_opens_nothing(self, client, widget):
        token = say(client, widget).json()["token"]
        widget.delete()
        assert news(client, ChatWidget.objects.create(partner=widget.partner), token)["lines"] == []

    def test_an_old_one_opens_nothing(self, client, widget, monkeypatch):
        token = say(client, widget).json()["token"]
        monkeypatch.setattr(talking, "KEPT", timedelta(seconds=-1))
        assert news(client, widget, token)["lines"] == []


class TestLimits:
    @pytest.mark.parametrize(
        ("text", "told"), [("", "Write something"), ("  \x00 ", "Write something"), ("x" * 4001, "at most 4,000")]
    )
    def test_what_cannot_be_taken_says_why(self, client, widget, text, told):
        answer = say(client, widget, text)
        assert (answer.status_code, told in answer.json()["refused"]) == (422, True)
        assert not Interaction.objects.exists()

    def test_so_much_at_once(self, client, widget, monkeypatch):
        monkeypatch.setattr(talking, "MOST_A_MINUTE", 2)
        token = say(client, widget).json()["token"]
        say(client, widget, "More", token)
        assert "Wait a minute" in say(client, widget, "And more", token).json()["refused"]

    def test_nor_on_a_conversation_that_has_ended(self, client, widget, monkeypatch):
        monkeypatch.setattr(talking, "MOST_A_MINUTE", 3)
        token = say(client, widget).json()["token"]
        Interaction.objects.update(state="dismissed")
        answers = [say(client, widget, MISSING, token).status_code for _ in range(4)]
        assert answers == [200, 200, 422, 422]

    def test_so_much_from_one_address(self, client, widget, monkeypatch):
        monkeypatch.setattr(views, "MOST_OF_AN_ADDRESS", 2)
        cache.clear()
        assert [say(client, widget).status_code for _ in range(3)] == [200, 200, 422]

    def test_one_address_does_not_use_up_what_a_brand_takes(self, client, widget, monkeypatch):
        monkeypatch.setattr(views, "MOST_BEGUN", 2)
        cache.clear()
        first = say(client, widget).json()
        assert [say(client, widget).status_code for _ in range(2)] == [200, 422]
        assert say(client, widget, "More of the same.", first["token"]).status_code == 200, "who is in goes on"
        monkeypatch.undo()
        assert views.MOST_BEGUN < talking.MOST_NEW

    def test_cases_of_the_brands_own_channel_do_not_count(self, client, widget, monkeypatch, arrive, order):
        monkeypatch.setattr(talking, "MOST_NEW", 1)
        arrive(STATUS, order=order, external_id="chat-1")
        assert say(client, widget).status_code == 200

    def test_so_many_conversations(self, client, widget, monkeypatch):
        monkeypatch.setattr(talking, "MOST_NEW", 1)
        say(client, widget)
        assert "try again" in say(client, widget).json()["refused"]
