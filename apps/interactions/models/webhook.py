"""Webhooks: the endpoints of partners, what each is to hear, and every attempt to tell it."""

import uuid
from datetime import UTC, datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from apps.interactions.models.work import OutboxEvent
from apps.interactions.webhooks.addresses import NotAllowed, check_url
from apps.policies.models import Partner


class EventKind(models.TextChoices):
    RESOLVED = "interaction.resolved", "A case is resolved"
    ESCALATED = "interaction.escalated", "A case waits for a person"
    MERGED = "interaction.merged", "A case went into another one on the same matter"
    REPLY = "reply.created", "A reply to the customer is written"
    REQUESTED = "action.requested", "An action is asked of the shop"
    EXECUTED = "action.executed", "An action is done"
    BOUNDARY = "boundary.changed", "The boundary is another one"


NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # when what a stopped endpoint does not hear is due: until it listens again
TEST = "webhook.test"  # sent by the test button, to one endpoint alone


def valid_webhook_url(text: str) -> None:
    try:
        check_url(text, may_be_local=settings.WEBHOOKS_MAY_BE_LOCAL)
    except NotAllowed as reason:
        raise ValidationError(str(reason)) from reason


def valid_contact(address: str) -> None:
    """What a mail can be addressed to, whatever else looks like an address."""
    try:
        local, _, host = address.rpartition("@")
        local.encode("ascii"), host.encode("idna")
    except UnicodeError as reason:
        raise ValidationError("No mail can be sent to this address: write it without special characters.") from reason


def valid_kinds(names: object) -> None:
    unknown = [str(name) for name in names if name not in EventKind.values] if isinstance(names, list) else ["this"]
    if unknown:
        raise ValidationError(f"No such event: {', '.join(unknown)}. Events are {', '.join(EventKind.values)}.")


class WebhookEndpoint(models.Model):
    """Where a partner hears of events. Its secret is derived from `reference` and `generation`, and stored nowhere; for a
    day after a rotation the one before signs, too."""

    reference = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="webhook_endpoints")
    url = models.CharField(
        "address", max_length=500, validators=[valid_webhook_url], help_text="https, on the public internet."
    )
    description = models.CharField(max_length=120, blank=True, help_text="What listens there.")
    kinds = models.JSONField(
        "events", default=list, blank=True, validators=[valid_kinds], help_text="None chosen: every event."
    )
    contact = models.EmailField(
        blank=True, validators=[valid_contact], help_text="Who is told when it does not answer any more and is stopped."
    )
    generation = models.PositiveIntegerField(default=1, editable=False)
    rotated_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True, editable=False)
    stopped_at = models.DateTimeField(null=True, editable=False)
    stopped_because = models.CharField(max_length=300, blank=True, editable=False)
    told_at = models.DateTimeField(
        null=True, editable=False, help_text="When its contact was told that it was stopped."
    )
    tell_at = models.DateTimeField(null=True, editable=False, help_text="When that is tried again; empty: at once.")
    failing_since = models.DateTimeField(null=True, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False, help_text="In a row.")

    class Meta:
        ordering = ["partner_id", "id"]
        indexes = [
            models.Index(
                fields=["partner"],
                condition=Q(removed_at__isnull=True, stopped_at__isnull=True),
                name="endpoint_listening",
            )
        ]

    def __str__(self) -> str:
        return self.description or self.url

    @property
    def state(self) -> str:
        if self.removed_at is not None:
            return "removed"
        return "stopped" if self.stopped_at is not None else "failing" if self.failures else "listening"

    def hears(self, kind: str) -> bool:
        return not self.kinds or kind in self.kinds


class WebhookDelivery(models.Model):
    """One event for one endpoint. It is due at `next_at`; whoever takes it moves that on, so that what dies with them is due
    again, and leaves a `token`: what comes back under another one is too late."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        GAVE_UP = "gave_up", "Given up"

    reference = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    event = models.ForeignKey(OutboxEvent, on_delete=models.CASCADE, related_name="deliveries")
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="deliveries")
    subject = models.CharField(max_length=64, help_text="The event's: what is about one case goes in order.")
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Counted before each is made.")
    next_at = models.DateTimeField()
    token = models.UUIDField(null=True)
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["event", "endpoint"], name="one_delivery_an_endpoint"),
            models.CheckConstraint(
                condition=Q(status="waiting", ended_at__isnull=True)
                | (~Q(status="waiting") & Q(ended_at__isnull=False)),
                name="delivery_ended",
            ),
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(status="waiting"), name="webhook_due"),
            models.Index(fields=["endpoint", "next_at"], condition=Q(status="waiting"), name="webhook_due_of_endpoint"),
            models.Index(fields=["endpoint", "subject", "id"], condition=Q(status="waiting"), name="webhook_in_order"),
            models.Index(fields=["endpoint", "-id"], name="webhook_of_endpoint"),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.endpoint}"


class WebhookAttempt(models.Model):
    """`answer` is the beginning of what the other side said; `fault` why there was no answer."""

    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="tries")
    at = models.DateTimeField()
    status_code = models.PositiveSmallIntegerField(null=True)
    milliseconds = models.PositiveIntegerField()
    answer = models.CharField(max_length=500, blank=True)
    fault = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.status_code or self.fault} in {self.milliseconds} ms"
