"""Reading models: intent classifiers that were trained anew with what people corrected. The one that ships needs no row."""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.db import models
from django_fsm import FSMField, transition

from apps.policies.machines import guard, in_state_list
from apps.policies.models.audit import no_truncate


class ReadingModelState(models.TextChoices):
    CHALLENGER = "challenger", "Challenger"
    CHAMPION = "champion", "Champion"
    RETIRED = "retired", "Retired"
    DROPPED = "dropped", "Dropped"


@guard
def is_better(row: ReadingModel) -> bool:
    """on cases that neither had seen it was right more often, beyond chance"""
    return bool(row.measured.get("better"))


@guard
def is_kept(row: ReadingModel) -> bool:
    """the model itself is still stored"""
    return row.content is not None


@guard
def two_want_it(row: ReadingModel) -> bool:
    """another person than who proposed it agreed"""
    return row.proposed_by_id is not None and row.adopted_by_id not in (None, row.proposed_by_id)


class ReadingModel(models.Model):
    """`content` is the trained model as it was signed; `measured` how it and the champion of then read the same held-out
    cases (learning/retraining.py)."""

    State = ReadingModelState
    _S = State

    version = models.CharField(max_length=12, unique=True)
    state = FSMField(max_length=10, choices=State.choices, default=State.CHALLENGER, protected=True)
    content = models.BinaryField(null=True)
    built_with = models.CharField(max_length=12, help_text="The corpora, recipe and library that it was trained with.")
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Who wants it to read.",
    )
    signature = models.CharField(max_length=64)
    against = models.CharField(max_length=12, help_text="The version that it was compared with.")
    labels = models.PositiveIntegerField(
        help_text="Cases with a known intent that it was trained with, besides the corpus."
    )
    corrected = models.PositiveIntegerField(help_text="Of those, what people corrected.")
    measured = models.JSONField()
    made_at = models.DateTimeField()
    adopted_at = models.DateTimeField(null=True)
    adopted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        verbose_name = "classifier"
        ordering = ["-made_at"]
        permissions = [("adopt_readingmodel", "Can adopt a classifier and go back")]
        constraints = [
            in_state_list(ReadingModelState, "readingmodel_state"),
            models.UniqueConstraint(fields=["state"], condition=models.Q(state="champion"), name="one_champion_reads"),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="what_was_measured",
                fields=["version", "built_with", "signature", "against", "labels", "corrected", "measured", "made_at"],
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            no_truncate(),
        ]

    def __str__(self) -> str:
        return f"Classifier {self.version}"

    @transition(state, source=_S.CHALLENGER, target=_S.CHAMPION, conditions=[is_better, is_kept, two_want_it],
                custom={"who": "second ops manager"})  # fmt: skip
    def adopt(self) -> None:
        """It reads from now on."""

    @transition(state, source=_S.CHAMPION, target=_S.RETIRED, custom={"who": "ops manager"})
    def retire(self) -> None:
        """Another one reads from now on."""

    @transition(state, source=_S.RETIRED, target=_S.CHAMPION, conditions=[is_kept], custom={"who": "ops manager"})
    def bring_back(self) -> None:
        """The one that came after it was taken back."""

    @transition(state, source=_S.CHALLENGER, target=_S.DROPPED, custom={"who": "a later challenger"})
    def drop(self) -> None:
        """A newer one was trained."""
