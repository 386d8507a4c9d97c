"""Channels: what each takes, until when, and how its messages find their case. Data, for the API, the checks and the screens.

Sources: Meta's documentation of the WhatsApp Business Platform (text of 4,096 characters, a window of 24 hours after the
customer's last message, beyond which templates alone are delivered) and of Instagram messaging (1,000 characters, 24 hours).
Marketplaces differ; theirs is the narrowest of the large ones. A brand's own systems may stay within less.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Threads(StrEnum):
    """How a message finds the case it belongs to, beside its order."""

    NAMED = "named"  # who sends it says which case
    CUSTOMER = "customer"  # there is one conversation with a customer
    MAIL = "mail"  # by the mails that it answers


@dataclass(frozen=True, slots=True)
class Channel:
    """`longest` characters of one reply; `window` after the customer's last message in which a reply of one's own words is
    delivered, none: always."""

    name: str
    label: str
    longest: int
    window: timedelta | None
    threads: Threads


_A_DAY = timedelta(hours=24)
CHANNELS = {
    channel.name: channel
    for channel in (
        Channel("chat", "Chat", 4_000, None, Threads.NAMED),
        Channel("email", "E-mail", 20_000, None, Threads.MAIL),
        Channel("whatsapp", "WhatsApp", 4_096, _A_DAY, Threads.CUSTOMER),
        Channel("social", "Social media", 1_000, _A_DAY, Threads.CUSTOMER),
        Channel("marketplace", "Marketplace", 2_000, timedelta(days=7), Threads.NAMED),
        Channel("phone", "Phone", 20_000, None, Threads.NAMED),
        Channel("web", "Web form", 20_000, None, Threads.NAMED),
    )
}


def open_until(channel: str, last_heard: datetime) -> datetime | None:
    """Until when a reply in one's own words is delivered; None: always."""
    window = CHANNELS[channel].window
    return last_heard + window if window is not None else None


def too_long(channel: str, text: str) -> str:
    """Why a reply does not fit, in words; empty when it does."""
    most = CHANNELS[channel].longest
    return (
        f"{CHANNELS[channel].label} takes {most:,} characters, and this has {len(text):,}" if len(text) > most else ""
    )
