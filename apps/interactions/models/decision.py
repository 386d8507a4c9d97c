"""Decision records: who decided what, on which packet, under which authority, why, in how many seconds."""

from __future__ import annotations

import uuid

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition

from apps.interactions.classification.names import INTENT_LABELS
from apps.interactions.models.escalation import Escalation
from apps.interactions.models.interaction import Interaction
from apps.interactions.models.mirror import optional_money_field
from apps.interactions.models.packet import ContextPacket
from apps.policies.machines import guard, in_state_list
from apps.policies.models import Partner, Ruling
from apps.policies.models.audit import no_truncate
from apps.policies.words import Action


@guard
def second_is_another(decision: DecisionRecord) -> bool:
    """a second person, who did not propose it, agreed"""
    return decision.second_by_id is not None and decision.second_by_id != decision.decided_by_id


@guard
def second_is_named(decision: DecisionRecord) -> bool:
    """a second person said no"""
    return decision.second_by_id is not None


class DecisionRecordState(models.TextChoices):
    PROPOSED = "proposed", "Proposed"
    DECIDED = "decided", "Decided"
    COMMITTED = "committed", "Committed"
    EXECUTING = "executing", "Executing"
    EXECUTED = "executed", "Executed"
    FAILED = "failed", "Failed"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn"
    VOIDED = "voided", "Voided"
    REVERSED = "reversed", "Reversed"


class DecisionRecord(models.Model):
    """Made at the decision and never reopened: a new try is a new record.

    `decided_by` is empty when the AI decided under `ruling`. The undo window ends at `commit_at`.
    """

    State = DecisionRecordState

    class How(models.TextChoices):
        ALONE = "alone", "By the AI alone"
        APPROVED = "approved", "Approved as proposed"
        MODIFIED = "modified", "Proposal modified"
        OVERRIDDEN = "overridden", "Overridden"
        ASKED = "asked", "Asked the customer"

    class WrongPart(models.TextChoices):
        TYPE = "type", "The type of the case"
        FACTS = "facts", "A fact"
        ACTION = "action", "The action"
        AMOUNT = "amount", "The amount"
        WORDING = "wording", "The wording"

    _S = State
    OPEN_STATES = (_S.PROPOSED, _S.DECIDED, _S.COMMITTED, _S.EXECUTING)

    reference = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="+")
    interaction = models.ForeignKey(Interaction, on_delete=models.PROTECT, related_name="decisions")
    escalation = models.ForeignKey(Escalation, null=True, on_delete=models.PROTECT, related_name="decisions")
    packet = models.ForeignKey(ContextPacket, null=True, on_delete=models.PROTECT, related_name="decisions")
    ruling = models.ForeignKey(Ruling, on_delete=models.PROTECT, related_name="decisions")
    state = FSMField(max_length=12, choices=State.choices, default=State.DECIDED, protected=True)
    how = models.CharField(max_length=12, choices=How.choices)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="decisions"
    )
    second_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    action = models.CharField(max_length=20, choices=Action.choices)
    amount = optional_money_field()
    currency = models.CharField(max_length=3, blank=True)
    lines = models.JSONField(default=list, help_text="SKUs of the order lines it is about; none: the whole order.")
    reply = models.TextField(blank=True)
    reason_code = models.CharField(max_length=40, blank=True)
    rationale = models.TextField(blank=True)
    wrong_part = models.CharField(
        max_length=10,
        choices=WrongPart.choices,
        blank=True,
        help_text="What of the proposal was wrong, when it was not followed.",
    )
    asked_for = models.CharField(
        max_length=20,
        choices=list(INTENT_LABELS.items()),
        blank=True,
        help_text="What they ask for, when it was misread.",
    )
    unlike = models.TextField(
        blank=True, help_text="What is different here from the like cases that were decided otherwise."
    )
    words_changed = models.PositiveIntegerField(
        default=0, help_text="Words put into or taken out of the option's reply."
    )
    joint = models.UUIDField(null=True, blank=True, db_index=True, help_text="The same for cases decided by one act.")
    seconds = models.PositiveIntegerField(
        null=True, help_text="From claim to decision; none when it was one of many decided together."
    )
    decided_at = models.DateTimeField()
    commit_at = models.DateTimeField(null=True, blank=True)
    committed_at = models.DateTimeField(null=True, blank=True)
    ended_because = models.TextField(blank=True, help_text="Why it was withdrawn, voided, rejected or failed.")
    reverses = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="reversed_by")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["interaction"],
                condition=Q(state__in=["proposed", "decided", "committed", "executing"]),
                name="one_open_decision_per_interaction",
            ),
            in_state_list(DecisionRecordState, "decisionrecord_state"),
            models.CheckConstraint(
                condition=Q(amount__isnull=True, currency="")
                | Q(amount__isnull=False, amount__gte=0, currency__regex=r"^[A-Z]{3}$"),
                name="decision_money_has_currency",
            ),
            models.CheckConstraint(
                condition=Q(second_by__isnull=True) | ~Q(second_by=F("decided_by")), name="second_person_is_another"
            ),
        ]
        indexes = [
            models.Index(fields=["commit_at"], condition=Q(state="decided"), name="decision_undo_window"),
            models.Index(fields=["decided_by", "-decided_at"], name="decision_of_person"),
            models.Index(fields=["decided_at"], condition=Q(decided_by__isnull=False), name="decision_by_people"),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="what_was_decided",
                fields=[
                    "interaction", "packet", "ruling", "how", "decided_by", "action", "amount", "currency",
                    "lines", "reply", "reason_code", "rationale", "wrong_part", "asked_for", "unlike", "words_changed", "joint",
                    "seconds", "decided_at",
                ],
            ),
            pgtrigger.Protect(
                name="ended_is_final",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__state__in=["rejected", "failed", "withdrawn", "voided", "reversed"]),
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            no_truncate(),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"decision {self.pk}: {self.action} ({self.state})"

    @transition(
        state, source=_S.PROPOSED, target=_S.DECIDED, conditions=[second_is_another], custom={"who": "second person"}
    )
    def second(self) -> None:
        """A second person agrees; the undo window runs."""

    @transition(
        state, source=_S.PROPOSED, target=_S.REJECTED, conditions=[second_is_named], custom={"who": "second person"}
    )
    def reject(self) -> None:
        """A second person says no; the case goes back to the queue."""

    @transition(
        state, source=_S.DECIDED, target=_S.COMMITTED, custom={"who": "worker, when the undo window has passed"}
    )
    def commit(self) -> None:
        """It can no longer be taken back."""

    @transition(state, source=_S.COMMITTED, target=_S.EXECUTING, custom={"who": "worker"})
    def start(self) -> None:
        """Its effects are being carried out."""

    @transition(state, source=_S.EXECUTING, target=_S.EXECUTED, custom={"who": "worker, when every effect is done"})
    def succeed(self) -> None:
        """Every effect is done."""

    @transition(
        state, source=_S.EXECUTING, target=_S.FAILED, custom={"who": "worker, when an effect was refused or is unknown"}
    )
    def fail(self) -> None:
        """An effect was refused, or its outcome is unknown; a person takes over."""

    @transition(
        state,
        source=[_S.PROPOSED, _S.DECIDED],
        target=_S.WITHDRAWN,
        custom={"who": "the one who decided, within the undo window"},
    )
    def withdraw(self) -> None:
        """Taken back in time."""

    @transition(
        state,
        source=[_S.PROPOSED, _S.DECIDED],
        target=_S.VOIDED,
        custom={"who": "intake or worker, when the packet is superseded"},
    )
    def void(self) -> None:
        """Something newer became known before it was committed."""

    @transition(state, source=_S.EXECUTED, target=_S.REVERSED, custom={"who": "a second, linked decision"})
    def reverse(self) -> None:
        """A second record undid it."""
