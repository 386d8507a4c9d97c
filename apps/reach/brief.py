"""The brief: a context packet as one page shows it, with what is live beside it (conversation, holder, remit)."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User

from apps.interactions import claiming, remits
from apps.interactions.models import (
    ContextPacket,
    DecisionRecord,
    Escalation,
    Interaction,
    Message,
    Note,
    ReasonCode,
)
from apps.policies.gate_words import trace_in_words
from apps.policies.models import remit_of

FACTS_FIRST = 8  # with the person's own remit a full grid of nine


@dataclass(slots=True)
class Brief:
    """Everything the templates `_brief.html` and `_decision.html` show of one case."""

    escalation: Escalation
    interaction: Interaction
    packet: ContextPacket
    content: dict[str, Any]
    holds: bool
    may_claim: str
    proposed: DecisionRecord | None
    messages: list[Message]
    notes: list[Note]
    reasons: list[ReasonCode]
    trace: list[dict[str, str]]
    earlier: list[DecisionRecord]
    remit_amount: Decimal
    remit_left: Decimal
    remit_currency: str
    typed: dict[str, str] = field(default_factory=dict)

    @property
    def facts_first(self) -> list[dict[str, Any]]:
        return [fact for fact in self.content["facts"] if fact["matters"]][:FACTS_FIRST]

    @property
    def facts_more(self) -> list[dict[str, Any]]:
        first = {fact["name"] for fact in self.facts_first}
        return [fact for fact in self.content["facts"] if fact["name"] not in first]

    @property
    def packet_json(self) -> str:
        return json.dumps(self.content, indent=2, ensure_ascii=False)

    @property
    def chosen(self) -> int:
        """The option that is checked: what was chosen before a refusal, or the proposal."""
        typed = self.typed.get("option", "")
        return (
            int(typed)
            if typed.isascii() and typed.isdigit() and len(typed) < 4 and int(typed) < len(self.content["options"])
            else 0
        )

    @property
    def opens_in_editor(self) -> bool:
        return self.escalation.handler == "collaborative" or "reply" in self.typed


def brief_of(user: User, escalation: Escalation, now: datetime, typed: dict[str, str] | None = None) -> Brief | None:
    """The brief of an escalation the person may see; None when its packet is no longer current."""
    interaction = escalation.interaction
    packet = interaction.packets.filter(state=ContextPacket.State.READY).select_related("ruling__version").first()
    if packet is None:
        return None
    remit = remit_of(user)
    holds = escalation.state == Escalation.State.CLAIMED and escalation.claimed_by_id == user.pk
    return Brief(
        escalation=escalation,
        interaction=interaction,
        packet=packet,
        content=packet.content,
        holds=holds,
        may_claim="" if holds else claiming.why_not_claimable(user, escalation.pk),
        proposed=interaction.decisions.filter(state=DecisionRecord.State.PROPOSED).select_related("decided_by").first(),
        messages=list(interaction.messages.all()),
        notes=list(interaction.notes.select_related("by")),
        reasons=list(ReasonCode.objects.filter(case_type__in=["", interaction.case_type])),
        trace=trace_in_words(packet.ruling) if packet.ruling else [],
        earlier=list(
            interaction.decisions.exclude(state=DecisionRecord.State.PROPOSED).select_related("decided_by")[:5]
        ),
        remit_amount=remit.amount_per_decision,
        remit_left=max(Decimal(0), remit.amount_per_day - remits.spent_today(remit, now)),
        remit_currency=remit.currency,
        typed=typed or {},
    )
