"""Interactions: one customer case with its messages, customer, order, type and state."""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django_fsm import FSMField, transition

from apps.interactions.models.mirror import Customer, Order
from apps.policies.machines import guard, in_state_list
from apps.policies.models import Partner, Ruling
from apps.policies.words import CaseType, Handler

CHANNELS = ("chat", "email", "whatsapp", "social", "marketplace", "phone", "web")
AUTHORS = ("customer", "agent", "bot", "ai")


@guard
def has_a_type(interaction: Interaction) -> bool:
    """its type has been read"""
    return bool(interaction.case_type)


@guard
def has_a_target(interaction: Interaction) -> bool:
    """it names the case it is merged into, which is another one"""
    return interaction.merged_into_id is not None and interaction.merged_into_id != interaction.pk


@guard
def was_reminded(interaction: Interaction) -> bool:
    """the customer was reminded"""
    return interaction.reminded_at is not None


class InteractionQuerySet(models.QuerySet["Interaction"]):
    def of(self, partner: Partner) -> InteractionQuerySet:
        return self.filter(partner=partner)

    def in_the_open(self) -> InteractionQuerySet:
        """Cases a new message on the same matter still belongs to."""
        return self.filter(state__in=Interaction.OPEN_STATES)


class InteractionState(models.TextChoices):
    RECEIVED = "received", "Received"
    CLASSIFIED = "classified", "Classified"
    RESOLVING = "resolving", "Resolving"
    RESOLVED = "resolved", "Resolved"
    CLOSED = "closed", "Closed"
    AWAITING_DECISION = "awaiting_decision", "Awaiting a decision"
    AWAITING_CUSTOMER = "awaiting_customer", "Awaiting the customer"
    STALLED = "stalled", "Stalled"
    MERGED = "merged", "Merged"
    DISMISSED = "dismissed", "Dismissed"
    REFERRED = "referred", "Referred"


class Interaction(models.Model):
    State = InteractionState
    _S = State
    OPEN_STATES = (
        _S.RECEIVED,
        _S.CLASSIFIED,
        _S.RESOLVING,
        _S.AWAITING_DECISION,
        _S.AWAITING_CUSTOMER,
        _S.STALLED,
        _S.RESOLVED,
    )

    reference = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="interactions")
    external_id = models.CharField(max_length=100)
    channel = models.CharField(max_length=12, choices=[(channel, channel) for channel in CHANNELS])
    customer = models.ForeignKey(Customer, null=True, on_delete=models.PROTECT, related_name="interactions")
    order = models.ForeignKey(Order, null=True, blank=True, on_delete=models.PROTECT, related_name="interactions")
    order_candidates = models.JSONField(default=list, help_text="Order numbers it may be about, when not one.")
    subject = models.CharField(max_length=300, blank=True)
    public = models.BooleanField(default=False)
    audience = models.PositiveIntegerField(null=True, blank=True)
    locale = models.CharField(max_length=20, blank=True)
    sender_verified = models.BooleanField(null=True)
    vouched = models.BooleanField(
        default=True,
        db_default=True,
        editable=False,
        help_text="Whether who sent it answers for whom it names. Otherwise it came from a public page, and joins no case.",
    )
    sent_along = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        editable=False,
        help_text="What came with it of a customer or an order: shown until the shop tells of them, and grants nothing.",
    )
    state = FSMField(max_length=20, choices=State.choices, default=State.RECEIVED, protected=True)
    case_type = models.CharField(max_length=30, choices=CaseType.choices, blank=True)
    intents = models.JSONField(default=list, help_text="[intent, probability] pairs over the floor.")
    confidence = models.DecimalField(max_digits=4, decimal_places=3, default=Decimal(0))
    handler = models.CharField(max_length=15, choices=Handler.choices, blank=True)
    ruling = models.ForeignKey(Ruling, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    received_at = models.DateTimeField(db_index=True, help_text="When the customer wrote.")
    created_at = models.DateTimeField(auto_now_add=True)
    reopened = models.PositiveSmallIntegerField(default=0)
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="merged")
    linked_to = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="linked")
    resolved_at = models.DateTimeField(null=True, blank=True)
    reminded_at = models.DateTimeField(null=True, blank=True)
    # The clocks of a case that people handle (case_clocks.py); `minutes_left` holds the second while the customer is asked.
    reply_by = models.DateTimeField(null=True, blank=True)
    resolve_by = models.DateTimeField(null=True, blank=True)
    minutes_left = models.PositiveIntegerField(null=True, blank=True)
    stalled_because = models.TextField(blank=True)
    # The work queue: a row is due when `due_at` has come and no worker holds its lease.
    due_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    objects = InteractionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["partner", "external_id"], name="interaction_external_id_per_partner"),
            in_state_list(InteractionState, "interaction_state"),
            models.CheckConstraint(condition=Q(channel__in=CHANNELS), name="interaction_channel_in_list"),
            models.CheckConstraint(
                condition=~Q(state="merged") | Q(merged_into__isnull=False), name="merged_names_its_case"
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="interaction_due"),
            models.Index(fields=["partner", "-id"], name="interaction_of_partner"),
            models.Index(fields=["partner", "customer", "state"], name="interaction_customer"),
            models.Index(fields=["order"], name="interaction_order"),
            models.Index(fields=["created_at"], name="interaction_created"),
            models.Index(
                fields=["partner"],
                condition=~Q(sent_along={}) & (Q(customer__isnull=True) | Q(order__isnull=True)),
                name="interaction_sent_along",
            ),
            models.Index(fields=["external_id"], name="interaction_external_id"),
            models.Index(
                fields=["resolved_at", "partner"], condition=Q(handler="autonomous"), name="interaction_resolved_alone"
            ),
        ]
        permissions = [
            ("retry_interaction", "Can retry a stalled interaction"),
            ("view_numbers", "Can read the numbers of a brand"),
        ]

    def __str__(self) -> str:
        return f"{self.external_id} ({self.get_state_display()})"

    _PIPELINE = {"who": "AI pipeline"}

    @transition(state, source=_S.RECEIVED, target=_S.CLASSIFIED, conditions=[has_a_type], custom=_PIPELINE)
    def classify(self) -> None:
        """The message is understood."""

    @transition(state, source=_S.CLASSIFIED, target=_S.RESOLVING, custom={"who": "AI pipeline, by a ruling"})
    def resolve_alone(self) -> None:
        """The AI decided inside its boundary; effects run."""

    @transition(
        state, source=_S.AWAITING_DECISION, target=_S.RESOLVING, custom={"who": "worker, on a committed decision"}
    )
    def decide(self) -> None:
        """A person decided and the undo window has passed; effects run."""

    @transition(state, source=_S.RESOLVING, target=_S.RESOLVED, custom={"who": "worker, when every effect is done"})
    def finish(self) -> None:
        """Every effect is done."""

    @transition(state, source=_S.RESOLVED, target=_S.CLOSED, custom={"who": "sweeper, after the quiet period"})
    def close(self) -> None:
        """Nobody wrote again within the partner's quiet period."""

    @transition(state, source=[_S.RECEIVED, _S.CLASSIFIED, _S.RESOLVING], target=_S.AWAITING_DECISION,
                custom={"who": "AI pipeline, or worker when an effect failed"})  # fmt: skip
    def escalate(self) -> None:
        """A person has to decide."""

    @transition(state, source=[_S.RECEIVED, _S.CLASSIFIED, _S.RESOLVING, _S.AWAITING_DECISION],
                target=_S.AWAITING_CUSTOMER, custom={"who": "AI pipeline, or a person's decision"})  # fmt: skip
    def ask_customer(self) -> None:
        """The customer has been asked for something."""

    @transition(state, source=[_S.RECEIVED, _S.CLASSIFIED, _S.RESOLVING], target=_S.STALLED,
                custom={"who": "worker, after too many attempts"})  # fmt: skip
    def stall(self) -> None:
        """The machine cannot get on with it; an operator looks."""

    @transition(state, source=[_S.AWAITING_DECISION, _S.AWAITING_CUSTOMER], target=_S.RECEIVED,
                custom={"who": "intake, on a new message; sweeper, without an answer"})  # fmt: skip
    def hear_more(self) -> None:
        """Somebody wrote more: understand it anew."""

    @transition(state, source=_S.AWAITING_CUSTOMER, target=_S.CLOSED, conditions=[was_reminded],
                custom={"who": "sweeper, a week after the reminder"})  # fmt: skip
    def give_up_waiting(self) -> None:
        """The customer was reminded and did not answer."""

    @transition(
        state, source=_S.RESOLVED, target=_S.RECEIVED, custom={"who": "intake, on a new message or a return scan"}
    )
    def reopen(self) -> None:
        """There is more to do on a resolved case."""

    @transition(state, source=_S.STALLED, target=_S.RECEIVED, custom={"who": "operator"})
    def retry(self) -> None:
        """Try again from the start."""

    @transition(
        state,
        source=[*OPEN_STATES],
        target=_S.MERGED,
        conditions=[has_a_target],
        custom={"who": "intake or AI pipeline"},
    )
    def merge(self) -> None:
        """It is about the same matter as another open case, which has its messages now."""

    @transition(state, source=[*OPEN_STATES], target=_S.DISMISSED, custom={"who": "supervisor"})
    def dismiss(self) -> None:
        """Spam, or withdrawn."""

    @transition(state, source=[*OPEN_STATES], target=_S.REFERRED, custom={"who": "a person's decision"})
    def refer(self) -> None:
        """A team outside takes it on."""


class Message(models.Model):
    interaction = models.ForeignKey(Interaction, on_delete=models.CASCADE, related_name="messages")
    arrived_as = models.ForeignKey(
        Interaction, null=True, blank=True, on_delete=models.CASCADE, related_name="+",
        help_text="The merged interaction it came in with.",
    )  # fmt: skip
    author = models.CharField(max_length=10, choices=[(author, author) for author in AUTHORS])
    text = models.TextField()
    attachments = models.JSONField(
        default=list, help_text="Names, types and sizes in bytes; the files stay where they came."
    )
    holding = models.BooleanField(default=False, help_text="A holding reply: says who will answer, decides nothing.")
    sent_at = models.DateTimeField(help_text="By the sender's clock.")
    received_at = models.DateTimeField(default=timezone.now, help_text="When it came in: facts of time are taken here.")
    created_at = models.DateTimeField(auto_now_add=True)
    handled = models.BooleanField(
        default=False, help_text="Answered by an earlier resolution of the case, or nothing to answer."
    )

    class Meta:
        ordering = ["sent_at", "id"]
        constraints = [models.CheckConstraint(condition=Q(author__in=AUTHORS), name="message_author_in_list")]

    def __str__(self) -> str:
        return f"{self.author}: {self.text[:60]}"

    @property
    def files(self) -> list[str]:
        """The files that came with it, in words: “photo.jpg (image/jpeg, 120.0 kB)”."""
        return [f"{one['name']} ({one['type']}, {one['size'] / 1000:,.1f} kB)" for one in self.attachments]
