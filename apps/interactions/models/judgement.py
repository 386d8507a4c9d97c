"""Judgements: what somebody decided on a case before they saw what the AI proposes."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.interactions.models.escalation import Escalation
from apps.interactions.models.mirror import optional_money_field
from apps.interactions.models.packet import ContextPacket
from apps.policies.models.audit import append_only
from apps.policies.words import Action


class Judgement(models.Model):
    """One for each blind case. The decision that follows may be another one; the judgement is what counts as evidence."""

    escalation = models.OneToOneField(Escalation, on_delete=models.PROTECT, related_name="judgement")
    packet = models.ForeignKey(ContextPacket, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=20, choices=Action.choices)
    label = models.CharField(max_length=120, help_text="The option's own words.")
    proposed_label = models.CharField(
        max_length=120, blank=True, help_text="Those of the option that was proposed and not shown; empty: not kept."
    )
    amount = optional_money_field()
    currency = models.CharField(max_length=3, blank=True)
    rationale = models.TextField(blank=True)
    seconds = models.PositiveIntegerField(help_text="From claim to judgement.")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        triggers = append_only()
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__isnull=True, currency="")
                | Q(amount__isnull=False, amount__gte=0, currency__regex=r"^[A-Z]{3}$"),
                name="judgement_money_has_currency",
            )
        ]

    def __str__(self) -> str:
        return f"judgement on escalation {self.escalation_id}: {self.action}"
