"""The rows of a version: rules and guardrails. They change only while their version is a draft, also by trigger."""

from datetime import time

import pgtrigger
from django.db import models

from apps.policies.conditions import Condition, parse
from apps.policies.models.boundary import BoundaryVersion
from apps.policies.money import Money, exact_amount
from apps.policies.specs import GuardrailSpec, LimitSpec, RuleSpec
from apps.policies.words import Action, CaseType, Handler, Seniority

_only_in_a_draft = pgtrigger.Trigger(
    name="only_in_a_draft",
    operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
    when=pgtrigger.Before,
    declare=[("version", "bigint"), ("version_state", "text")],
    func="""
        IF TG_OP = 'DELETE' THEN version := OLD.version_id; ELSE version := NEW.version_id; END IF;
        IF TG_OP = 'UPDATE' AND OLD.version_id IS DISTINCT FROM NEW.version_id THEN
            RAISE EXCEPTION 'A row of a boundary version stays with it';
        END IF;
        SELECT state INTO version_state FROM policies_boundaryversion WHERE id = version;
        IF version_state IS DISTINCT FROM 'draft' AND version_state IS NOT NULL THEN
            RAISE EXCEPTION 'A boundary version is edited only while it is a draft';
        END IF;
        IF TG_OP = 'DELETE' THEN RETURN OLD; ELSE RETURN NEW; END IF;
    """,
)


class RuleRow(models.Model):
    """What rules and guardrails have in common: a place in a version, and conditions as checked JSON."""

    position = models.PositiveIntegerField()
    conditions = models.JSONField(default=list, blank=True)
    revision = models.PositiveIntegerField(
        default=1, help_text="Counts its edits, so that nobody overwrites another's."
    )

    class Meta:
        abstract = True

    def parsed_conditions(self) -> tuple[Condition, ...]:
        return tuple(parse(raw) for raw in self.conditions)


def _minutes(at: time | None) -> int:
    """After midnight."""
    return at.hour * 60 + at.minute if at else 0


def _money(amount: object, currency: str) -> Money | None:
    return None if amount is None else Money(exact_amount(amount), currency)


class Rule(RuleRow):
    version = models.ForeignKey(BoundaryVersion, on_delete=models.CASCADE, related_name="rules")
    case_type = models.CharField(max_length=30, choices=CaseType.choices)
    handler = models.CharField(max_length=15, choices=Handler.choices, default=Handler.HUMAN)
    action = models.CharField(
        max_length=20, choices=Action.choices, blank=True, help_text="What the AI may do alone under this rule."
    )
    ceiling = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    seniority = models.CharField(max_length=10, choices=Seniority.choices, default=Seniority.ANY)
    due_minutes = models.PositiveIntegerField(null=True, blank=True, help_text="Minutes a person has to decide.")
    ramp = models.ForeignKey(
        "policies.Ramp", null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="rules"
    )

    class Meta:
        ordering = ["position", "id"]
        triggers = [_only_in_a_draft]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "position"], name="rule_position", deferrable=models.Deferrable.DEFERRED
            ),
            models.CheckConstraint(condition=models.Q(ceiling__isnull=True) | models.Q(ceiling__gte=0),
                                   name="rule_ceiling_not_negative"),
            models.CheckConstraint(condition=~models.Q(handler="autonomous") | ~models.Q(action=""),
                                   name="autonomous_rule_names_its_action"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"rule {self.position} of {self.version}"

    def spec(self) -> RuleSpec:
        return RuleSpec(
            key=f"rule {self.position}",
            case_type=self.case_type,
            conditions=self.parsed_conditions(),
            handler=self.handler,
            action=self.action,
            ceiling=_money(self.ceiling, self.version.boundary.currency),
            seniority=self.seniority,
            due_minutes=self.due_minutes,
            ramp=self.ramp_id,
        )


class Guardrail(RuleRow):
    class Kind(models.TextChoices):
        NEVER = "never", "Never AI alone when …"
        CEILING = "ceiling", "Never more than … at once"
        BUDGET = "budget", "Never more than … in some days, per brand"
        VELOCITY = "velocity", "Never more often than … for one customer, address or means of payment"
        CONFIDENCE = "confidence", "Never when less sure than …"
        QUIET = "quiet", "Never from … to … o'clock"
        ERROR = "error", "Never wrong in more than …"

    class Per(models.TextChoices):
        CUSTOMER = "customer", "Customer"
        ADDRESS = "address", "Address"
        PAYMENT = "payment", "Means of payment"

    version = models.ForeignKey(BoundaryVersion, on_delete=models.CASCADE, related_name="guardrails")
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.NEVER)
    actions = models.JSONField(default=list, blank=True, help_text="Actions it looks at; none: all.")
    case_types = models.JSONField(default=list, blank=True, help_text="Types it looks at; none: all.")
    amount = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    floor = models.DecimalField(max_digits=3, decimal_places=2, null=True, blank=True)
    target = models.DecimalField(max_digits=5, decimal_places=4, null=True, blank=True)
    seniority = models.CharField(max_length=10, choices=Seniority.choices, default=Seniority.ANY)
    days = models.PositiveSmallIntegerField(
        default=1, help_text="Within so many days; 1: the calendar day in the brand's time zone."
    )
    count = models.PositiveSmallIntegerField(null=True, blank=True, help_text="At most so many times.")
    per = models.CharField(max_length=10, choices=Per.choices, default=Per.CUSTOMER)
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_to = models.TimeField(null=True, blank=True)
    hard = models.BooleanField(
        default=False, help_text="Hard: a draft with a rule that goes beyond it cannot be submitted."
    )

    class Meta:
        ordering = ["position", "id"]
        triggers = [_only_in_a_draft]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "position"], name="guardrail_position", deferrable=models.Deferrable.DEFERRED
            ),
            models.CheckConstraint(
                condition=~models.Q(kind__in=["ceiling", "budget"]) | models.Q(amount__gte=0, amount__isnull=False),
                name="limit_has_an_amount",
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="confidence") | models.Q(floor__gte=0, floor__lte=1, floor__isnull=False),
                name="floor_is_a_share",
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="velocity") | models.Q(amount__isnull=False) | models.Q(count__isnull=False),
                name="velocity_counts_something",
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="quiet") | models.Q(quiet_from__isnull=False, quiet_to__isnull=False),
                name="quiet_hours_have_ends",
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="error") | models.Q(target__gt=0, target__lte=0.5, target__isnull=False),
                name="error_has_a_target",
            ),
            models.CheckConstraint(condition=models.Q(days__gte=1, days__lte=365), name="limit_days"),
        ]

    def __str__(self) -> str:
        return f"guardrail {self.position} of {self.version}"

    @property
    def limit(self) -> Money | None:
        return _money(self.amount, self.version.boundary.currency)

    def spec(self) -> GuardrailSpec | LimitSpec:
        """What the gate reads of it, or, for budgets and floors, what the checks after the gate read."""
        key, actions, case_types = (
            f"guardrail {self.position}",
            frozenset(self.actions),
            frozenset(self.case_types),
        )
        match self.kind:
            case self.Kind.BUDGET:
                return LimitSpec(key, "budget", actions, case_types, amount=self.limit, days=self.days)
            case self.Kind.VELOCITY:
                return LimitSpec(key, "velocity", actions, case_types, amount=self.limit, days=self.days, count=self.count,
                                 per=self.per)  # fmt: skip
            case self.Kind.CONFIDENCE:
                return LimitSpec(key, "confidence", actions, case_types, floor=self.floor)
            case self.Kind.QUIET:
                hours = (_minutes(self.quiet_from), _minutes(self.quiet_to))
                return LimitSpec(key, "quiet", actions, case_types, hours=hours)
            case self.Kind.ERROR:
                return LimitSpec(key, "error", actions, case_types, amount=self.limit, target=self.target)
        return GuardrailSpec(
            key=key,
            conditions=self.parsed_conditions(),
            ceiling=self.limit if self.kind == self.Kind.CEILING else None,
            actions=actions,
            case_types=case_types,
            handler=Handler.HUMAN,
            seniority=self.seniority,
            hard=self.hard,
        )
