"""When people answer next, in the brand's own calendar and time zone."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.utils import timezone

from apps.interactions import clocks, closing
from apps.interactions.models import Interaction
from apps.policies.models import Partner
from tests import factories
from tests.conftest import STATUS


@pytest.fixture
def brand():
    return Partner(
        name="Lumi", time_zone="Europe/Amsterdam", opens_at=time(9), closes_at=time(17), staffed_weekdays=[0, 1, 2, 3, 4],
        holidays=["2026-12-25"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("at", "starts"),
    [
        (datetime(2026, 11, 24, 10, 0, tzinfo=UTC), datetime(2026, 11, 24, 10, 0, tzinfo=UTC)),  # open
        (datetime(2026, 11, 24, 5, 0, tzinfo=UTC), datetime(2026, 11, 24, 8, 0, tzinfo=UTC)),  # before opening
        (datetime(2026, 11, 24, 16, 0, tzinfo=UTC), datetime(2026, 11, 25, 8, 0, tzinfo=UTC)),  # closed at 17:00 local
        (datetime(2026, 11, 27, 20, 0, tzinfo=UTC), datetime(2026, 11, 30, 8, 0, tzinfo=UTC)),  # over the weekend
        (datetime(2026, 12, 24, 20, 0, tzinfo=UTC), datetime(2026, 12, 28, 8, 0, tzinfo=UTC)),  # holiday and weekend
        (datetime(2026, 3, 28, 20, 0, tzinfo=UTC), datetime(2026, 3, 30, 7, 0, tzinfo=UTC)),  # the clocks went forward
    ],
)
def test_the_next_staffed_time(brand, at, starts):
    assert clocks.next_staffed(brand, at) == starts


def test_a_calendar_without_a_day_does_not_loop(brand):
    brand.staffed_weekdays = [9]
    at = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
    assert clocks.next_staffed(brand, at) == at


def test_quiet_cases_close_and_questions_are_remembered_once(arrive, order, partner):
    done = arrive(STATUS, order=order)
    factories.OrderFactory(customer=order.customer)
    asked = arrive(STATUS, customer=order.customer)
    assert closing.close_quiet() == 0
    long_ago = timezone.now() - timedelta(days=9)
    Interaction.objects.filter(pk=done.pk).update(resolved_at=long_ago)
    Interaction.objects.filter(pk=asked.pk).update(reminded_at=long_ago)
    closing.close_quiet()
    assert {case.state for case in Interaction.objects.filter(pk__in=[done.pk, asked.pk])} == {"closed"}


def test_an_unanswered_question_is_reminded_of_once_and_then_waited_for_again(arrive, order, monkeypatch):
    factories.OrderFactory(customer=order.customer)
    asked = arrive(STATUS, customer=order.customer)
    in_eight_days = timezone.now() + timedelta(days=8)
    monkeypatch.setattr(timezone, "now", lambda: in_eight_days)
    closing.close_quiet()
    closing.close_quiet()
    case = Interaction.objects.get(pk=asked.pk)
    assert (case.state, case.reminded_at) == ("awaiting_customer", in_eight_days)
    assert case.messages.filter(text__contains="still waiting for your answer").count() == 1


def test_hours_past_midnight_belong_to_the_day_they_began(brand):
    brand.opens_at, brand.closes_at = time(18), time(2)
    after_midnight = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)  # 01:30 local, Monday's hours
    assert clocks.is_open(brand, after_midnight)
    assert not clocks.is_open(brand, datetime(2026, 11, 24, 2, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("zone", "words"),
    [("Europe/Amsterdam", "09:30 CEST today"), ("Asia/Dubai", "11:30 UTC+04:00 today"), ("UTC", "07:30 UTC today")],
)
def test_a_time_says_whose_it_is(partner, zone, words):
    partner.time_zone = zone
    now = datetime(2026, 7, 1, 7, tzinfo=UTC)
    assert clocks.time_in_words(partner, now + timedelta(minutes=30), now) == words
