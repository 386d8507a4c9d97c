"""How numbers, times and words look: the one place where pages format them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from apps.interactions.classification.language import NAMES
from apps.policies.words import Action, CaseType, Handler
from apps.reach.filters import Filters

register = template.Library()


@register.filter
def money(amount: Decimal | str | None, currency: str = "") -> str:
    """ "1,240.00 USD"; nothing for no amount."""
    if amount is None or amount == "":
        return ""
    return f"{Decimal(str(amount)):,.2f} {currency}".strip()


@register.filter
def thousands(number: int | None) -> str:
    """ "61,204"."""
    return f"{number or 0:,}"


@register.filter
def percent(value: float | None) -> str:
    """ "14.9 %"; a dash for nothing to divide by."""
    return "–" if value is None else f"{value:g} %"


@register.filter
def cell(value: Any) -> str:
    """A value of a table: thousands grouped, money with two decimals, a dash for none."""
    match value:
        case None:
            return "–"
        case Decimal():
            return f"{value:,.2f}"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.1f}"
    return str(value)


@register.filter
def minutes(seconds: int | None) -> str:
    """Seconds as "0:52"; a dash for none."""
    return "–" if seconds is None else f"{seconds // 60}:{seconds % 60:02d}"


@register.filter
def moment(value: str | datetime | None) -> datetime | None:
    """A time from a packet, which keeps it as ISO 8601 text, in the reader's time zone."""
    if value is None or value == "":
        return None
    at = value if isinstance(value, datetime) else parse_datetime(value)
    return None if at is None else timezone.localtime(at)


@register.filter
def ago(value: str | datetime | None) -> str:
    """ "2 min ago", "3 h ago", "4 days ago"."""
    at = moment(value)
    if at is None:
        return ""
    seconds = (timezone.now() - at).total_seconds()
    return "just now" if seconds < 60 else f"{_span(timedelta(seconds=seconds))} ago"


@register.filter
def due(at: datetime) -> str:
    """ "due in 6 min" or "4 min over"."""
    left = at - timezone.now()
    return f"due in {_span(left)}" if left > timedelta(0) else f"{_span(-left)} over"


@register.filter
def urgency(at: datetime) -> str:
    """The class of a clock: `over`, `soon` (a quarter of an hour) or nothing."""
    left = at - timezone.now()
    if left <= timedelta(0):
        return "over"
    return "soon" if left < timedelta(minutes=15) else ""


@register.filter
def waited(since: datetime) -> str:
    """ "6 min", "3 h"."""
    return _span(max(timezone.now() - since, timedelta(0)))


@register.filter
def span(minutes: int) -> str:
    """Minutes as "40 min" or "3 h"."""
    return _span(timedelta(minutes=minutes))


@register.filter
def language(code: str) -> str:
    return NAMES.get(code, code)


@register.simple_tag
def tab_query(filters: Filters, name: str) -> str:
    """The same filters with another tab, as it stands in an address."""
    return replace(filters, show=name).query


def _span(span: timedelta) -> str:
    whole_minutes = int(span.total_seconds() // 60)
    if whole_minutes < 1:
        return "1 min"
    if whole_minutes < 100:
        return f"{whole_minutes} min"
    if whole_minutes < 48 * 60:
        return f"{whole_minutes // 60} h"
    return f"{whole_minutes // (24 * 60)} days"


@register.filter
def at(found: dict[int, int], key: int) -> int:
    """The value of a key; 0 for one that is not there."""
    return found.get(key, 0)


@register.filter
def case_type(value: str) -> str:
    return CaseType(value).label if value in CaseType.values else "Not yet read"


@register.filter
def action(value: str) -> str:
    return Action(value).label if value in Action.values else value


@register.filter
def handler(value: str) -> str:
    return Handler(value).label if value in Handler.values else value


@register.filter
def words(name: str) -> str:
    """A name of the code as words: "return_or_refund" reads "return or refund"."""
    return name.replace("_", " ")


@register.filter
def person_name(user: Any) -> str:
    """First name, or the user name of somebody without one."""
    return "" if user is None else user.first_name or user.get_username()


@register.filter
def have_amounts(options: Iterable[Mapping[str, Any]]) -> bool:
    """Whether any of a packet's options moves money."""
    return any(option["amount"] for option in options)
