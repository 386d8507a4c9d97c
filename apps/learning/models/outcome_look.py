"""What was looked at once a week of a brand's outcomes: an alarm of its own, which stops nothing and certifies nothing."""

from django.db import models

from apps.policies.models import Partner
from apps.policies.models.audit import append_only


class OutcomeLook(models.Model):
    """One week of one brand. `rows` hold, of each type, sort of outcome and age of the cases, how many of those that the AI
    decided lately ended so, against how many did usually (outcomes.Compared)."""

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="+")
    week = models.DateField(help_text="The Monday that it begins with.")
    rows = models.JSONField()
    alarms = models.PositiveIntegerField(help_text="Rows in which it is too much for chance.")

    class Meta:
        ordering = ["-week", "partner_id"]
        triggers = append_only()
        constraints = [models.UniqueConstraint(fields=["partner", "week"], name="outcome_look_once_a_week")]

    def __str__(self) -> str:
        return f"Outcomes of {self.partner}, week of {self.week:%d %B %Y}"
