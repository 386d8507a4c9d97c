"""Rulings: the decision log. Append-only; each names its case by an opaque subject."""

from django.db import models

from apps.policies.models.audit import append_only
from apps.policies.words import Action, CaseType, Handler, Seniority


class Ruling(models.Model):
    """What the gate said to one proposal on one case, and what each later question took away again."""

    at = models.DateTimeField(db_index=True)
    partner = models.ForeignKey("policies.Partner", on_delete=models.PROTECT, related_name="+")
    subject = models.CharField(max_length=64, db_index=True)
    parties = models.JSONField(
        default=dict, help_text="Opaque keys of customer, address and payment token, which limits on each count by."
    )
    version = models.ForeignKey("policies.BoundaryVersion", null=True, on_delete=models.PROTECT, related_name="rulings")
    content_hash = models.CharField(max_length=64, blank=True)
    terms_number = models.PositiveIntegerField(null=True)
    case_type = models.CharField(max_length=30, choices=CaseType.choices)
    action = models.CharField(max_length=20, choices=Action.choices)
    proposal = models.JSONField()
    confidence = models.DecimalField(max_digits=4, decimal_places=3)
    facts = models.JSONField(help_text="Each with value, source and time, as they were known.")
    used = models.JSONField(default=dict, help_text="The values that the gate could use, flat, for replays.")
    gate_handler = models.CharField(max_length=15, choices=Handler.choices)
    gate_seniority = models.CharField(max_length=10, choices=Seniority.choices, default=Seniority.ANY)
    rule = models.CharField(max_length=40, blank=True)
    refused_by = models.CharField(max_length=40, blank=True, help_text="What stopped the AI at the gate.")
    ramp = models.PositiveBigIntegerField(null=True, help_text="The ramp of the rule that granted it, if it has one.")
    verdict = models.JSONField(help_text="Handler, rule and trace as the gate gave them.")
    downgrades = models.JSONField(default=list, help_text="Each: which question said no, and why.")
    kept_no = models.PositiveSmallIntegerField(
        default=0, help_text="The strictest handler that able or earned left, other than by a limit; 0: none said no."
    )
    handler = models.CharField(max_length=15, choices=Handler.choices)
    seniority = models.CharField(max_length=10, choices=Seniority.choices)
    made_with = models.JSONField(default=dict, help_text="Versions of classifier, drafter and playbook.")

    class Meta:
        ordering = ["-id"]
        triggers = append_only()
        indexes = [
            models.Index(fields=["partner", "-id"], name="ruling_of_partner"),
            models.Index(fields=["ramp", "-id"], condition=models.Q(ramp__isnull=False), name="ruling_ramp"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(handler__in=Handler.values), name="ruling_handler_in_list"),
        ]

    def __str__(self) -> str:
        return f"ruling {self.pk}: {self.case_type} → {self.handler}"


class ShadowRuling(models.Model):
    """What a version in shadow said to the same proposal and facts. Append-only; nothing was done because of it."""

    ruling = models.ForeignKey(Ruling, on_delete=models.PROTECT, related_name="shadows")
    version = models.ForeignKey("policies.BoundaryVersion", on_delete=models.PROTECT, related_name="shadow_rulings")
    handler = models.CharField(max_length=15, choices=Handler.choices)
    rule = models.CharField(max_length=40, blank=True)
    differs = models.BooleanField(help_text="Another handler, seniority or rule than the version that ruled.")
    verdict = models.JSONField()

    class Meta:
        ordering = ["-id"]
        triggers = append_only()
        indexes = [models.Index(fields=["version", "differs", "id"], name="shadow_disagreements")]

    def __str__(self) -> str:
        return f"shadow of ruling {self.ruling_id}: {self.handler}"
