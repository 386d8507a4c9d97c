"""Breakers: what audits have shown so far of one scope, and the pause that it led to."""

import pgtrigger
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from apps.policies.models import Boundary, Partner, Pause, Ramp
from apps.policies.models.audit import no_truncate
from apps.policies.words import Action, CaseType


class Breaker(models.Model):
    """One scope: a grant, a rule of a boundary that has no ramp, or, as a pause has it, a type and action of a brand, a brand,
    or everything. `evidence` is what each bettor has (betting.py); `threshold` what they have to have on average for it to
    trip."""

    partner = models.ForeignKey(Partner, null=True, on_delete=models.PROTECT, related_name="+")
    case_type = models.CharField(max_length=30, choices=CaseType.choices, blank=True)
    action = models.CharField(max_length=20, choices=Action.choices, blank=True)
    ramp = models.OneToOneField(Ramp, null=True, on_delete=models.PROTECT, related_name="breaker")
    boundary = models.ForeignKey(Boundary, null=True, on_delete=models.PROTECT, related_name="+")
    rule = models.CharField(max_length=32, blank=True, help_text="Names what the rule says, in whatever version.")
    rule_says = models.TextField(blank=True, help_text="The same in words.")
    target = models.FloatField(validators=[MinValueValidator(0.0001), MaxValueValidator(0.5)])
    threshold = models.FloatField()
    least = models.FloatField(help_text="The smallest probability that its audits are drawn with.")
    evidence = models.JSONField(default=list)
    seen = models.PositiveIntegerField(default=0, help_text="Audits since it was armed.")
    wrong = models.PositiveIntegerField(default=0, help_text="Of those, what was found wrong.")
    armed_at = models.DateTimeField()
    let_go_on_at = models.DateTimeField(null=True, help_text="What the AI did before does not count any more.")
    pause = models.ForeignKey(Pause, null=True, on_delete=models.PROTECT, related_name="breakers")

    class Meta:
        ordering = ["partner_id", "case_type", "action"]
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "case_type", "action", "ramp", "boundary", "rule"],
                name="one_breaker_a_scope",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(boundary__isnull=True, rule="") | (Q(boundary__isnull=False) & ~Q(rule="")),
                name="breaker_of_a_rule_of_a_boundary",
            ),
            models.CheckConstraint(condition=Q(wrong__lte=models.F("seen")), name="breaker_wrong_of_seen"),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="scope_stays", fields=["partner", "case_type", "action", "ramp", "boundary", "rule"]
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            no_truncate(),
        ]

    def __str__(self) -> str:
        return f"Breaker of {self.scope_in_words()}"

    def scope_in_words(self) -> str:
        if self.ramp is not None:
            return f"the grant {self.ramp}"
        if self.boundary is not None:
            return f"a rule of {self.boundary}: {self.rule_says}"
        parts = [str(self.partner) if self.partner else "everything"]
        parts += [self.get_case_type_display()] if self.case_type else []
        parts += [self.get_action_display()] if self.action else []
        return ", ".join(parts)
