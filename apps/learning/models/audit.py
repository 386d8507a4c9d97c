"""Audits: what the AI did alone, and what people judged, judged again by somebody who sees neither answer first."""

from __future__ import annotations

from decimal import Decimal

import pgtrigger
from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django_fsm import FSMField, transition

from apps.interactions.classification.names import INTENT_LABELS
from apps.interactions.models import DecisionRecord, Judgement, Outcome
from apps.interactions.models.mirror import optional_money_field
from apps.policies.machines import guard, in_state_list
from apps.policies.models import Partner
from apps.policies.models.audit import no_truncate
from apps.policies.words import Action, CaseType


class KnownAnswer(models.Model):
    """A case whose right answer is agreed on: now and then somebody judges it without knowing that it is one."""

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="+")
    case_type = models.CharField(max_length=30, choices=CaseType.choices)
    content = models.JSONField(help_text="A context packet.")
    action = models.CharField(max_length=20, choices=Action.choices)
    why = models.TextField(help_text="What makes it the right answer.")
    active = models.BooleanField(default=True)
    judged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Whose audit it comes from.",
    )
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.get_case_type_display()}: {self.get_action_display()}"


@guard
def has_a_judgement(audit: CaseAudit) -> bool:
    """somebody judged it"""
    return audit.judged_by_id is not None and bool(audit.action)


@guard
def has_a_verdict(audit: CaseAudit) -> bool:
    """it is said whether what was done was right; what was wrong, if it was not"""
    return audit.verdict == "right" or (audit.verdict == "wrong" and bool(audit.wrong_part))


class CaseAuditState(models.TextChoices):
    OPEN = "open", "Open"
    JUDGED = "judged", "Judged"
    DONE = "done", "Done"
    EXPIRED = "expired", "Expired"


def found_wrong() -> Q:
    """Audits whose auditor would have done otherwise, as they said unseen, or calls it wrong now that they see it; and those
    of what was charged back, or found to be fraud, after it was decided."""
    regretted = Outcome.objects.filter(
        interaction=OuterRef("decision__interaction"), kind__in=Outcome.ERRORS, at__gte=OuterRef("decision__decided_at")
    )
    return Q(agreed=False) | Q(verdict=CaseAudit.Verdict.WRONG) | Q(Exists(regretted))


class CaseAudit(models.Model):
    """One case to judge, drawn with a known probability. `decision` is what the AI did alone, `judgement` what somebody
    judged before, `answer` the known one: exactly one of them, by kind."""

    State = CaseAuditState
    _S = State

    class Kind(models.TextChoices):
        ALONE = "alone", "What the AI did alone"
        DOUBLE = "double", "Judged by two"
        KNOWN = "known", "A known answer"

    class Verdict(models.TextChoices):
        RIGHT = "right", "Right"
        WRONG = "wrong", "Wrong"

    kind = models.CharField(max_length=8, choices=Kind.choices)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="+")
    case_type = models.CharField(max_length=30, choices=CaseType.choices)
    decision = models.OneToOneField(DecisionRecord, null=True, on_delete=models.PROTECT, related_name="case_audit")
    judgement = models.OneToOneField(Judgement, null=True, on_delete=models.PROTECT, related_name="case_audit")
    answer = models.ForeignKey(KnownAnswer, null=True, on_delete=models.PROTECT, related_name="audits")
    content = models.JSONField(help_text="The context packet that is judged.")
    rule = models.CharField(max_length=40, blank=True, help_text="The rule under which the AI acted.")
    ramp = models.ForeignKey("policies.Ramp", null=True, on_delete=models.PROTECT, related_name="audits")
    least = models.DecimalField(
        max_digits=5, decimal_places=4, default=1, help_text="The smallest probability that was drawn with then."
    )
    probability = models.DecimalField(
        max_digits=5, decimal_places=4, validators=[MinValueValidator(Decimal("0.0001")), MaxValueValidator(Decimal(1))]
    )
    state = FSMField(max_length=8, choices=State.choices, default=State.OPEN, protected=True)
    drawn_at = models.DateTimeField()
    due_at = models.DateTimeField()
    claimed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    claimed_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    skipped_by = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+", blank=True)
    judged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="case_audits"
    )
    action = models.CharField(max_length=20, choices=Action.choices, blank=True)
    label = models.CharField(max_length=120, blank=True)
    amount = optional_money_field()
    currency = models.CharField(max_length=3, blank=True)
    rationale = models.TextField(blank=True)
    seconds = models.PositiveIntegerField(null=True)
    judged_at = models.DateTimeField(null=True)
    agreed = models.BooleanField(
        null=True, help_text="Same action as what it is compared with, and an amount within 5 %."
    )
    verdict = models.CharField(max_length=5, choices=Verdict.choices, blank=True)
    wrong_part = models.CharField(max_length=10, choices=DecisionRecord.WrongPart.choices, blank=True)
    asked_for = models.CharField(max_length=20, choices=list(INTENT_LABELS.items()), blank=True)
    words = models.TextField(blank=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["due_at", "id"]
        permissions = [("judge_caseaudit", "Can judge audits")]
        constraints = [
            in_state_list(CaseAuditState, "caseaudit_state"),
            models.CheckConstraint(
                condition=Q(kind="alone", decision__isnull=False, judgement__isnull=True, answer__isnull=True)
                | Q(kind="double", decision__isnull=True, judgement__isnull=False, answer__isnull=True)
                | Q(kind="known", decision__isnull=True, judgement__isnull=True, answer__isnull=False),
                name="caseaudit_compares_with_one",
            ),
            models.UniqueConstraint(fields=["answer", "judged_by"], name="known_answer_once_a_person"),
        ]
        indexes = [models.Index(fields=["due_at", "id"], condition=Q(state="open"), name="caseaudit_queue")]
        triggers = [
            pgtrigger.ReadOnly(
                name="what_was_drawn",
                fields=["kind", "partner", "case_type", "decision", "judgement", "answer", "content", "rule",
                        "ramp", "least", "probability", "drawn_at"],
            ),
            pgtrigger.Protect(
                name="done_is_final",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__state__in=["done", "expired"]),
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            no_truncate(),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"audit {self.pk}: {self.get_kind_display().lower()}, {self.get_case_type_display().lower()}"

    @transition(
        state, source=_S.OPEN, target=_S.JUDGED, conditions=[has_a_judgement], custom={"who": "auditing person"}
    )
    def judge(self) -> None:
        """Judged without seeing what was done; now it is shown."""

    @transition(state, source=_S.JUDGED, target=_S.DONE, conditions=[has_a_verdict],
                custom={"who": "auditing person; sweeper, for who would have done otherwise"})  # fmt: skip
    def review(self) -> None:
        """What was done has been read and found right or wrong."""

    @transition(state, source=[_S.OPEN, _S.JUDGED], target=_S.EXPIRED, custom={"who": "sweeper, when its time is over"})
    def expire(self) -> None:
        """Nobody judged it in time, or said whether what they would have done, too, was done rightly."""
