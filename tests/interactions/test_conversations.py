"""Conversations that go on: thanks, answers, silence, and customers who come back."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.utils import timezone

from apps.interactions import claiming, clocks, closing, courtesies, deciding
from apps.interactions.deciding import Choice
from apps.interactions.models import Interaction, Message
from apps.policies.models import AuditEntry, Partner
from tests import factories
from tests.conftest import COMPLAINT, MISSING, STATUS
from tests.interactions.test_deciding import decide, pass_undo_window
from tests.interactions.test_intake import write


def fresh(case):
    return Interaction.objects.get(pk=case.pk)


@pytest.mark.parametrize(
    "text",
    ["Thanks!", "thx 👍", "🙏", "Perfect, thank you for your quick reply", "Hi team, many thanks. Best regards, Mira",
     "That's great news, thank you so much!", "ok", "Got it, cheers", "Merci beaucoup", "Thank you.\n\nMira Solano"],
)  # fmt: skip
def test_what_asks_nothing(text):
    assert courtesies.asks_nothing(text, ["Mira Solano", "Mira", "Solano"])


@pytest.mark.parametrize(
    "text",
    ["Thanks, but where is it", "thanks?", "Thanks for nothing", "no thanks", "Thank you, it arrived broken", "Hello",
     "thank you, still waiting", "Thanks. 1047", "...", "", "Thanks, Piet", "ok " * 80],
)  # fmt: skip
def test_what_does_not_only_thank(text):
    assert not courtesies.asks_nothing(text, ["Mira"])


class TestThanks:
    @pytest.fixture
    def resolved(self, arrive, order):
        case = arrive(STATUS, order=order)
        assert case.state == "resolved"
        return case

    def test_close_and_open_nothing_after_an_answer(self, resolved, drain):
        write(resolved, "Perfect, thank you!")
        drain()
        case = fresh(resolved)
        assert (case.state, case.reopened, case.resolved_at) == ("resolved", 0, resolved.resolved_at)
        assert AuditEntry.objects.filter(event="thanked").count() == 1
        assert case.messages.last().text == "Perfect, thank you!"

    @pytest.mark.parametrize("state", ["closed", "dismissed"])
    def test_open_nothing_after_the_end(self, resolved, drain, state):
        Interaction.objects.filter(pk=resolved.pk).update(state=state)
        assert write(resolved, "Thanks!").pk == resolved.pk
        drain()
        assert Interaction.objects.count() == 1
        assert fresh(resolved).state == state

    def test_as_an_interaction_of_their_own_go_to_the_latest_case(self, resolved, arrive, order):
        factories.OrderFactory(customer=order.customer)  # so that no order leads there
        thanks = arrive("Thanks a lot!", customer=order.customer)
        assert (thanks.state, thanks.merged_into_id) == ("merged", resolved.pk)
        assert fresh(resolved).state == "resolved"

    def test_said_in_public_do_not_make_the_case_public(self, arrive, order):
        case = arrive(MISSING, order=order)
        thanks = arrive("Thanks!", order=order, public=True, audience=500, sender_verified=None)
        assert thanks.merged_into_id == case.pk
        assert (fresh(case).public, fresh(case).sender_verified) == (False, True)

    def test_from_somebody_without_a_case_go_to_a_person(self, arrive, customer):
        assert arrive("Thanks a lot!", customer=customer).state == "awaiting_decision"

    def test_take_nothing_back_from_whoever_decides(self, held, drain):
        decision = decide(held)
        write(decision.interaction, "ok, thank you")
        pass_undo_window()
        drain()
        assert decision.interaction.decisions.get().state == "executed"
        assert fresh(decision.interaction).state == "resolved"

    def test_are_no_answer_to_a_question_but_ok_may_be_one(self, arrive, order):
        factories.OrderFactory(customer=order.customer)
        asked = arrive(STATUS, customer=order.customer)
        write(asked, "Thanks!")
        assert fresh(asked).state == "awaiting_customer"
        write(asked, "ok")
        assert fresh(asked).state == "received"

    def test_are_no_contact_on_the_matter(self, resolved, drain):
        for text in ("Thanks!", "And when does it arrive? Where is my order?"):
            write(resolved, text)
            drain()
        assert fresh(resolved).ruling.facts["case.contacts"]["value"] == 2


class TestComingBack:
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
        due = clocks.rounded_up(case.escalations.get().due_at)
        said = case.messages.get(holding=True)
        assert f"answers you by {clocks.time_in_words(partner, due, case.received_at)}" in said.text
