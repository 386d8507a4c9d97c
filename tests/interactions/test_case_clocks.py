"""The clocks of a case: first reply and resolution, over the brand's calendar, still while the customer is asked."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.utils import timezone

from apps.interactions import case_clocks, clocks, deciding
from apps.interactions.models import CaseTypeSetting, Escalation, Interaction
from apps.policies.models import Partner
from tests.conftest import MISSING, STATUS
from tests.deciding import choice
from tests.interactions.test_intake import write

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # a Tuesday


@pytest.fixture
def brand():
    """Weekdays from nine to five, in a zone where noon is noon."""
    return Partner(name="Lumi", time_zone="UTC", opens_at=time(9), closes_at=time(17), staffed_weekdays=[0, 1, 2, 3, 4])


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [(NOON, NOON + timedelta(hours=2), 120), (NOON, NOON + timedelta(hours=20), 300), (NOON, NOON + timedelta(hours=22), 360),
     (NOON, NOON + timedelta(days=7), 5 * 480), (NOON, NOON - timedelta(hours=1), 0), (NOON, NOON + timedelta(seconds=1), 1)],
)  # fmt: skip
def test_only_staffed_minutes_count(brand, start, end, minutes):
    assert clocks.staffed_minutes(brand, start, end) == minutes


def test_staffed_minutes_and_the_clock_that_counts_them_agree(brand):
    for minutes in (1, 59, 300, 301, 2400, 5000):
        assert clocks.staffed_minutes(brand, NOON, clocks.after(brand, NOON, minutes)) == minutes


class TestClock:
    def run(self, row, brand, at):
        return case_clocks.run(row, brand, at, reply_minutes=60, resolve_minutes=240)

    def test_the_first_reply_comes_due_first(self, brand):
        row = Interaction()
        assert self.run(row, brand, NOON) == row.reply_by == NOON + timedelta(hours=1)
        assert row.resolve_by == NOON + timedelta(hours=4)

    def test_writing_more_moves_no_clock_to_later(self, brand):
        row = Interaction()
        self.run(row, brand, NOON)
        assert self.run(row, brand, NOON + timedelta(hours=2)) == NOON + timedelta(hours=1)
        assert row.resolve_by == NOON + timedelta(hours=4)

    def test_it_stands_still_while_the_customer_is_asked(self, brand):
        row = Interaction()
        self.run(row, brand, NOON)
        case_clocks.stop(row, brand, NOON + timedelta(hours=1))
        assert (row.reply_by, row.resolve_by, row.minutes_left) == (None, None, 180)
        answered = NOON + timedelta(days=7)
        assert self.run(row, brand, answered) == answered + timedelta(hours=3)
        assert (row.reply_by, row.minutes_left) == (None, None), "the question was a reply"

    def test_what_comes_back_more_urgent_has_no_longer_than_that(self, brand):
        row = Interaction()
        self.run(row, brand, NOON)
        case_clocks.stop(row, brand, NOON + timedelta(hours=1))
        answered = NOON + timedelta(days=7)
        assert case_clocks.run(row, brand, answered, reply_minutes=60, resolve_minutes=15) == answered + timedelta(
            minutes=15
        )

    def test_a_clock_that_had_run_out_is_out_when_the_customer_answers(self, brand):
        row = Interaction()
        self.run(row, brand, NOON)
        case_clocks.stop(row, brand, NOON + timedelta(hours=30))
        assert self.run(row, brand, NOON + timedelta(days=7)) == NOON + timedelta(days=7)


class TestCase:
    def test_a_case_that_people_handle_has_both_clocks_by_its_type(self, arrive, order, partner):
        CaseTypeSetting.objects.filter(case_type="delivery_dispute").update(first_reply_minutes=20, due_minutes=45)
        row = arrive(MISSING, order=order)
        waiting = row.escalations.get()
        start = max(waiting.opened_at, row.received_at)
        assert waiting.due_at == waiting.reply_by == clocks.after(partner, start, 20)
        assert row.resolve_by == clocks.after(partner, start, 45)

    def test_what_the_ai_resolves_has_none(self, arrive, order):
        row = arrive(STATUS, order=order)
        assert (row.reply_by, row.resolve_by, row.minutes_left) == (None, None, None)

    def test_asking_stops_the_clock_and_the_answer_lets_it_go_on(self, held, partner, drain, monkeypatch):
        user, escalation = held
        deciding.decide(user, escalation.pk, choice(escalation, question="Could you send us a photo?"))
        later = timezone.now() + timedelta(minutes=1)
        with monkeypatch.context() as at_commit:
            at_commit.setattr(timezone, "now", lambda: later)
            drain()
        row = Interaction.objects.get(pk=escalation.interaction_id)
        assert row.state == "awaiting_customer"
        assert row.resolve_by is None
        left = row.minutes_left
        assert left > 0
        write(row, "I have no camera. What about my refund?")
        drain()
        again = Escalation.objects.get(interaction=row, state="open")
        assert clocks.staffed_minutes(partner, again.opened_at, again.due_at) == pytest.approx(left, abs=1)
        assert not again.reply_is_due

    def test_a_resolved_case_that_comes_back_has_clocks_of_its_own(self, held, drain, monkeypatch):
        user, escalation = held
        deciding.decide(user, escalation.pk, choice(escalation))
        later = timezone.now() + timedelta(minutes=1)
        with monkeypatch.context() as at_commit:
            at_commit.setattr(timezone, "now", lambda: later)
            drain()
        row = Interaction.objects.get(pk=escalation.interaction_id)
        assert (row.state, row.reply_by, row.resolve_by) == ("resolved", None, None)
        assert Escalation.objects.get(pk=escalation.pk).closed_at is not None
        write(row, MISSING)
        drain()
        assert Escalation.objects.get(interaction=row, state="open").reply_is_due
