"""Replays of a version over history: asked for, under way, and their results, kept with the version."""

from django.conf import settings
from django.db import models


class Replay(models.Model):
    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting for a worker"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    version = models.ForeignKey("policies.BoundaryVersion", on_delete=models.CASCADE, related_name="replays")
    content_hash = models.CharField(max_length=64, help_text="What the version said when it was replayed.")
    against = models.ForeignKey(
        "policies.BoundaryVersion", null=True, on_delete=models.PROTECT, related_name="+",
        help_text="The version that was active.",
    )  # fmt: skip
    since = models.DateTimeField()
    until = models.DateTimeField()
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.WAITING)
    done = models.PositiveIntegerField(default=0, help_text="Rulings done so far.")
    total = models.PositiveIntegerField(default=0)
    result = models.JSONField(null=True)
    error = models.TextField(blank=True)
    seconds = models.FloatField(null=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.CheckConstraint(condition=models.Q(since__lt=models.F("until")), name="replay_period")]

    def __str__(self) -> str:
        return f"replay of {self.version}"

    @property
    def percent(self) -> int:
        return min(100, round(100 * self.done / self.total)) if self.total else 0


class Vocabulary(models.Model):
    """The facts that could be recorded under a name that rulings carry."""

    name = models.CharField(max_length=12, primary_key=True)
    facts = models.JSONField()
    first_seen_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name
