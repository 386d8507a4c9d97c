"""Holding a case: presence, leaving, handing on to a person, and what changed while it was open."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.interactions import claiming, intake
from apps.interactions.intake import Words
from apps.interactions.models import Escalation, Message, Note
from apps.policies.errors import Refused
from apps.reach import presence
from apps.reach.models import Presence
from tests import factories
from tests.conftest import ACTOR, RETURN, browser, page
from tests.reach.test_reach import form


@pytest.fixture
def user(db):
    return factories.supervisor(first_name="Sam")


@pytest.fixture
def client(user):
    client = browser(user)
    client.defaults["HTTP_HX_REQUEST"] = "true"
    return client


def write(escalation, text):
    now = timezone.now()
    intake.add_message(escalation.interaction, Words("customer", text, now, now), actor=ACTOR)


class TestPresence:
    def test_others_see_who_has_the_case_open_for_as_long_as_the_page_says_so(self, client, escalated):
        ines = factories.supervisor(first_name="Ines")
        browser(ines).post(f"/reach/{escalated.pk}/heartbeat/")
        assert "Ines has this case open too" in page(client, f"/reach/{escalated.pk}/")
        Presence.objects.update(seen_at=timezone.now() - presence.GONE_AFTER)
        assert "open too" not in page(client, f"/reach/{escalated.pk}/")

    def test_nobody_is_shown_to_themselves(self, client, user, escalated):
        client.post(f"/reach/{escalated.pk}/heartbeat/")
        assert "open too" not in page(client, f"/reach/{escalated.pk}/")


class TestLeaving:
    def test_a_closed_page_lets_the_case_go_soon(self, client, user, escalated):
        token = claiming.claim(user, escalated.pk).lease_token
        assert client.post(f"/reach/{escalated.pk}/leave/", {"lease_token": token}).status_code == 204
        assert Escalation.objects.get().lease_until < timezone.now() + timedelta(seconds=30)

    def test_a_page_that_is_loaded_anew_keeps_it(self, client, user, escalated):
        token = claiming.claim(user, escalated.pk).lease_token
        client.post(f"/reach/{escalated.pk}/leave/", {"lease_token": token})
        client.post(f"/reach/{escalated.pk}/heartbeat/", {"lease_token": token})
        assert Escalation.objects.get().lease_until > timezone.now() + timedelta(seconds=90)

    def test_a_decision_in_its_undo_window_stays_held(self, client, user, escalated):
        client.post("/reach/next/")
        client.post(f"/reach/{escalated.pk}/decide/", form(escalated))
        before = Escalation.objects.get()
        client.post(f"/reach/{escalated.pk}/leave/", {"lease_token": before.lease_token})
        assert Escalation.objects.get().lease_until == before.lease_until

    def test_leaving_what_is_not_held_changes_nothing(self, client, escalated):
        assert client.post(f"/reach/{escalated.pk}/leave/", {"lease_token": "no token"}).status_code == 204
        assert Escalation.objects.get().state == "open"


class TestHandingOn:
    def test_a_colleague_gets_it_with_a_note(self, client, user, escalated):
        ines = factories.supervisor(first_name="Ines")
        token = claiming.claim(user, escalated.pk).lease_token
        assert "Ines" in page(client, f"/reach/{escalated.pk}/colleagues/")
        client.post(
            f"/reach/{escalated.pk}/hand/", {"lease_token": token, "colleague": ines.pk, "note": "speaks with them"}
        )
        waiting = Escalation.objects.get()
        assert (waiting.state, waiting.handed_to) == ("open", ines)
        assert Note.objects.get().text == "speaks with them"
        assert "handed to you" in page(browser(ines), "/reach/list/")

    @pytest.mark.parametrize(
        ("colleague", "note", "said"),
        [("", "a note", "Choose whom"), ("ines", " ", "what they should know"), ("stranger", "a note", "may not decide"),
         ("manager", "a note", "may not decide"), ("user", "a note", "may not decide")],
    )  # fmt: skip
    def test_what_is_missing_or_not_allowed_is_said(self, client, user, escalated, colleague, note, said):
        people = {
            "": "", "user": user.pk, "ines": factories.supervisor().pk, "manager": factories.ops_manager().pk,
            "stranger": factories.supervisor(remit={"all_partners": False}).pk,
        }  # fmt: skip
        token = claiming.claim(user, escalated.pk).lease_token
        answer = client.post(
            f"/reach/{escalated.pk}/hand/", {"lease_token": token, "colleague": people[colleague], "note": note}
        )
        assert answer.status_code == 409
        assert said in answer.content.decode()
        assert Escalation.objects.get().state == "claimed"

    def test_what_was_handed_is_everybodys_again_once_it_arrived_and_was_let_go(self, escalated, user):
        ines, other = factories.supervisor(), factories.supervisor()
        claiming.hand_to(user, escalated.pk, claiming.claim(user, escalated.pk).lease_token, ines, "yours")
        claiming.release(ines, escalated.pk, claiming.claim(ines, escalated.pk).lease_token)
        assert claiming.take_next(other) == escalated

    def test_what_was_handed_on_to_seniors_is_theirs(self, escalated, user):
        ines, boss = factories.supervisor(), factories.senior()
        claiming.hand_to(user, escalated.pk, claiming.claim(user, escalated.pk).lease_token, ines, "yours")
        claiming.hand_to_senior(ines, escalated.pk, claiming.claim(ines, escalated.pk).lease_token, "too much for me")
        assert claiming.take_next(boss) == escalated

    def test_a_seniors_case_goes_to_seniors_only(self, escalated):
        boss, other = factories.senior(), factories.supervisor()
        Escalation.objects.update(seniority="senior")
        held = claiming.claim(boss, escalated.pk)
        with pytest.raises(Refused, match="may not decide"):
            claiming.hand_to(boss, escalated.pk, held.lease_token, other, "a note")

    def test_a_skipped_case_comes_back_to_whom_it_is_handed(self, escalated, user):
        ines = factories.supervisor()
        claiming.release(ines, escalated.pk, claiming.claim(ines, escalated.pk).lease_token, skip=True)
        claiming.hand_to(user, escalated.pk, claiming.claim(user, escalated.pk).lease_token, ines, "yours after all")
        assert claiming.take_next(ines) == escalated


class TestWhatChanged:
    def test_a_stale_packet_is_refused_with_what_changed_and_what_was_typed(self, client, escalated, drain):
        client.post("/reach/next/")
        data = form(escalated, edited="on", reply="Dear Mira, a careful reply.")
        write(escalated, "The box also arrived broken, I attach no photo.")
        waiting = client.post(f"/reach/{escalated.pk}/decide/", data)
        assert waiting.status_code == 409
        assert "The customer wrote: “The box also arrived broken" in waiting.content.decode(), "before it is read again"
        drain()
        answer = client.post(f"/reach/{escalated.pk}/decide/", data).content.decode()
        assert "New since packet 1" in answer
        assert "The customer wrote: “The box also arrived broken" in answer
        assert "Dear Mira, a careful reply." in answer

    def test_a_fact_that_changed_is_named_with_what_it_was(self, client, escalated, order, drain):
        order.delivered_at = timezone.now() - timedelta(days=50)
        order.save()
        write(escalated, "Any news on my return?")
        drain()
        shown = page(client, f"/reach/{Escalation.objects.get(state='open').pk}/")
        assert "Days past the window: 20 days, was 17 days" in shown
        assert "The question was: Refund 84.50 USD" in shown

    def test_the_first_packet_has_nothing_new(self, client, escalated):
        assert "New since" not in page(client, f"/reach/{escalated.pk}/")


def test_a_long_conversation_folds_what_lies_between_the_first_and_the_last_few(client, escalated):
    now = timezone.now()
    Message.objects.bulk_create(
        Message(
            interaction=escalated.interaction, author="customer", text=f"line {n}", sent_at=now + timedelta(seconds=n)
        )
        for n in range(10)
    )
    shown = page(client, f"/reach/{escalated.pk}/")
    total = escalated.interaction.messages.count()
    assert f"{total - 6} messages in between" in shown
    assert all(f"line {n}" in shown for n in range(10))


class TestLookingAhead:
    def test_the_next_case_is_shown_and_stays_everybodys(self, client, user, escalated, arrive, order):
        other = arrive(RETURN, order=factories.OrderFactory(customer=order.customer, days_ago=47)).escalations.get()
        claiming.claim(user, escalated.pk)
        shown = client.get("/reach/peek/").content.decode()
        assert other.headline in shown
        assert "Approve and next" not in shown
        assert Escalation.objects.get(pk=other.pk).state == "open"

    def test_it_follows_the_filters_and_nothing_more_is_empty(self, client, escalated):
        assert client.get("/reach/peek/?view=type%3Dcomplaint").status_code == 204
        assert escalated.headline in client.get("/reach/peek/?view=type%3Drefund_exception").content.decode()
