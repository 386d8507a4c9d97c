"""The two clocks of a case that people handle: of its first reply, and of its resolution.

Both count the hours in which people of the brand answer, from when the case came to people. While the customer is asked
they stand still. A holding reply is no reply. Callers save `FIELDS` with the move that they make.
"""

from datetime import datetime

from apps.interactions import clocks
from apps.interactions.models import Interaction
from apps.policies.models import Partner

FIELDS = ("reply_by", "resolve_by", "minutes_left")


def run(row: Interaction, partner: Partner, at: datetime, *, reply_minutes: int, resolve_minutes: int) -> datetime:
    """Start the clocks, go on with those that stood still, or tighten the one that runs; returns which is over first."""
    if row.minutes_left is not None:
        minutes = min(row.minutes_left, resolve_minutes)
        row.resolve_by, row.minutes_left = clocks.after(partner, at, minutes), None
    elif row.resolve_by is None:
        row.reply_by = clocks.after(partner, at, min(reply_minutes, resolve_minutes))
        row.resolve_by = clocks.after(partner, at, resolve_minutes)
    else:
        row.resolve_by = min(row.resolve_by, clocks.after(partner, at, resolve_minutes))
        if row.reply_by is not None:
            row.reply_by = min(row.reply_by, clocks.after(partner, at, min(reply_minutes, resolve_minutes)))
    return min(filter(None, (row.reply_by, row.resolve_by)))


def stop(row: Interaction, partner: Partner, now: datetime) -> None:
    """The customer is asked, which answers them too: what is left is kept for when they have answered."""
    if row.resolve_by is not None:
        row.minutes_left = clocks.staffed_minutes(partner, now, row.resolve_by)
    row.reply_by = row.resolve_by = None


def end(row: Interaction) -> None:
    """It is resolved: a case that is opened again has clocks of its own."""
    row.reply_by = row.resolve_by = row.minutes_left = None
