"""How much of what a rule lets the AI do alone is audited, where a brand's share would bring too few audits a week."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from apps.policies.models import BoundaryVersion


class RuleAudits(models.Model):
    """Of one rule of a version, settled once a day before what it bounds is drawn. Rules of a ramp have theirs there."""

    version = models.ForeignKey(BoundaryVersion, on_delete=models.CASCADE, related_name="rule_audits")
    rule = models.CharField(max_length=40)
    decided = models.PositiveIntegerField(default=0, help_text="What the AI did alone under it in the week before.")
    audited = models.FloatField(
        default=0,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="The share that is audited at least.",
    )
    settled_at = models.DateTimeField()

    class Meta:
        ordering = ["version_id", "rule"]
        constraints = [
            models.UniqueConstraint(fields=["version", "rule"], name="audits_of_rule"),
            models.CheckConstraint(condition=models.Q(audited__gte=0, audited__lte=1), name="audits_of_rule_share"),
        ]

    def __str__(self) -> str:
        return f"{self.rule} of {self.version}: {self.audited:.0%}"
