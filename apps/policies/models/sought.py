"""Sought kinds: types and actions of which more judgements would tell whether the AI may act alone."""

from django.db import models

from apps.policies.models.boundary import Boundary
from apps.policies.words import Action, CaseType


class SoughtKind(models.Model):
    """Of all cases of a boundary of this type and action more are judged blind, until its next refinement report."""

    boundary = models.ForeignKey(Boundary, on_delete=models.CASCADE, related_name="sought")
    case_type = models.CharField(max_length=30, choices=CaseType.choices)
    action = models.CharField(max_length=20, choices=Action.choices)
    percent = models.PositiveSmallIntegerField(help_text="Of its cases that are judged blind.")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["boundary", "case_type", "action"], name="sought_once"),
            models.CheckConstraint(condition=models.Q(percent__lte=100), name="sought_percent_is_a_percentage"),
        ]

    def __str__(self) -> str:
        return f"{self.get_case_type_display()}, {self.get_action_display().lower()}"
