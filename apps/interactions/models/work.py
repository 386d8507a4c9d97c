"""Rows of the machinery: the outbox of webhooks, the workers' heartbeat, and the settings of case types."""

import uuid

from django.db import models

from apps.policies.facts import ALARMS
from apps.policies.models import Partner
from apps.policies.words import CaseType


class OutboxEvent(models.Model):
    """What partners hear of by webhook. `number` counts the events of one subject, from 1; none: it is not spread yet."""

    event_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="outbox")
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=64)
    payload = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    number = models.PositiveIntegerField(null=True, editable=False)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["partner", "subject", "number"], name="event_number_of_subject")]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(number__isnull=True), name="event_to_spread"),
            models.Index(fields=["created_at"], condition=~models.Q(payload={}), name="event_with_content"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class WorkerHeartbeat(models.Model):
    """One row: when the watchdog last asked the workers for a sign of life, and when they gave one."""

    asked_at = models.DateTimeField(null=True)
    beat_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"last beat {self.beat_at}"


class CaseTypeSetting(models.Model):
    """What ops managers set per case type: the clocks, and which words an override needs."""

    case_type = models.CharField(max_length=30, choices=CaseType.choices, unique=True)
    due_minutes = models.PositiveIntegerField(
        default=240,
        help_text="Minutes until it is resolved, unless a rule says less. Only hours in which people answer count.",
    )
    first_reply_minutes = models.PositiveIntegerField(
        default=120, help_text="Minutes until a real answer or question; the holding reply is neither."
    )

    class Meta:
        verbose_name = "interaction type"
        ordering = ["case_type"]

    def __str__(self) -> str:
        return self.get_case_type_display()


class AlarmWord(models.Model):
    """A brand's own word for an alarm: a message that holds it goes to a person. What was added stays."""

    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="alarm_words")
    alarm = models.CharField(max_length=12, choices=[(alarm, alarm) for alarm in ALARMS if alarm != "repeated"])
    word = models.CharField(max_length=80, help_text="A word or phrase, found anywhere in a message.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["partner_id", "alarm", "word"]
        constraints = [models.UniqueConstraint(fields=["partner", "alarm", "word"], name="alarm_word_once")]

    def __str__(self) -> str:
        return f"{self.alarm}: {self.word}"


class ReasonCode(models.Model):
    """A reason a person can give for a decision."""

    case_type = models.CharField(max_length=30, choices=CaseType.choices, blank=True, help_text="None: every type.")
    code = models.SlugField(max_length=40)
    label = models.CharField(max_length=60)
    needs_words = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["case_type", "code"], name="reason_code_per_type")]

    def __str__(self) -> str:
        return self.label
