"""Signals: what one decision teaches. Written when a decision is committed."""

from django.conf import settings
from django.db import models

from apps.interactions.models import DecisionRecord
from apps.interactions.models.mirror import optional_money_field
from apps.policies.models import Partner
from apps.policies.models.audit import append_only
from apps.policies.words import Action, CaseType


class Signal(models.Model):
    """The AI's proposal against what was decided, with the facts as known then."""

    decision = models.OneToOneField(DecisionRecord, on_delete=models.PROTECT, related_name="signal")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="+")
    case_type = models.CharField(max_length=30, choices=CaseType.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    facts = models.JSONField()
    proposed_action = models.CharField(max_length=20, choices=Action.choices)
    proposed_amount = optional_money_field()
    final_action = models.CharField(max_length=20, choices=Action.choices)
    final_amount = optional_money_field()
    currency = models.CharField(max_length=3, blank=True)
    agreed = models.BooleanField(
        help_text="Same action, amount and reply, but for what is no difference (disagreement.DIFFERENT)."
    )
    reply_changed = models.BooleanField(default=False, help_text="It was materially rewritten.")
    proposal_seen = models.BooleanField(default=True, help_text="The person saw the proposal: not blind.")
    reason_code = models.CharField(max_length=40, blank=True)
    words_changed = models.PositiveIntegerField(default=0, help_text="Words that were changed in the reply.")
    wrong_part = models.CharField(max_length=10, blank=True, choices=DecisionRecord.WrongPart.choices)
    seconds = models.PositiveIntegerField(null=True)
    at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-at", "-id"]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.case_type}: {self.proposed_action} → {self.final_action}"
