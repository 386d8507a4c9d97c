"""What a visitor of the chat says and hears.

A visitor is whoever holds the token of a conversation; there are no cookies. The chat vouches for nobody: what is about an
order goes to a person, unless the shop's own channel says who writes.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core import signing
from django.db.models import Q

from apps.interactions import channels, intake, tenancy
from apps.interactions.models import ChatWidget, Interaction, Message
from apps.policies import audit
from apps.policies.errors import Refused

LONGEST = channels.CHANNELS["chat"].longest
MOST_A_MINUTE = 12  # messages of one visitor
MOST_NEW = 300  # conversations of one brand in ten minutes: beyond it somebody plays with it
KEPT = timedelta(days=30)  # a visitor finds their conversation again
PREFIX = "remit-chat-"
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
    """The first case of a token's conversation; None for one that is old, another brand's, or no token."""
    try:
        of_widget, reference = signing.loads(token, salt=_SALT, max_age=KEPT)
        found = Interaction.objects.filter(partner_id=widget.partner_id, reference=uuid.UUID(reference)).first()
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return found if of_widget == str(widget.reference) else None


def _family(first: Interaction) -> Q:
    """A conversation's cases: the first, what it was merged into, and those that followed it."""
    merged = Q(pk=first.merged_into_id) if first.merged_into_id else Q()
    return Q(pk=first.pk) | Q(linked_to=first) | merged


def say(
    widget: ChatWidget, first: Interaction | None, text: str, now: datetime, name: uuid.UUID | None = None
) -> Interaction:
    """Take what a visitor wrote; the first case of their conversation. `name` is the browser's own for a first message: the
    same once more begins no other. Raises Refused with what to do."""
    said = text.replace("\x00", "").strip()
    if not said:
        raise Refused("Write something first.")
    if len(said) > LONGEST:
        raise Refused(f"This has {len(said):,} characters. Send at most {LONGEST:,} at once.")
    words = intake.Words("customer", said, now, now)
    with tenancy.tenant(widget.partner_id):
        if first is not None:
            lately = Message.objects.filter(
                interaction__in=Interaction.objects.filter(_family(first)),
                author="customer",
                created_at__gte=now - timedelta(minutes=1),
            )
            if lately.count() >= MOST_A_MINUTE:
                raise Refused("That was a lot at once. Wait a minute, then go on.")
            intake.add_message(first, words, actor=_CHAT, vouched=False)
            return first
        begun = Interaction.objects.filter(
            partner_id=widget.partner_id,
            channel="chat",
            external_id__startswith=PREFIX,
            created_at__gte=now - timedelta(minutes=10),
        )
        if begun.count() >= MOST_NEW:
            raise Refused("Very many people write to us just now. Please try again in a few minutes.")
        arrival = intake.Arrival(
            external_id=f"{PREFIX}{name or uuid.uuid4()}", channel="chat", messages=[words], sender_verified=False,
            vouched=False,
        )  # fmt: skip
        return intake.accept(widget.partner, arrival, actor=_CHAT, now=now).interaction


def hear(first: Interaction, after: int) -> Heard:
    """What was said beyond the message of this number, in all of the conversation."""
    cases = list(Interaction.objects.filter(_family(first)).order_by("pk"))
    rows = Message.objects.filter(interaction__in=cases, pk__gt=after).order_by("pk")
    who = {"customer": "you", "ai": "ai", "bot": "ai", "agent": "person"}
    lines = [Line(row.pk, who[row.author], row.text, row.sent_at) for row in rows]
    state = Interaction.State
    by_state = {
        state.AWAITING_DECISION: "person", state.STALLED: "person",
        **dict.fromkeys((state.RECEIVED, state.CLASSIFIED, state.RESOLVING), "reading"),
    }  # fmt: skip
    goes_on = (by_state[state(case.state)] for case in reversed(cases) if state(case.state) in by_state)
    return Heard(lines, next(goes_on, "quiet"))
