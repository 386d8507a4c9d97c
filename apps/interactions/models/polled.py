"""What is looked into again and again: when next, who holds it, and what went wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.utils import timezone


class Polled(models.Model):
    """A connection that fails waits longer each time, up to `LONGEST_WAIT`, and says why."""

    EVERY: ClassVar[timedelta]
    LONGEST_WAIT: ClassVar[timedelta]

    read_at = models.DateTimeField(null=True, editable=False)
    next_at = models.DateTimeField(null=True, editable=False)
    token = models.UUIDField(null=True, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False)
    error = models.TextField(blank=True, editable=False)

    class Meta:
        abstract = True

    def back_off(self, why: str) -> None:
        self.failures, self.error, self.token = self.failures + 1, why[:1000].replace("\x00", ""), None
        self.next_at = timezone.now() + min(self.EVERY * 2 ** min(self.failures, 10), self.LONGEST_WAIT)
        self.save(update_fields=["failures", "error", "token", "next_at"])
