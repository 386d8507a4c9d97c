"""Reports that are being made: asked for, under way, done, or why not."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.learning.models.refinement import RefinementReport
from apps.policies.models import Boundary


class ReportRun(models.Model):
    """One at a time of a boundary. `asked_by` is empty when it was due."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting for a worker"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    UNDER_WAY = (Status.WAITING, Status.RUNNING)

    boundary = models.ForeignKey(Boundary, on_delete=models.CASCADE, related_name="report_runs")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.WAITING)
    step = models.CharField(max_length=100, blank=True, help_text="What it is at.")
    percent = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    report = models.OneToOneField(RefinementReport, null=True, on_delete=models.PROTECT, related_name="run")
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["boundary"], condition=Q(status__in=["waiting", "running"]), name="one_report_run_a_boundary"
            ),
            models.CheckConstraint(condition=Q(percent__lte=100), name="report_run_percent"),
        ]

    def __str__(self) -> str:
        return f"Report of {self.boundary}: {self.get_status_display().lower()}"
