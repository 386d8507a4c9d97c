"""Reach as a supervisor uses it: take, read, decide, take back, and what a refusal keeps."""

import json
import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from apps.interactions import claiming, intake
from apps.interactions.intake import Words
from apps.interactions.models import DecisionRecord, Escalation
from tests import factories
from tests.conftest import ACTOR, COMPLAINT, RETURN


@pytest.fixture
def user(db):
    return factories.supervisor(first_name="Sam")


@pytest.fixture
def browser(user):
    client = Client(headers={"HX-Request": "true"})
    client.force_login(user)
    return client


def form(escalation, **fields):
    escalation = Escalation.objects.get(pk=escalation.pk)
    packet = escalation.interaction.packets.get(state="ready")
    return {"packet_version": packet.version, "lease_token": escalation.lease_token, "option": 0, **fields}


def text(answer):
    return answer.content.decode()


def test_an_empty_queue_says_so(browser, partner):
    page = text(browser.get("/reach/"))
    assert "Nobody is waiting" in page
    assert "Nothing waits" in page


def test_the_queues_sentence_is_the_briefs_question(browser, escalated):
    question = escalated.interaction.packets.get().content["question"]
    page = text(browser.get("/reach/"))
    assert question in page
    assert f'<h1 tabindex="-1">{question}</h1>' in text(browser.get(f"/reach/{escalated.pk}/"))


def test_take_next_opens_the_most_urgent_case_with_everything_the_brief_needs(browser, escalated):
    page = text(browser.post("/reach/next/"))
    for part in ("Why it is here", "<b>permitted</b>", "Days past the window", "17 days", "courier", "Nothing was tried before", 'class="said"', "Conversation",
                 "Timeline", "Terms 1:", "rules and guardrails were tried", "Your remit today", "Refund in full", "84.50"):  # fmt: skip
        assert part in page, part
    assert Escalation.objects.get().state == "claimed"
    trace = text(browser.get(f"/reach/{escalated.pk}/trace/"))
    assert "rules and guardrails were tried" in trace
    assert "Lenient returns" in trace
    packet = json.loads(unescape(text(browser.get(f"/reach/{escalated.pk}/packets/1/"))))
    assert packet == escalated.interaction.packets.get().content


def test_the_times_that_a_holding_reply_names_are_said_to_be_the_brands(browser, escalated):
    type(escalated.partner).objects.update(time_zone="America/New_York")
    said = {"author": "ai", "text": "We are back at 08:00 today.", "sent_at": timezone.now(), "holding": True}
    escalated.interaction.messages.create(**said)
    assert "its times are those of America/New York" in text(browser.get(f"/reach/{escalated.pk}/"))


def test_approving_opens_the_next_case_and_offers_to_take_back(browser, escalated, arrive, order):
    other = factories.OrderFactory(customer=order.customer, days_ago=60)
    second = arrive(RETURN, order=other).escalations.get()
    browser.post("/reach/next/")
    answer = browser.post(f"/reach/{escalated.pk}/decide/", form(escalated))
    assert answer.status_code == 200
    assert "Take back" in text(answer)
    assert answer["HX-Push-Url"] == f"/reach/{second.pk}/"
    assert Escalation.objects.get(pk=second.pk).state == "claimed"


def test_taking_back_opens_the_case_again_and_lets_the_other_go(browser, escalated, arrive, order):
    other = factories.OrderFactory(customer=order.customer, days_ago=60)
    second = arrive(RETURN, order=other).escalations.get()
    browser.post("/reach/next/")
    browser.post(
        f"/reach/{escalated.pk}/decide/",
        form(escalated, option=1, reason_code="other", wrong_part="action", rationale="a loyal one"),
    )
    answer = browser.post(f"/reach/decisions/{DecisionRecord.objects.get().pk}/undo/")
    assert answer.status_code == 200
    assert "a loyal one" in text(answer), "what was typed is kept"
    assert Escalation.objects.get(pk=second.pk).state == "open"


def test_a_refusal_names_what_is_missing_and_keeps_what_was_typed(browser, escalated):
    browser.post("/reach/next/")
    answer = browser.post(f"/reach/{escalated.pk}/decide/", form(escalated, option=1, rationale="my careful words"))
    assert answer.status_code == 409
    assert "choose a reason" in text(answer)
    assert "my careful words" in text(answer)
    assert DecisionRecord.objects.count() == 0


def test_a_stale_packet_is_refused_and_the_words_are_kept(browser, escalated):
    browser.post("/reach/next/")
    data = form(escalated, edited="on", reply="Dear Mira, a long and careful reply.")
    intake.add_message(escalated.interaction, Words("customer", "wait!", timezone.now(), timezone.now()), actor=ACTOR)
    answer = browser.post(f"/reach/{escalated.pk}/decide/", data)
    assert answer.status_code == 409
    assert "a long and careful reply" in text(answer)


def test_asking_the_customer_needs_a_question(browser, escalated):
    browser.post("/reach/next/")
    assert browser.post(f"/reach/{escalated.pk}/ask/", form(escalated)).status_code == 409
    assert browser.post(f"/reach/{escalated.pk}/ask/", form(escalated, question="A photo, please?")).status_code == 200
    assert DecisionRecord.objects.get().how == "asked"


def test_a_note_is_kept_for_whoever_opens_the_case(browser, escalated):
    assert browser.post(f"/reach/{escalated.pk}/note/", {"note": " "}).status_code == 409
    page = text(browser.post(f"/reach/{escalated.pk}/note/", {"note": "Called twice before."}))
    assert "Called twice before." in page


@pytest.mark.parametrize("act", ["skip", "release", "senior", "dismiss"])
def test_letting_go_of_a_case(browser, user, escalated, act):
    token = claiming.claim(user, escalated.pk).lease_token
    answer = browser.post(f"/reach/{escalated.pk}/{act}/", {"lease_token": token, "note": "because"})
    assert answer.status_code == 200
    assert Escalation.objects.get().claimed_by is None or act == "dismiss"


def test_a_case_somebody_holds_can_be_read_and_not_decided(browser, escalated):
    colleague = factories.supervisor(first_name="Ines", last_name="M")
    claiming.claim(colleague, escalated.pk)
    page = text(browser.get(f"/reach/{escalated.pk}/"))
    assert "Ines M already holds this case" in page
    assert "Approve and next" not in page
    assert "with Ines" in text(browser.get("/reach/list/"))


def test_a_case_outside_the_remit_is_not_there(escalated):
    stranger = factories.supervisor(remit={"all_partners": False})
    client = Client()
    client.force_login(stranger)
    assert client.get(f"/reach/{escalated.pk}/").status_code == 404
    assert client.post(f"/reach/{escalated.pk}/claim/").status_code == 404
    assert "Nobody is waiting" in text(client.get("/reach/"))


def test_the_heartbeat_says_when_the_hold_has_lapsed(browser, user, escalated):
    token = claiming.claim(user, escalated.pk).lease_token
    assert browser.post(f"/reach/{escalated.pk}/heartbeat/", {"lease_token": token}).status_code == 204
    Escalation.objects.update(lease_until=timezone.now() - timedelta(minutes=1))
    claiming.release_lapsed()
    answer = browser.post(f"/reach/{escalated.pk}/heartbeat/", {"lease_token": token})
    assert (answer.status_code, "has lapsed" in text(answer)) == (200, True)
    assert browser.post(f"/reach/{escalated.pk}/heartbeat/", {"lease_token": "no token"}).status_code == 400


def test_whoever_comes_back_is_told_what_they_hold_and_decides_nothing_by_the_first_key(browser, user, escalated):
    claiming.claim(user, escalated.pk)
    page = text(browser.get("/reach/"))
    assert "Approve and next" not in page
    assert "You hold one case" in page
    assert escalated.headline in page
    assert "Approve and next" in text(browser.post("/reach/next/"))


def test_what_a_customer_writes_is_shown_as_text(browser, arrive, order):
    case = arrive(f"{COMPLAINT} <script>alert(1)</script>", order=order)
    page = text(browser.get(f"/reach/{case.escalations.get().pk}/"))
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_a_second_person_sees_what_was_proposed_and_by_whom(escalated, browser, user):
    from decimal import Decimal

    user.remit.amount_per_decision = Decimal("10.00")
    user.remit.save()
    browser.post("/reach/next/")
    answer = browser.post(f"/reach/{escalated.pk}/decide/", form(escalated))
    assert "a second person has to agree" in text(answer)
    boss = factories.senior()
    client = Client()
    client.force_login(boss)
    client.post("/reach/next/")
    page = text(client.get(f"/reach/{escalated.pk}/"))
    assert "<b>Sam</b> decided: Refund" in page
    token = Escalation.objects.get().lease_token
    assert client.post(f"/reach/{escalated.pk}/second/", {"lease_token": token, "agree": "yes"}).status_code in (
        200,
        302,
    )
    assert DecisionRecord.objects.get().state == "decided"


def test_today_is_counted_in_the_header(browser, escalated, arrive, order):
    page = text(browser.get("/reach/"))
    assert "<b>1</b> waiting" in page


def test_the_option_that_was_chosen_is_still_chosen_after_a_refusal_and_after_taking_back(browser, escalated):
    browser.post("/reach/next/")
    refused = text(browser.post(f"/reach/{escalated.pk}/decide/", form(escalated, option=3)))
    assert checked(refused) == ["3"]
    browser.post(
        f"/reach/{escalated.pk}/decide/", form(escalated, option=3, reason_code="outside_terms", wrong_part="facts")
    )
    again = text(browser.post(f"/reach/decisions/{DecisionRecord.objects.get().pk}/undo/"))
    assert checked(again) == ["3"]


def checked(page):
    return re.findall(r'name="option" value="(\d+)"[^>]* checked', page)


def test_a_note_leaves_a_half_written_reply_alone(browser, escalated):
    browser.post("/reach/next/")
    page = text(
        browser.post(
            f"/reach/{escalated.pk}/note/", {**form(escalated, edited="on", reply="Dear Mira, half"), "note": "called"}
        )
    )
    assert "Dear Mira, half" in page
