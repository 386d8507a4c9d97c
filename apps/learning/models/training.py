"""Trainings of a classifier: when one was begun, and what came of it. Kept also when none was made, or a worker was lost."""

from django.conf import settings
from django.db import models


class Training(models.Model):
    begun_at = models.DateTimeField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)
    said = models.CharField(max_length=200, blank=True, help_text="What came of it.")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Training of {self.begun_at:%d %B %Y, %H:%M}"
