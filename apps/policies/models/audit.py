"""The audit trail: one append-only row for every transition, admin change, sign-in and pause."""

import pgtrigger
from django.conf import settings
from django.db import models


def append_only() -> list[pgtrigger.Trigger]:
    """Triggers that refuse UPDATE, DELETE and TRUNCATE of a table's rows."""
    return [
        pgtrigger.Protect(name="no_update_or_delete", operation=pgtrigger.Update | pgtrigger.Delete),
        no_truncate(),
    ]


def no_truncate() -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name="no_truncate",
        level=pgtrigger.Statement,
        operation=pgtrigger.Truncate,
        when=pgtrigger.Before,
        func="RAISE EXCEPTION 'Rows of % are kept: it cannot be truncated', TG_TABLE_NAME;",
    )


class AuditEntry(models.Model):
    class ActorKind(models.TextChoices):
        PERSON = "person", "Person"
        KEY = "key", "API key"
        SYSTEM = "system", "System part"

    at = models.DateTimeField(db_index=True)
    actor_kind = models.CharField(max_length=8, choices=ActorKind.choices)
    actor = models.CharField(max_length=150, help_text="User name, key prefix, or the part of the system.")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT)
    partner = models.ForeignKey("policies.Partner", null=True, blank=True, on_delete=models.PROTECT)
    subject_type = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=64)
    event = models.CharField(max_length=60)
    from_state = models.CharField(max_length=30, blank=True)
    to_state = models.CharField(max_length=30, blank=True)
    reason = models.TextField(blank=True)
    details = models.JSONField(default=dict, blank=True)
    correlation_id = models.CharField(max_length=64, blank=True, db_index=True)

    class Meta:
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"
        ordering = ["-id"]
        indexes = [models.Index(fields=["subject_type", "subject_id", "id"], name="audit_subject")]
        triggers = append_only()

    def __str__(self) -> str:
        moved = f" {self.from_state} → {self.to_state}" if self.to_state else ""
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor}: {self.subject_type} {self.subject_id} {self.event}{moved}"
