"""Clocks: when people answer next, and by when a case has to be decided."""

from datetime import datetime, timedelta

from apps.policies.models import Partner


def next_staffed(partner: Partner, at: datetime) -> datetime:
    """The first moment from `at` on at which people of the brand answer, in its time zone."""
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
            return max(local, opens)
    return local


def _is_staffed(partner: Partner, weekday: int, date: str) -> bool:
    return (not partner.staffed_weekdays or weekday in partner.staffed_weekdays) and date not in partner.holidays


def time_in_words(partner: Partner, at: datetime, now: datetime) -> str:
    """ "09:30 today", "08:00 tomorrow" or "08:00 on 27 November", in the brand's time zone."""
    local, today = at.astimezone(partner.zone), now.astimezone(partner.zone).date()
    clock = f"{local:%H:%M}"
    if local.date() == today:
        return f"{clock} today"
    if local.date() == today + timedelta(days=1):
        return f"{clock} tomorrow"
    return f"{clock} on {local.day} {local:%B}"


def is_open(partner: Partner, at: datetime) -> bool:
    return next_staffed(partner, at) == at.astimezone(partner.zone)
