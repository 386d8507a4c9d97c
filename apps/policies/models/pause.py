"""Pauses: one switch each for everything, a boundary's brands, a partner, a type or an action. Autonomous becomes human."""

import pgtrigger
from django.conf import settings
from django.db import models

from apps.policies.models.audit import no_truncate
from apps.policies.models.partner import Partner
from apps.policies.words import Action, CaseType


class Pause(models.Model):
    """Pausing takes one person, at once. Lifting widens, so a second person has to agree."""

    partner = models.ForeignKey("policies.Partner", null=True, blank=True, on_delete=models.PROTECT)
    boundary = models.ForeignKey(
        "policies.Boundary", null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="Stops every brand that uses it.",
    )  # fmt: skip
    case_type = models.CharField(max_length=30, choices=CaseType.choices, blank=True)
    action = models.CharField(max_length=20, choices=Action.choices, blank=True)
    reason = models.TextField()
    paused_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="None: by an API key.",
    )
    paused_as = models.CharField(max_length=150, help_text="User name or key that paused.")
    paused_at = models.DateTimeField(auto_now_add=True)
    lift_asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(partner__isnull=True) | models.Q(boundary__isnull=True),
                name="pause_of_a_brand_or_a_boundary",
                violation_error_message="Pause one brand, or every brand of a boundary: choose one of them.",
            ),
            models.CheckConstraint(
                condition=models.Q(lifted_by__isnull=True)
                | (models.Q(lift_asked_by__isnull=False) & ~models.Q(lifted_by=models.F("lift_asked_by"))),
                name="lifting_takes_two",
            ),
            models.CheckConstraint(
                condition=models.Q(lifted_at__isnull=True, lifted_by__isnull=True)
                | models.Q(lifted_at__isnull=False, lifted_by__isnull=False),
                name="a_lifted_pause_says_by_whom",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="scope_stays", operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("partner", "boundary", "case_type", "action"),
            ),
            no_truncate(),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.scope_in_words()} paused"

    def scope_in_words(self) -> str:
        of_all = f"every brand of {self.boundary}" if self.boundary else "every partner"
        parts = [str(self.partner) if self.partner else of_all]
        if self.case_type:
            parts.append(self.get_case_type_display())
        if self.action:
            parts.append(self.get_action_display())
        return ", ".join(parts)

    def stops(self, partner: Partner) -> bool:
        """Whether it stops anything of a brand."""
        return self.partner_id in (None, partner.pk) and self.boundary_id in (None, partner.boundary_id)

    def covers(self, partner: Partner, case_type: str, action: str) -> bool:
        return self.stops(partner) and self.case_type in ("", case_type) and self.action in ("", action)
