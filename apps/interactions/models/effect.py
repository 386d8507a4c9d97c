"""Effects: each one thing a decision does outside, in order; the reply is the last."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, transition

from apps.interactions.models.decision import DecisionRecord
from apps.interactions.models.mirror import money_field, optional_money_field
from apps.policies.machines import in_state_list
from apps.policies.models import Partner
from apps.policies.words import Action

LONGEST_REFERENCE = 100


class EffectState(models.TextChoices):
    PENDING = "pending", "Pending"
    IN_FLIGHT = "in_flight", "In flight"
    DONE = "done", "Done"
    REFUSED = "refused", "Refused"
    UNKNOWN = "unknown", "Outcome unknown"
    COMPENSATED = "compensated", "Compensated"


class Effect(models.Model):
    State = EffectState
    _S = State

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False, help_text="Idempotency key.")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="+")
    decision = models.ForeignKey(DecisionRecord, on_delete=models.PROTECT, related_name="effects")
    position = models.PositiveSmallIntegerField()
    action = models.CharField(max_length=20, choices=Action.choices)
    amount = optional_money_field()
    currency = models.CharField(max_length=3, blank=True)
    lines = models.JSONField(default=list)
    state = FSMField(max_length=12, choices=State.choices, default=State.PENDING, protected=True)
    connector_reference = models.CharField(
        max_length=LONGEST_REFERENCE, blank=True, help_text="What the other side calls it."
    )
    outcome_reason = models.TextField(blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    called_at = models.DateTimeField(
        null=True, help_text="When its shop was called, where Remit calls it itself; committed before the call."
    )
    look_ups = models.PositiveSmallIntegerField(default=0, help_text="How often the shop was asked what became of it.")

    class Meta:
        ordering = ["-decision_id", "position"]
        constraints = [
            models.UniqueConstraint(fields=["decision", "position"], name="effect_position"),
            in_state_list(EffectState, "effect_state"),
            models.CheckConstraint(
                condition=Q(amount__isnull=True, currency="")
                | Q(amount__isnull=False, amount__gte=0, currency__regex=r"^[A-Z]{3}$"),
                name="effect_money_has_currency",
            ),
        ]
        indexes = [
            models.Index(fields=["settled_at"], condition=Q(amount__isnull=False), name="effect_money_settled"),
            models.Index(fields=["deadline_at"], condition=Q(state="in_flight"), name="effect_deadline"),
            models.Index(fields=["decision", "position"], condition=Q(state="pending"), name="effect_pending"),
            models.Index(fields=["deadline_at"], condition=Q(state="unknown"), name="effect_unknown"),
        ]
        permissions = [("settle_effect", "Can say what became of an effect whose outcome is unknown")]

    def __str__(self) -> str:
        return f"{self.action} {self.amount or ''} ({self.state})"

    @transition(state, source=_S.PENDING, target=_S.IN_FLIGHT, custom={"who": "worker, with everything reserved"})
    def send(self) -> None:
        """Its key is committed; the call may leave."""

    @transition(
        state,
        source=[_S.IN_FLIGHT, _S.UNKNOWN],
        target=_S.DONE,
        custom={"who": "connector, partner by API, look-up or operator"},
    )
    def confirm(self) -> None:
        """It happened outside."""

    @transition(state, source=[_S.PENDING, _S.IN_FLIGHT, _S.UNKNOWN], target=_S.REFUSED,
                custom={"who": "ledger, connector, partner by API, look-up or operator"})  # fmt: skip
    def refuse(self) -> None:
        """It did not and will not happen; what was reserved is free again."""

    @transition(state, source=_S.IN_FLIGHT, target=_S.UNKNOWN, custom={"who": "sweeper, at the deadline"})
    def lose_track(self) -> None:
        """No answer by the deadline: never repeated blindly."""

    @transition(state, source=_S.DONE, target=_S.COMPENSATED, custom={"who": "a reversing decision"})
    def compensate(self) -> None:
        """A second record undid it."""


class Budget(models.Model):
    """What one limit has left: of a brand, or for one customer, address or means of payment.

    Money and count are spent by one conditional update only. A limit of one day has a row for each day of the partner's
    calendar; one of several days has a single row, from which what is older is taken off again (`Reservation.until`).
    """

    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="+")
    action = models.CharField(max_length=60, help_text="What the limit is for: actions, types, days.")
    party = models.CharField(max_length=64, blank=True, help_text="Opaque key of whom it is for; empty: the brand.")
    day = models.DateField(null=True, help_text="In the partner's time zone; none: a limit of several days.")
    currency = models.CharField(max_length=3, blank=True)
    limit = optional_money_field()
    spent = money_field(default=0)
    most = models.PositiveIntegerField(null=True, help_text="How often at most.")
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "action", "party", "day", "currency"], name="one_budget_a_day", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=Q(spent__gte=0) & (Q(limit__isnull=True) | Q(spent__lte=F("limit"))),
                name="budget_never_overspent",
            ),
            models.CheckConstraint(
                condition=Q(most__isnull=True) | Q(count__lte=F("most")), name="never_more_often_than_allowed"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.partner} {self.day or ''} {self.action}"


class Reservation(models.Model):
    """What one effect holds: money on an order line, or in a budget. Released when the effect is refused; what a limit
    of several days counted ends `until` by itself."""

    effect = models.ForeignKey(Effect, on_delete=models.PROTECT, related_name="reservations")
    line = models.ForeignKey("interactions.OrderLine", null=True, on_delete=models.PROTECT, related_name="+")
    budget = models.ForeignKey(Budget, null=True, on_delete=models.PROTECT, related_name="+")
    amount = money_field()
    until = models.DateTimeField(null=True)
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(line__isnull=False, budget__isnull=True) | Q(line__isnull=True, budget__isnull=False),
                name="reservation_of_line_or_budget",
            )
        ]
        indexes = [
            models.Index(fields=["budget", "until"], condition=Q(released_at__isnull=True), name="reservation_open")
        ]

    def __str__(self) -> str:
        return f"{self.amount} for {self.effect_id}"


class SimulatedAction(models.Model):
    """What the built-in shop simulator did for a key: it answers the same key with the same result."""

    key = models.UUIDField(unique=True)
    action = models.CharField(max_length=20)
    amount = optional_money_field()
    reference = models.CharField(max_length=60)
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.action} {self.reference}"
