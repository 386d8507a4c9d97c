"""Clocks: when people answer next, and by when a case has to be decided."""

import math
from datetime import UTC, datetime, timedelta

from apps.policies.models import Partner


def next_staffed(partner: Partner, at: datetime) -> datetime:
    """The first moment from `at` on at which people of the brand answer, in its time zone."""
    return _next_hours(partner, at)[0]


def after(partner: Partner, at: datetime, minutes: int) -> datetime:
    """When so many minutes of the hours in which people answer have passed. Counted in UTC: a night in which the clocks
    change is as long as it is."""
    left = timedelta(minutes=minutes)
    while True:
        starts, ends = (moment.astimezone(UTC) for moment in _next_hours(partner, at))
        if starts + left <= ends or ends <= starts:
            return starts + left
        left, at = left - (ends - starts), ends


def staffed_minutes(partner: Partner, start: datetime, end: datetime) -> int:
    """How many minutes of the hours in which people answer lie between two moments; a started one counts. At most a
    thousand days of hours are counted."""
    total = timedelta(0)
    for _ in range(1000):
        opens, closes = (moment.astimezone(UTC) for moment in _next_hours(partner, start))
        if opens >= end:
            break
        if closes <= opens:  # a calendar without a staffed day: the plain time counts
            total += end - opens
            break
        total += min(closes, end) - opens
        start = closes
    return math.ceil(total / timedelta(minutes=1))


def rounded_up(at: datetime) -> datetime:
    """To the next quarter of an hour, as a person would say it."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    return hour + math.ceil((at - hour) / _QUARTER) * _QUARTER


_QUARTER = timedelta(minutes=15)


def _next_hours(partner: Partner, at: datetime) -> tuple[datetime, datetime]:
    """From when on, at the earliest at `at`, and until when people answer."""
    local = at.astimezone(partner.zone)
    for days in range(-1, 30):  # from yesterday, whose hours may run past midnight; a month without a
        # staffed day is a mistake in the calendar, and then the plain time is said
        day = (local + timedelta(days=days)).date()
        if not _is_staffed(partner, day.weekday(), day.isoformat()):
            continue
        opens = datetime.combine(day, partner.opens_at, partner.zone)
        closes = datetime.combine(day, partner.closes_at, partner.zone)
        if partner.closes_at <= partner.opens_at:  # open round the clock, or past midnight
            closes = datetime.combine(day + timedelta(days=1), partner.closes_at, partner.zone)
        if local < closes:
            return max(local, opens), closes
    return local, local


def _is_staffed(partner: Partner, weekday: int, date: str) -> bool:
    return (not partner.staffed_weekdays or weekday in partner.staffed_weekdays) and date not in partner.holidays


def last_closing(partner: Partner, now: datetime) -> datetime | None:
    """When people of the brand last stopped answering, at the latest a week ago; None for one that never closes."""
    local = now.astimezone(partner.zone)
    for days in range(8):
        day = (local - timedelta(days=days)).date()
        if not _is_staffed(partner, day.weekday(), day.isoformat()) or partner.opens_at == partner.closes_at:
            continue
        overnight = partner.closes_at <= partner.opens_at
        closes = datetime.combine(day + timedelta(days=1 if overnight else 0), partner.closes_at, partner.zone)
        if closes <= local:
            return closes
    return None


def as_text(at: datetime) -> str:
    """2026-11-27T09:30:00Z: in UTC, as all times are that leave by the API and webhooks."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def time_in_words(partner: Partner, at: datetime, now: datetime) -> str:
    """ "09:30 CET today", "08:00 CET tomorrow" or "08:00 CET on 27 November", in the brand's time zone."""
    local, today = at.astimezone(partner.zone), now.astimezone(partner.zone).date()
    zone = f"{local:%Z}"
    clock = f"{local:%H:%M} {zone if zone.isalpha() else f'UTC{local.isoformat()[-6:]}'}"
    if local.date() == today:
        return f"{clock} today"
    if local.date() == today + timedelta(days=1):
        return f"{clock} tomorrow"
    return f"{clock} on {local.day} {local:%B}"


def day_in_words(partner: Partner, at: datetime) -> str:
    """ "27 November", in the brand's time zone."""
    local = at.astimezone(partner.zone)
    return f"{local.day} {local:%B}"


def is_open(partner: Partner, at: datetime) -> bool:
    return next_staffed(partner, at) == at.astimezone(partner.zone)
