"""Calls of the partner API: those that must not happen twice, and how many a key made in a minute."""

from django.db import models

from apps.interactions.models.apikey import ApiKey
from apps.policies.models import Partner


class IdempotentCall(models.Model):
    """A call under an `Idempotency-Key`: what was sent, as a digest, and the answer it got. While it is under way it has none;
    one whose process died is let go of at `lease_until`."""

    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=255, help_text="What the caller calls it.")
    scopes = models.CharField(max_length=64, default="", help_text="SHA-256 of what the key may do.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of method, address and body.")
    begun_at = models.DateTimeField()
    lease_until = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.TextField(blank=True)
    content_type = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["partner", "scopes", "name"], name="one_call_of_a_name")]
        indexes = [models.Index(fields=["begun_at"], name="idempotent_begun")]

    def __str__(self) -> str:
        return f"{self.name}: {self.status or 'under way'}"


class CallCount(models.Model):
    """How many calls a key made in a minute. The table is not logged: it says nothing after a crash, and costs nothing."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+")
    minute = models.DateTimeField()
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "minute"], name="one_count_a_minute")]

    def __str__(self) -> str:
        return f"{self.count} in {self.minute:%H:%M}"
