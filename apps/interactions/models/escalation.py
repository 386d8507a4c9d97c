"""Escalations: a case waiting for a person, with a lease while somebody decides it."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q
from django_fsm import FSMField, transition

from apps.interactions.models.interaction import Interaction
from apps.policies.machines import guard, in_state_list
from apps.policies.models import Partner
from apps.policies.words import CaseType, Handler, Seniority

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
        """Public first, then the clock that runs out first, then harm, then the oldest.

        A clock is set once and moves for nobody, so that every case comes to be the most urgent in the end.
        """
        return self.order_by("-flagged", "due_at", "-harm", "id")


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
    case_type = models.CharField(max_length=30, choices=CaseType.choices)
    language = models.CharField(max_length=8, default="en", help_text="What the customer writes: who decides reads it.")
    headline = models.TextField(blank=True, help_text="The question of the brief, as the queue shows it.")
    blind = models.BooleanField(default=False, help_text="Judged before the proposal is shown (blind.py).")
    blind_chance = models.FloatField(null=True, help_text="With which chance it was drawn to be judged blind.")
    blind_least = models.FloatField(null=True, help_text="The smallest chance of its kind in the boundary then.")
    alike = models.CharField(max_length=32, blank=True, help_text="The same for cases that ask the same (alike.py).")
    harm = models.PositiveSmallIntegerField(default=0, help_text="What waiting costs somebody (urgency.py).")
    reply_by = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(help_text="The clock that runs out first: of the first reply, or of the resolution.")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
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
            models.Index(fields=["opened_at"], name="escalation_opened"),
            models.Index(fields=["closed_at"], condition=Q(closed_at__isnull=False), name="escalation_closed"),
            models.Index(fields=["alike"], condition=Q(state="open") & ~Q(alike=""), name="escalation_alike"),
            models.Index(
                fields=["-flagged", "due_at", "-harm", "id"], condition=Q(state="open"), name="escalation_queue"
            ),
            models.Index(
                fields=["-flagged", "due_at", "-harm", "id"],
                condition=Q(state__in=["open", "claimed"]),
                name="escalation_waiting",
            ),
            models.Index(  # the counts of the queue are read from it alone
                fields=["partner", "case_type"],
                include=["language", "seniority", "flagged", "due_at", "claimed_by", "handed_to", "state"],
                condition=Q(state__in=["open", "claimed"]),
                name="escalation_counts",
            ),
            models.Index(
                fields=["handed_to"], condition=Q(state="open", handed_to__isnull=False), name="escalation_handed"
            ),
            models.Index(fields=["claimed_by"], condition=Q(state="claimed"), name="escalation_held"),
        ]
        permissions = [
            ("decide_escalation", "Can take and decide cases"),
            ("decide_senior", "Can decide cases for seniors"),
        ]

    def __str__(self) -> str:
        return f"escalation {self.pk} of {self.interaction_id}"

    def hold_for(self, user: User, now: datetime) -> None:
        """Give the row a new holder and lease; `claim` moves the state."""
        self.claimed_by, self.claimed_at = user, now
        self.lease_token, self.lease_until = uuid.uuid4(), now + LEASE

    @property
    def reply_is_due(self) -> bool:
        """Whether the clock of the first reply is the one that runs out first."""
        return self.reply_by is not None and self.reply_by == self.due_at

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
