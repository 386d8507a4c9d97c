"""Context packets: everything a person needs to decide, frozen as it was when they decided."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q
from django_fsm import FSMField, transition

from apps.interactions.models.interaction import Interaction
from apps.policies.machines import guard, in_state_list
from apps.policies.models import Ruling
from apps.policies.models.audit import no_truncate


@guard
def is_filled(packet: ContextPacket) -> bool:
    """it has a question, facts and a proposal"""
    return all(packet.content.get(part) for part in ("question", "facts", "proposal"))


class ContextPacketState(models.TextChoices):
    GATHERING = "gathering", "Gathering"
    READY = "ready", "Ready"
    SEALED = "sealed", "Sealed"
    SUPERSEDED = "superseded", "Superseded"


class ContextPacket(models.Model):
    State = ContextPacketState
    interaction = models.ForeignKey(Interaction, on_delete=models.CASCADE, related_name="packets")
    version = models.PositiveIntegerField()
    state = FSMField(max_length=12, choices=State.choices, default=State.GATHERING, protected=True)
    content = models.JSONField(default=dict, help_text="Question, why, facts, proposal, options (briefing.py).")
    content_hash = models.CharField(max_length=64, blank=True)
    ruling = models.ForeignKey(Ruling, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-interaction_id", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["interaction", "version"], name="packet_version"),
            models.UniqueConstraint(
                fields=["interaction"], condition=Q(state__in=["gathering", "ready"]), name="one_current_packet"
            ),
            in_state_list(ContextPacketState, "contextpacket_state"),
        ]
        triggers = [
            pgtrigger.Protect(
                name="sealed_is_final",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__state="sealed"),
            ),
            no_truncate(),
        ]

    def __str__(self) -> str:
        return f"packet {self.version} of {self.interaction_id}"

    @transition(
        state, source=State.GATHERING, target=State.READY, conditions=[is_filled], custom={"who": "AI pipeline"}
    )
    def complete(self) -> None:
        """A person can decide on it."""

    @transition(state, source=State.READY, target=State.SEALED, custom={"who": "worker, with a committed decision"})
    def seal(self) -> None:
        """A decision was committed on exactly this."""

    @transition(state, source=[State.GATHERING, State.READY], target=State.SUPERSEDED,
                custom={"who": "intake or AI pipeline, when something newer is known"})  # fmt: skip
    def supersede(self) -> None:
        """Something newer is known; the next version says it."""
