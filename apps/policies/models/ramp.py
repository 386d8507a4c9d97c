"""Ramps: a rule that grants something new lets the AI act in a part of its cases at first."""

import pgtrigger
from django.db import models

from apps.policies.conditions import Condition, parse
from apps.policies.lots import SHARES, Lot, lot_at
from apps.policies.models.audit import no_truncate
from apps.policies.models.boundary import Boundary
from apps.policies.money import Money, exact_amount
from apps.policies.specs import RuleSpec
from apps.policies.words import Action, CaseType, Handler


class Ramp(models.Model):
    """One grant, whatever versions it stands in. Stopped it grants nothing any more: what takes its place is a new release."""

    boundary = models.ForeignKey(Boundary, on_delete=models.PROTECT, related_name="ramps")
    case_type = models.CharField(max_length=30, choices=CaseType.choices)
    action = models.CharField(max_length=20, choices=Action.choices)
    source = models.CharField(max_length=100, help_text="What it was proven by.")
    proven = models.JSONField(
        null=True, help_text="The region that was proven: conditions and ceiling; empty: none was."
    )
    share = models.PositiveSmallIntegerField(
        default=SHARES[0], help_text="Percent of its cases in which the AI acts alone."
    )
    stepped_at = models.DateTimeField(null=True, help_text="When this step began; empty: it was not released yet.")
    audited = models.FloatField(default=1.0, help_text="With which probability a decision under it is audited.")
    usual = models.JSONField(default=dict, help_text="What its certificate rests on, by fact (drift.py).")
    unlike = models.JSONField(
        default=list, blank=True, help_text="Conditions that it was never certified on: such cases are people's."
    )
    made_with = models.JSONField(
        default=list, help_text="Versions of classifier, drafter and playbook that it was proven or ramped with."
    )
    looked_at = models.DateTimeField(null=True, help_text="When drift was looked for.")
    stopped_at = models.DateTimeField(null=True)
    stopped_because = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(share__in=SHARES), name="ramp_share_is_a_step"),
            models.CheckConstraint(condition=models.Q(audited__gt=0, audited__lte=1), name="ramp_audited_is_a_share"),
            models.CheckConstraint(
                condition=models.Q(stopped_at__isnull=True) | ~models.Q(stopped_because=""),
                name="a_stopped_ramp_says_why",
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="grant_stays", fields=["boundary", "case_type", "action", "source", "proven", "usual"]
            ),
            pgtrigger.Protect(
                name="stopped_is_final",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__stopped_at__isnull=False),
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            no_truncate(),
        ]

    def __str__(self) -> str:
        return f"{self.get_case_type_display()}: {self.get_action_display().lower()} ({self.source})"

    def certificate(self) -> RuleSpec | None:
        """The widest rule that was proven."""
        if self.proven is None:
            return None
        ceiling = self.proven["ceiling"]
        return RuleSpec(
            "rule 1", self.case_type, tuple(parse(raw) for raw in self.proven["conditions"]), Handler.AUTONOMOUS, self.action,
            Money(exact_amount(ceiling["amount"]), ceiling["currency"]) if ceiling else None,
        )  # fmt: skip

    def never_certified(self) -> list[Condition]:
        return [parse(raw) for raw in self.unlike]

    def lot(self, place: float) -> Lot:
        return Lot.NOT_YET if self.stopped_at else lot_at(place, self.share)
