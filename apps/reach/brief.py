"""The brief: a context packet as one page shows it, with what is live beside it (conversation, holder, remit)."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from apps.interactions import blind, channels, claiming, packet_changes, precedents, remits
from apps.interactions.models import (
    ContextPacket,
    DecisionRecord,
    Escalation,
    Interaction,
    Judgement,
    Message,
    Note,
    ReasonCode,
)
from apps.policies.models import remit_of

UNFOLDED = 6  # messages; of more, the first and the last five stand open
FACTS_FIRST = 8  # with the person's own remit a full grid of nine


@dataclass(slots=True)
class Brief:
    """Everything the templates `_brief.html` and `_decision.html` show of one case."""

    escalation: Escalation
    interaction: Interaction
    packet: ContextPacket
    content: dict[str, Any]
    blind: bool
    judgement: Judgement | None
    holds: bool
    may_claim: str
    proposed: DecisionRecord | None
    messages: list[Message]
    notes: list[Note]
    reasons: list[ReasonCode]
    earlier: list[DecisionRecord]
    remit_amount: Decimal
    remit_left: Decimal
    remit_currency: str
    line: precedents.Line
    changes: list[str]
    seen_version: int | None
    typed: dict[str, str] = field(default_factory=dict)

    @property
    def facts_first(self) -> list[dict[str, Any]]:
        return [fact for fact in self.content["facts"] if fact["matters"]][:FACTS_FIRST]

    @property
    def facts_more(self) -> list[dict[str, Any]]:
        first = {fact["name"] for fact in self.facts_first}
        return [fact for fact in self.content["facts"] if fact["name"] not in first]

    @property
    def since_version(self) -> int:
        return self.seen_version or self.packet.version - 1

    @property
    def last_words(self) -> Message | None:
        """What the customer wrote last."""
        return next((message for message in reversed(self.messages) if message.author == "customer"), None)

    @property
    def deliver_until(self) -> datetime | None:
        """Until when the channel delivers a reply in one's own words; None: always."""
        said = self.last_words
        return channels.open_until(self.interaction.channel, said.received_at) if said else None

    @property
    def delivery_over(self) -> bool:
        return self.deliver_until is not None and self.deliver_until <= timezone.now()

    @property
    def messages_first(self) -> list[Message]:
        return self.messages[:1] if len(self.messages) > UNFOLDED else []

    @property
    def messages_folded(self) -> list[Message]:
        """What lies between the first message and the last few of a long conversation."""
        return self.messages[1 : 1 - UNFOLDED] if len(self.messages) > UNFOLDED else []

    @property
    def messages_last(self) -> list[Message]:
        return self.messages[1 - UNFOLDED :] if len(self.messages) > UNFOLDED else self.messages

    @property
    def chosen(self) -> int:
        """The option that is checked: what was chosen before a refusal, else what was judged, else the proposal."""
        if self.judgement and "option" not in self.typed:
            labels = [option["label"] for option in self.content["options"]]
            return labels.index(self.judgement.label) if self.judgement.label in labels else 0
        typed = self.typed.get("option", "")
        return (
            int(typed)
            if typed.isascii() and typed.isdigit() and len(typed) < 4 and int(typed) < len(self.content["options"])
            else 0
        )

    @property
    def line_is_followed(self) -> bool:
        return bool(self.content["options"][self.chosen]["action"] == self.line.action)

    @property
    def alike(self) -> int:
        """How many cases are alike to this one, itself included; none for one that is judged by itself."""
        return 0 if self.escalation.blind else 1 + self.escalation.others_alike  # type: ignore[attr-defined]

    @property
    def opens_in_editor(self) -> bool:
        return self.escalation.handler == "collaborative" or "reply" in self.typed


def brief_of(
    user: User,
    escalation: Escalation,
    now: datetime,
    typed: dict[str, str] | None = None,
    seen_version: int | None = None,
) -> Brief | None:
    """The brief of an escalation the person may see; None when its packet is no longer current. `seen_version` is the
    packet that they had open: the brief says what changed since, or else since the one before."""
    interaction = escalation.interaction
    packet = interaction.packets.filter(state=ContextPacket.State.READY).select_related("ruling__partner").first()
    if packet is None:
        return None
    remit, hidden = remit_of(user), blind.is_blind(escalation)
    decisions = list(interaction.decisions.select_related("decided_by")[:12])
    judgement = Judgement.objects.filter(escalation=escalation).first() if escalation.blind and not hidden else None
    holds = escalation.state == Escalation.State.CLAIMED and escalation.claimed_by_id == user.pk
    return Brief(
        escalation=escalation,
        interaction=interaction,
        packet=packet,
        content=blind.view(packet.content) if hidden else packet.content,
        blind=hidden,
        judgement=judgement,
        holds=holds,
        may_claim="" if holds else claiming.why_not_claimable(user, escalation.pk),
        proposed=next((row for row in decisions if row.state == DecisionRecord.State.PROPOSED), None),
        messages=list(interaction.messages.all()),
        notes=list(interaction.notes.select_related("by")),
        reasons=list(ReasonCode.objects.filter(case_type__in=["", interaction.case_type])),
        earlier=[row for row in decisions if row.state != DecisionRecord.State.PROPOSED][:5],
        remit_amount=remit.amount_per_decision,
        remit_left=max(Decimal(0), remit.amount_per_day - remits.spent_today(remit, now)),
        remit_currency=remit.currency,
        line=precedents.line_of_ruling(packet.ruling) if packet.ruling and not hidden else precedents.Line("", (), ()),
        changes=[] if hidden else _changes(packet, seen_version),
        seen_version=seen_version,
        typed=typed or {},
    )


def _changes(packet: ContextPacket, seen_version: int | None) -> list[str]:
    if packet.version == 1 or seen_version == packet.version:
        return []
    earlier = ContextPacket.objects.filter(interaction=packet.interaction_id, version__lt=packet.version)
    before = earlier.filter(version__lte=seen_version or packet.version).order_by("-version").first()
    return packet_changes.changes(before.content, packet.content) if before and before.content else []


def news_since(interaction: Interaction, seen_version: int | None) -> list[str]:
    """What was written on a case after the packet that somebody had open, when there is no newer one yet."""
    seen = interaction.packets.filter(version=seen_version or 0).first()
    if seen is None:
        return []
    known = {said["id"] for said in seen.content["conversation"]}
    fresh = interaction.messages.exclude(pk__in=known).filter(holding=False)
    return [packet_changes.quoted(message.author, message.text) for message in fresh]
