"""What a visitor of the chat says and hears.

A visitor is whoever holds the token of a conversation; there are no cookies. The chat vouches for nobody: what is about an
order goes to a person, unless the shop's own channel says who writes.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core import signing

from apps.interactions import channels, intake, tenancy
from apps.interactions.models import ChatWidget, Interaction, Message
from apps.policies import audit
from apps.policies.errors import Refused

LONGEST = channels.CHANNELS["chat"].longest
MOST_A_MINUTE = 12  # messages of one visitor
MOST_NEW = 300  # conversations of one brand in ten minutes: beyond it somebody plays with it
KEPT = timedelta(days=30)  # a visitor finds their conversation again
_SALT = "remit chat"
_CHAT = audit.system("chat")


@dataclass(frozen=True, slots=True)
class Line:
    """One message as the visitor sees it: `who` is “you”, “ai” or “person”."""

    number: int
    who: str
    text: str
    at: datetime

    def as_json(self) -> dict[str, object]:
        return {"number": self.number, "who": self.who, "text": self.text, "at": self.at.isoformat()}


@dataclass(frozen=True, slots=True)
class Heard:
    """What is new, and what goes on: “reading” (an answer is being made), “person” (somebody looks at it) or “quiet”."""

    lines: Sequence[Line]
    goes_on: str


def token_of(widget: ChatWidget, case: Interaction) -> str:
    return signing.dumps([str(widget.reference), str(case.reference)], salt=_SALT, compress=True)


def case_of(widget: ChatWidget, token: str) -> Interaction | None:
    """The conversation of a token, wherever it went; None for one that is old, another brand's, or no token."""
    try:
        of_widget, reference = signing.loads(token, salt=_SALT, max_age=KEPT)
        found = Interaction.objects.filter(partner_id=widget.partner_id, reference=uuid.UUID(reference)).first()
    except (signing.BadSignature, ValueError, TypeError):
        return None
    if of_widget != str(widget.reference):
        return None
    while found is not None and found.merged_into is not None:
        found = found.merged_into
    return found


def say(widget: ChatWidget, case: Interaction | None, text: str, now: datetime) -> Interaction:
    """Take what a visitor wrote; the case that it went to. Raises Refused with what to do."""
    said = text.replace("\x00", "").strip()
    if not said:
        raise Refused("Write something first.")
    if len(said) > LONGEST:
        raise Refused(f"This has {len(said):,} characters. Send at most {LONGEST:,} at once.")
    words = intake.Words("customer", said, now, now)
    with tenancy.tenant(widget.partner_id):
        if case is not None:
            lately = case.messages.filter(author="customer", created_at__gte=now - timedelta(minutes=1)).count()
            if lately >= MOST_A_MINUTE:
                raise Refused("That was a lot at once. Wait a minute, then go on.")
            return intake.add_message(case, words, actor=_CHAT)
        begun = Interaction.objects.filter(
            partner_id=widget.partner_id, external_id__startswith="chat-", created_at__gte=now - timedelta(minutes=10)
        )
        if begun.count() >= MOST_NEW:
            raise Refused("Very many people write to us just now. Please try again in a few minutes.")
        arrival = intake.Arrival(
            external_id=f"chat-{uuid.uuid4()}", channel="chat", messages=[words], sender_verified=False
        )
        return intake.accept(widget.partner, arrival, actor=_CHAT, now=now).interaction


def hear(case: Interaction, after: int) -> Heard:
    """What was said beyond the message of this number."""
    rows = Message.objects.filter(interaction=case, pk__gt=after).order_by("pk")
    who = {"customer": "you", "ai": "ai", "bot": "ai", "agent": "person"}
    lines = [Line(row.pk, who[row.author], row.text, row.sent_at) for row in rows]
    state = Interaction.State
    goes_on = {
        state.AWAITING_DECISION: "person",
        state.RECEIVED: "reading",
        state.CLASSIFIED: "reading",
        state.RESOLVING: "reading",
    }
    return Heard(lines, goes_on.get(state(case.state), "quiet"))
