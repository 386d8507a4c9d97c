"""Sought regions: where more judgements would tell whether the AI may act alone."""

from decimal import Decimal

from django.db import models

from apps.policies.conditions import Condition, parse
from apps.policies.models.boundary import Boundary
from apps.policies.words import Action, CaseType


class SoughtRegion(models.Model):
    """Of the cases of a boundary in this region more are judged blind, until its next refinement report."""

    boundary = models.ForeignKey(Boundary, on_delete=models.CASCADE, related_name="sought")
    case_type = models.CharField(max_length=30, choices=CaseType.choices)
    action = models.CharField(max_length=20, choices=Action.choices)
    conditions = models.JSONField(default=list)
    ceiling = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    percent = models.PositiveSmallIntegerField(help_text="Of its cases that are judged blind.")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(percent__lte=100), name="sought_percent_is_a_percentage")
        ]

    def __str__(self) -> str:
        words = " and ".join(condition.in_words() for condition in self.parsed()) or "every case"
        return f"{self.get_case_type_display()}, {self.get_action_display().lower()}: {words}"

    def parsed(self) -> list[Condition]:
        return [parse(raw) for raw in self.conditions]

    def covers(self, amount: Decimal | None) -> bool:
        return self.ceiling is None or (amount is not None and amount <= self.ceiling)
