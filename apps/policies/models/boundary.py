"""Boundaries and their versions: the rules and guardrails that say what the AI may decide alone."""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.db import models
from django_fsm import FSMField, transition

from apps.policies.conditions import Condition, parse
from apps.policies.gate import CompiledPolicy, compile_policy
from apps.policies.machines import guard, in_state_list
from apps.policies.models.partner import valid_currency
from apps.policies.money import Money, exact_amount
from apps.policies.specs import GuardrailSpec, LimitSpec, PolicySpec, RuleSpec
from apps.policies.words import Action, CaseType, Handler, Seniority


class Boundary(models.Model):
    """A named remit that partners share."""

    name = models.CharField(max_length=100, unique=True)
    currency = models.CharField(max_length=3, default="USD", validators=[valid_currency])

    class Meta:
        verbose_name_plural = "boundaries"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def active_version(self) -> BoundaryVersion | None:
        return self.versions.filter(state=BoundaryVersion.State.ACTIVE).first()


@guard
def approver_is_another(version: BoundaryVersion) -> bool:
    """approved by somebody who contributed to no part of it"""
    return version.approved_by is not None and not version.contributors.filter(pk=version.approved_by.pk).exists()


@guard
def approved_as_it_is(version: BoundaryVersion) -> bool:
    """the approval names the content as it is now"""
    return version.approved_hash == version.current_hash()


@guard
def has_rules(version: BoundaryVersion) -> bool:
    """has at least one rule"""
    return version.rules.exists()


class BoundaryVersionState(models.TextChoices):
    DRAFT = "draft", "Draft"
    IN_REVIEW = "in_review", "In review"
    APPROVED = "approved", "Approved"
    SHADOW = "shadow", "Shadow"
    ACTIVE = "active", "Active"
    RETIRED = "retired", "Retired"


class BoundaryVersion(models.Model):
    """An immutable release of a boundary; only a draft can be edited."""

    State = BoundaryVersionState
    boundary = models.ForeignKey(Boundary, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    state = FSMField(max_length=12, choices=State.choices, default=State.DRAFT, protected=True, db_index=True)
    note = models.TextField(blank=True, help_text="What this version changes and why.")
    contributors = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+", blank=True)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    approved_hash = models.CharField(max_length=64, blank=True)
    activated_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["boundary", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["boundary", "number"], name="version_number_per_boundary"),
            models.UniqueConstraint(
                fields=["boundary"], condition=models.Q(state="active"), name="one_active_version_per_boundary"
            ),
            in_state_list(BoundaryVersionState, "boundaryversion_state"),
        ]
        permissions = [
            ("approve_boundaryversion", "Can approve a boundary version somebody else wrote"),
            ("activate_boundaryversion", "Can activate an approved boundary version"),
        ]

    def __str__(self) -> str:
        return f"{self.boundary} version {self.number}"

    @transition(state, source=State.DRAFT, target=State.IN_REVIEW, conditions=[has_rules],
                custom={"who": "ops manager"})  # fmt: skip
    def submit(self) -> None:
        """Hand the draft to a second person."""

    @transition(state, source=State.IN_REVIEW, target=State.APPROVED, conditions=[approver_is_another],
                custom={"who": "another ops manager"})  # fmt: skip
    def approve(self) -> None:
        """A second person agrees to exactly this content."""

    @transition(state, source=[State.IN_REVIEW, State.APPROVED, State.SHADOW], target=State.DRAFT,
                custom={"who": "ops manager"})  # fmt: skip
    def reject(self) -> None:
        """Back to draft: what was agreed no longer counts."""

    @transition(state, source=State.APPROVED, target=State.SHADOW, conditions=[approved_as_it_is],
                custom={"who": "ops manager"})  # fmt: skip
    def shadow(self) -> None:
        """Rule live traffic beside the active version without acting."""

    @transition(state, source=State.SHADOW, target=State.ACTIVE, conditions=[approver_is_another, approved_as_it_is],
                custom={"who": "ops manager"})  # fmt: skip
    def activate(self) -> None:
        """Rule from now on."""

    @transition(state, source=State.ACTIVE, target=State.RETIRED, custom={"who": "release of a later version"})
    def retire(self) -> None:
        """A later version rules."""

    def why_not(self, event: str) -> str | None:
        """The sentence for a guard that said no, or None when the state itself does not allow the event."""
        if event == "submit" and self.state == self.State.DRAFT:
            return "This draft has no rules yet. Add a rule before you submit it."
        if event == "approve" and self.state == self.State.IN_REVIEW:
            return "You worked on this version. Somebody who did not has to approve it."
        if event in ("shadow", "activate") and self.state in (self.State.APPROVED, self.State.SHADOW):
            return "The version is not what was approved. Send it back to draft and have it approved again."
        return None

    def policy(self) -> PolicySpec:
        """All that the version says. Raises BadCondition when a stored condition cannot be read."""
        specs = [guardrail.spec() for guardrail in self.guardrails.select_related("version__boundary")]
        return PolicySpec(
            tuple(rule.spec() for rule in self.rules.select_related("version__boundary")),
            tuple(spec for spec in specs if isinstance(spec, GuardrailSpec)),
            tuple(spec for spec in specs if isinstance(spec, LimitSpec)),
        )

    def current_hash(self) -> str:
        return self.policy().content_hash

    def compile(self) -> CompiledPolicy:
        policy = self.policy()
        return compile_policy(policy.rules, policy.guardrails, policy.limits)


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

    class Meta:
        abstract = True

    def parsed_conditions(self) -> tuple[Condition, ...]:
        return tuple(parse(raw) for raw in self.conditions)


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
        )


class Guardrail(RuleRow):
    class Kind(models.TextChoices):
        NEVER = "never", "Never AI alone when …"
        CEILING = "ceiling", "Never more than … at once"
        BUDGET = "budget", "Never more than … a day, per brand and action"
        CONFIDENCE = "confidence", "Never when less sure than …"

    version = models.ForeignKey(BoundaryVersion, on_delete=models.CASCADE, related_name="guardrails")
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.NEVER)
    actions = models.JSONField(default=list, blank=True, help_text="Actions it looks at; none: all.")
    case_types = models.JSONField(default=list, blank=True, help_text="Types it looks at; none: all.")
    amount = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    floor = models.DecimalField(max_digits=3, decimal_places=2, null=True, blank=True)
    seniority = models.CharField(max_length=10, choices=Seniority.choices, default=Seniority.ANY)

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
        if self.kind in (self.Kind.BUDGET, self.Kind.CONFIDENCE):
            return LimitSpec(key, self.kind, actions, case_types, self.limit, self.floor)
        return GuardrailSpec(
            key=key,
            conditions=self.parsed_conditions(),
            ceiling=self.limit if self.kind == self.Kind.CEILING else None,
            actions=actions,
            case_types=case_types,
            handler=Handler.HUMAN,
            seniority=self.seniority,
        )
