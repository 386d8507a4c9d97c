"""Escalations: a case waiting for a person, with a lease while somebody decides it."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Case, IntegerField, Q, Value, When
from django_fsm import FSMField, transition

from apps.interactions.models.interaction import Interaction
from apps.policies.machines import guard, in_state_list
from apps.policies.models import Partner
from apps.policies.words import Handler, Seniority

LEASE = timedelta(seconds=120)
HEARTBEAT_SECONDS = 30


@guard
def has_a_holder(escalation: Escalation) -> bool:
    """somebody holds it, with a lease"""
    return escalation.claimed_by_id is not None and escalation.lease_until is not None


class EscalationQuerySet(models.QuerySet["Escalation"]):
    def waiting(self) -> EscalationQuerySet:
        return self.filter(state__in=[Escalation.State.OPEN, Escalation.State.CLAIMED])

    def most_urgent(self) -> EscalationQuerySet:
        """Public first, then the earliest clock, then seniority and tier, then the oldest."""
        top_tier = Case(
            When(interaction__customer__tier="vip", then=Value(0)),
            When(interaction__customer__tier="gold", then=Value(1)),
            default=Value(2),
            output_field=IntegerField(),
        )
        return self.annotate(tier_rank=top_tier).order_by("-flagged", "due_at", "-seniority", "tier_rank", "id")


class EscalationState(models.TextChoices):
    OPEN = "open", "Open"
    CLAIMED = "claimed", "Claimed"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Cancelled"


class Escalation(models.Model):
    State = EscalationState
    interaction = models.ForeignKey(Interaction, on_delete=models.CASCADE, related_name="escalations")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="+")
    state = FSMField(max_length=12, choices=State.choices, default=State.OPEN, protected=True)
    handler = models.CharField(max_length=15, choices=Handler.choices)
    seniority = models.CharField(max_length=10, choices=Seniority.choices, default=Seniority.ANY)
    flagged = models.BooleanField(default=False, help_text="Said in public: comes before everything else.")
    due_at = models.DateTimeField()
    opened_at = models.DateTimeField()
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    claimed_at = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    handed_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    skipped_by = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+", blank=True)

    objects = EscalationQuerySet.as_manager()

    class Meta:
        ordering = ["due_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["interaction"], condition=Q(state__in=["open", "claimed"]), name="one_waiting_escalation"
            ),
            in_state_list(EscalationState, "escalation_state"),
            models.CheckConstraint(
                condition=~Q(state="claimed")
                | Q(claimed_by__isnull=False, lease_token__isnull=False, lease_until__isnull=False),
                name="claimed_has_a_holder",
            ),
        ]
        indexes = [
            models.Index(fields=["-flagged", "due_at"], condition=Q(state="open"), name="escalation_queue"),
        ]
        permissions = [
            ("decide_escalation", "Can take and decide cases"),
            ("decide_senior", "Can decide cases for seniors"),
        ]

    def __str__(self) -> str:
        return f"escalation {self.pk} of {self.interaction_id}"

    def hold_for(self, user_id: int, now: datetime) -> None:
        """Give the row a new holder and lease; `claim` moves the state."""
        self.claimed_by_id, self.claimed_at = user_id, now
        self.lease_token, self.lease_until = uuid.uuid4(), now + LEASE

    def let_go(self) -> None:
        self.claimed_by = self.claimed_at = self.lease_token = self.lease_until = None

    @transition(state, source=State.OPEN, target=State.CLAIMED, conditions=[has_a_holder], custom={"who": "supervisor"})
    def claim(self) -> None:
        """Somebody decides it now."""

    @transition(
        state,
        source=State.CLAIMED,
        target=State.OPEN,
        custom={"who": "its holder, or the sweeper when the lease lapsed"},
    )
    def release(self) -> None:
        """Back in the queue: released, lapsed, or handed on."""

    @transition(
        state,
        source=State.CLAIMED,
        target=State.DONE,
        custom={"who": "worker, with a committed decision"},
    )
    def finish(self) -> None:
        """A decision was committed."""

    @transition(state, source=[State.OPEN, State.CLAIMED], target=State.CANCELLED,
                custom={"who": "intake, AI pipeline or operator"})  # fmt: skip
    def cancel(self) -> None:
        """Nobody needs to decide this any more."""


class Note(models.Model):
    """What a person wrote beside a case."""

    interaction = models.ForeignKey(Interaction, on_delete=models.CASCADE, related_name="notes")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    text = models.TextField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.text[:60]
