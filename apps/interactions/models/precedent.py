"""Precedents: what people decided in cases that can be alike, laid out to be looked up among a million."""

from django.db import models

from apps.interactions.models.decision import DecisionRecord
from apps.interactions.models.mirror import optional_money_field
from apps.policies.models import Partner
from apps.policies.models.audit import append_only
from apps.policies.words import Action, CaseType


class Precedent(models.Model):
    """One committed decision of a person. `near`, `close` and `wide` are the keys of its circles (likeness.py)."""

    decision = models.OneToOneField(DecisionRecord, on_delete=models.PROTECT, related_name="precedent")
    case = models.UUIDField(help_text="The reference of its interaction.")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="+")
    case_type = models.CharField(max_length=30, choices=CaseType.choices)
    near = models.CharField(max_length=200)
    close = models.CharField(max_length=200)
    wide = models.CharField(max_length=200)
    action = models.CharField(max_length=20, choices=Action.choices)
    amount = optional_money_field()
    currency = models.CharField(max_length=3, blank=True)
    reason = models.CharField(max_length=60, blank=True, help_text="The label of its reason code then.")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at"]
        triggers = append_only()
        indexes = [
            models.Index(fields=["partner", "near", "-at"], name="precedent_near"),
            models.Index(fields=["partner", "close", "-at"], name="precedent_close"),
            models.Index(fields=["partner", "wide", "-at"], name="precedent_wide"),
        ]

    def __str__(self) -> str:
        return f"{self.near}: {self.action}"
