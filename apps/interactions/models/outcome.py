"""Outcomes: what became of a case after it was resolved; and past cases, which a brand brings along from before."""

from datetime import timedelta

from django.db import models
from django.db.models import Q

from apps.interactions.models.interaction import Interaction
from apps.interactions.models.mirror import optional_money_field
from apps.policies.models import Partner
from apps.policies.models.audit import append_only
from apps.policies.words import Action, CaseType

BAD_SCORE = 2  # of 5, and worse
REOPENED_WITHIN = timedelta(days=7)


class Outcome(models.Model):
    """One thing that was seen of one case. The brand reports it; that a customer wrote again is seen here too."""

    class Kind(models.TextChoices):
        REOPENED = "reopened", "Reopened"
        CSAT = "csat", "Satisfaction"
        REVIEW = "review", "Review"
        CHARGEBACK = "chargeback", "Charged back"
        FRAUD = "fraud", "Fraud"

    SCORED = (Kind.CSAT, Kind.REVIEW)
    ERRORS = (Kind.CHARGEBACK, Kind.FRAUD)  # what was decided was wrong, whoever found it right

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="+")
    interaction = models.ForeignKey(Interaction, on_delete=models.PROTECT, related_name="outcomes")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    score = models.PositiveSmallIntegerField(null=True, help_text="1 to 5, of a satisfaction or a review.")
    reference = models.CharField(max_length=100, help_text="Its own in the system that it comes from.")
    at = models.DateTimeField(help_text="When it happened.")
    reported_at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-id"]
        triggers = append_only()
        constraints = [
            models.UniqueConstraint(fields=["interaction", "kind", "reference"], name="outcome_once"),
            models.CheckConstraint(
                condition=Q(kind__in=["csat", "review"], score__range=(1, 5))
                | (~Q(kind__in=["csat", "review"]) & Q(score__isnull=True)),
                name="outcome_score_where_it_belongs",
            ),
        ]
        indexes = [models.Index(fields=["partner", "at"], name="outcome_of_partner")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}{f' {self.score}' if self.score else ''}: {self.interaction.external_id}"


class PastCase(models.Model):
    """A case that people decided elsewhere, before. It may suggest where to look; it proves nothing, since whoever decided it
    may have seen what a machine proposed, and its facts are as somebody wrote them down later."""

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="past_cases")
    external_id = models.CharField(max_length=100)
    case_type = models.CharField(max_length=30, choices=CaseType.choices)
    customer = models.CharField(max_length=100, blank=True, help_text="The brand's own name of the customer.")
    facts = models.JSONField(help_text="As a ruling has them: value by name.")
    action = models.CharField(max_length=20, choices=Action.choices)
    amount = optional_money_field()
    currency = models.CharField(max_length=3, blank=True)
    at_stake = optional_money_field()
    decided_at = models.DateTimeField()
    imported_at = models.DateTimeField()

    class Meta:
        ordering = ["-decided_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["partner", "external_id"], name="past_case_once_a_partner"),
            models.CheckConstraint(
                condition=Q(amount__isnull=True, currency="") | Q(amount__gte=0, currency__regex=r"^[A-Z]{3}$"),
                name="past_case_money_has_currency",
            ),
        ]
        indexes = [models.Index(fields=["partner", "-decided_at"], name="past_case_of_partner")]

    def __str__(self) -> str:
        return f"{self.external_id}: {self.get_action_display()}"
