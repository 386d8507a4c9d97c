"""Conversations that go on: answers, silence, and customers who come back."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.utils import timezone

from apps.interactions import claiming, clocks, closing, deciding
from apps.interactions.deciding import Choice
from apps.interactions.models import Interaction, Message
from apps.policies.models import Partner
from tests import factories
from tests.conftest import COMPLAINT, MISSING, STATUS
from tests.deciding import decide, pass_undo_window
from tests.interactions.test_intake import write


def fresh(case):
    return Interaction.objects.get(pk=case.pk)


class TestComingBack:
    def test_what_follows_is_as_public_and_as_verified_as_what_it_follows(self, arrive, order):
        first = arrive(STATUS, order=order)
        Interaction.objects.update(state="closed")
        second = write(first, STATUS)
        Interaction.objects.filter(pk=second.pk).update(state="closed", public=True, sender_verified=None)
        third = write(second, STATUS)
        assert (third.public, third.sender_verified, third.linked_to_id) == (True, None, first.pk)

    def test_also_long_after_and_when_nobody_answered(self, held, drain):
        decision = decide(held)
        pass_undo_window()
        drain()
        Interaction.objects.update(state="closed", resolved_at=None)
        linked = write(decision.interaction, STATUS)
        assert linked.reopened == 0
        drain()
        assert "a person decided this before" in str(fresh(linked).ruling.downgrades)

    def test_thanks_on_an_earlier_case_are_no_contact(self, arrive, order, drain):
        first = arrive(STATUS, order=order)
        write(first, "Thanks!")
        Interaction.objects.update(state="closed")
        again = write(first, STATUS)
        drain()
        assert fresh(again).ruling.facts["case.contacts"]["value"] == 2

    def test_what_was_promised_stays_promised(self, arrive, order, drain, monkeypatch):
        case = arrive(MISSING, order=order)
        promised = case.escalations.get().due_at
        later = timezone.now() + timedelta(minutes=20)
        monkeypatch.setattr(timezone, "now", lambda: later)
        write(case, "Any news? It is still not here.")
        drain()
        assert case.escalations.exclude(state="cancelled").get().due_at == promised

    def test_after_a_person_decided_it_stays_with_people(self, held, drain, order):
        decision = decide(held)
        pass_undo_window()
        drain()
        write(decision.interaction, STATUS)
        drain()
        case = fresh(decision.interaction)
        assert case.state == "awaiting_decision"
        assert "a person decided this before" in str(case.ruling.downgrades)

    def test_on_a_linked_case_too(self, held, drain):
        decision = decide(held)
        pass_undo_window()
        drain()
        Interaction.objects.update(state="closed")
        linked = write(decision.interaction, STATUS)
        drain()
        assert "a person decided this before" in str(fresh(linked).ruling.downgrades)

    def test_on_linked_cases_the_third_contact_is_a_persons(self, arrive, order, drain):
        case, states = arrive(STATUS, order=order), []
        for _ in range(2):
            Interaction.objects.update(state="closed")
            case = write(case, STATUS)
            drain()
            states.append(fresh(case).state)
        assert states == ["resolved", "awaiting_decision"]
        assert "alarm repeated" in str(fresh(case).ruling.downgrades)

    def test_each_hand_over_is_said_once(self, arrive, order, drain, held):
        case = held[1].interaction
        write(case, "Hello? I want my refund.")
        drain()
        assert case.messages.filter(holding=True).count() == 1
        Message.objects.create(interaction=case, author="agent", text="We answered.", sent_at=timezone.now())
        write(case, COMPLAINT)
        drain()
        assert case.messages.filter(holding=True).count() == 2


class TestSilence:
    @pytest.fixture
    def asked(self, arrive, order):
        factories.OrderFactory(customer=order.customer)
        return arrive(STATUS, customer=order.customer)

    def silent(self, monkeypatch, *days):
        began = timezone.now()
        for day in days:
            monkeypatch.setattr(timezone, "now", lambda day=day: began + timedelta(days=day))
            closing.close_quiet()

    @pytest.mark.parametrize(
        ("when_silent", "says"), [("close", "we close this case"), ("person", "a person on our team looks at")]
    )
    def test_the_reminder_says_what_happens_and_when(self, asked, partner, monkeypatch, when_silent, says):
        Partner.objects.update(when_silent=when_silent)
        self.silent(monkeypatch, 8)
        reminder = asked.messages.last()
        by = clocks.day_in_words(partner, timezone.now() + closing.GIVE_UP_AFTER)
        assert f"by {by}, {says}" in reminder.text

    def test_the_case_is_closed(self, asked, monkeypatch):
        self.silent(monkeypatch, 8, 14)
        assert fresh(asked).state == "awaiting_customer"
        self.silent(monkeypatch, 2)
        assert fresh(asked).state == "closed"

    def test_or_a_person_looks_at_it_once(self, asked, drain, monkeypatch):
        Partner.objects.update(when_silent="person")
        self.silent(monkeypatch, 8, 16)
        drain()
        case = fresh(asked)
        assert case.state == "awaiting_decision"
        assert "has not answered" in str(case.ruling.downgrades)
        assert case.packets.get(state="ready")

    def test_a_new_question_has_a_clock_of_its_own(self, asked, drain, monkeypatch):
        Partner.objects.update(when_silent="person")
        self.silent(monkeypatch, 8, 16)
        drain()
        user, escalation = factories.supervisor(), asked.escalations.get()
        packet = asked.packets.get(state="ready")
        claimed = claiming.claim(user, escalation.pk)
        options = [option["action"] for option in packet.content["options"]]
        again = {"option": options.index("ask_customer"), "reply": "Which order do you mean?"}
        deciding.decide(user, escalation.pk, Choice(packet.version, claimed.lease_token, **again))
        pass_undo_window()
        drain()
        case = fresh(asked)
        assert (case.state, case.reminded_at) == ("awaiting_customer", None)

    def test_a_person_who_takes_it_up_answers_in_time_to_come(self, asked, drain, monkeypatch):
        Partner.objects.update(when_silent="person")
        self.silent(monkeypatch, 8, 16)
        drain()
        assert asked.escalations.get().due_at > timezone.now()

    def test_an_answer_just_before_that_is_an_answer(self, asked, order, drain, monkeypatch):
        Partner.objects.update(when_silent="person")
        self.silent(monkeypatch, 8, 16)
        write(asked, f"Sorry, it is {order.number}: where is my order?")
        drain()
        assert fresh(asked).state == "resolved"

    def test_nobody_is_named_in_public(self, asked, monkeypatch):
        Interaction.objects.filter(pk=asked.pk).update(public=True)
        self.silent(monkeypatch, 8)
        assert asked.messages.last().text.startswith("Hi there,")

    def test_whoever_answers_after_the_reminder_is_read_as_ever(self, asked, order, drain, monkeypatch):
        Partner.objects.update(when_silent="person")
        self.silent(monkeypatch, 8)
        write(asked, f"It is {order.number}, where is my order?")
        drain()
        assert fresh(asked).state == "resolved"

    def test_a_message_of_the_customer_starts_the_clock_anew(self, asked, monkeypatch):
        Message.objects.filter(interaction=asked).update(created_at=timezone.now() + timedelta(days=5))
        self.silent(monkeypatch, 8)
        assert fresh(asked).reminded_at is None


class TestByWhen:
    @pytest.mark.parametrize(
        ("at", "minutes", "by"),
        [
            (datetime(2026, 11, 24, 10, 0, tzinfo=UTC), 60, datetime(2026, 11, 24, 11, 0, tzinfo=UTC)),
            (datetime(2026, 11, 24, 15, 30, tzinfo=UTC), 60, datetime(2026, 11, 25, 8, 30, tzinfo=UTC)),
            (datetime(2026, 11, 27, 20, 0, tzinfo=UTC), 600, datetime(2026, 12, 1, 10, 0, tzinfo=UTC)),
        ],
    )
    def test_minutes_pass_while_people_are_there(self, at, minutes, by):
        brand = Partner(
            time_zone="Europe/Amsterdam", opens_at=time(9), closes_at=time(17), staffed_weekdays=[0, 1, 2, 3, 4]
        )
        assert clocks.after(brand, at, minutes) == by

    @pytest.mark.parametrize(("day", "hours"), [((2026, 3, 28), 23), ((2026, 10, 24), 25)])
    def test_a_day_in_which_the_clocks_change_is_as_long_as_it_is(self, day, hours):
        brand = Partner(time_zone="Europe/Amsterdam", opens_at=time(0), closes_at=time(0))
        noon = datetime(*day, 12, tzinfo=brand.zone)
        assert clocks.after(brand, noon, hours * 60) == noon + timedelta(days=1)  # the same time on the wall

    def test_a_time_is_said_in_quarters(self):
        at = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
        assert [clocks.rounded_up(at + timedelta(minutes=m)).minute for m in (0, 1, 15, 16, 46)] == [0, 15, 15, 30, 0]

    def test_the_customer_is_told_the_time_at_which_the_case_is_due(self, arrive, order, partner):
        case = arrive(MISSING, order=order)
        assert case.resolve_by is not None
        due = clocks.rounded_up(case.resolve_by)
        said = case.messages.get(holding=True)
        assert f" you by {clocks.time_in_words(partner, due, case.received_at)}" in said.text
