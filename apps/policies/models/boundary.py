"""Boundaries and their versions: the rules and guardrails that say what the AI may decide alone."""

from __future__ import annotations

import hashlib
from typing import Any

import pgtrigger
from django.conf import settings
from django.db import models
from django_fsm import FSMField, transition

from apps.policies.gate import CompiledPolicy, compile_policy
from apps.policies.machines import guard, in_state_list
from apps.policies.models.audit import append_only
from apps.policies.models.partner import valid_currency
from apps.policies.specs import GuardrailSpec, LimitSpec, PolicySpec


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
    """approved by somebody who contributed to no part of it, or proved not to widen"""
    if version.approved_by is None:
        return False
    return version.widens is False or not version.contributors.filter(pk=version.approved_by.pk).exists()


@guard
def is_verified(version: BoundaryVersion) -> bool:
    """verified as it is, without a problem"""
    return version.verified_hash == version.current_hash() and version.widens is not None


@guard
def approved_as_it_is(version: BoundaryVersion) -> bool:
    """the approval names the content as it is now"""
    return version.approved_hash == version.release_hash()


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


_widening_takes_two = pgtrigger.Trigger(
    name="widening_takes_two",
    operation=pgtrigger.Insert | pgtrigger.Update,
    when=pgtrigger.Before,
    func="""
        IF NEW.state NOT IN ('approved', 'shadow', 'active') THEN RETURN NEW; END IF;
        IF NEW.widens IS FALSE AND NEW.verification->>'widens' = 'false' THEN RETURN NEW; END IF;
        IF TG_OP = 'UPDATE' AND (OLD.state, OLD.approved_by_id, OLD.widens) IS NOT DISTINCT FROM
            (NEW.state, NEW.approved_by_id, NEW.widens)
        THEN RETURN NEW; END IF;
        IF NEW.approved_by_id IS NULL OR EXISTS (
            SELECT 1 FROM policies_versioncontributor
            WHERE version_id = NEW.id AND user_id = NEW.approved_by_id
        ) THEN
            RAISE EXCEPTION 'A version that widens is approved by somebody who contributed to no part of it';
        END IF;
        RETURN NEW;
    """,
)


_plan_stays = pgtrigger.Trigger(
    name="plan_stays",
    operation=pgtrigger.Update,
    when=pgtrigger.Before,
    condition=pgtrigger.Condition("OLD.state <> 'draft'"),
    func="""
        IF (NEW.boundary_id, NEW.number, NEW.parent_id, NEW.ends_at) IS DISTINCT FROM
            (OLD.boundary_id, OLD.number, OLD.parent_id, OLD.ends_at)
            OR (NEW.share <> OLD.share AND NOT (OLD.state = 'active' AND NEW.state = 'active' AND NEW.share > OLD.share))
        THEN
            RAISE EXCEPTION 'Parent, share and end of a version change only while it is a draft';
        END IF;
        RETURN NEW;
    """,
)


class BoundaryVersion(models.Model):
    """An immutable release of a boundary; only a draft can be edited."""

    State = BoundaryVersionState
    boundary = models.ForeignKey(Boundary, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    state = FSMField(max_length=12, choices=State.choices, default=State.DRAFT, protected=True, db_index=True)
    note = models.TextField(blank=True, help_text="What this version changes and why.")
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="children",
        help_text="The version it inherits from, until a release moves it to another.",
    )
    contributors = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="+", blank=True, through="policies.VersionContributor"
    )
    verification = models.JSONField(null=True, blank=True, help_text="What verification found when it was submitted.")
    verified_hash = models.CharField(max_length=64, blank=True)
    verified_against = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    widens = models.BooleanField(
        null=True, help_text="Whether it gives the AI more than the version before, as proved."
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    approved_hash = models.CharField(max_length=64, blank=True)
    activated_at = models.DateTimeField(null=True, blank=True)
    replaced = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    share = models.PositiveSmallIntegerField(
        default=100, help_text="Percent of cases it rules; the others are ruled by the version it replaced."
    )
    ends_at = models.DateTimeField(
        null=True, blank=True, help_text="When it gives way by itself to the version it replaced."
    )
    end_warned_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["boundary_id", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["boundary", "number"], name="version_number_per_boundary"),
            models.UniqueConstraint(
                fields=["boundary"], condition=models.Q(state="active"), name="one_active_version_per_boundary"
            ),
            in_state_list(BoundaryVersionState, "boundaryversion_state"),
            models.CheckConstraint(condition=models.Q(share__gte=1, share__lte=100), name="share_is_a_percentage"),
        ]
        triggers = [_widening_takes_two, _plan_stays]
        permissions = [
            ("approve_boundaryversion", "Can approve a boundary version somebody else wrote"),
            ("activate_boundaryversion", "Can activate an approved boundary version"),
        ]

    def __str__(self) -> str:
        return f"{self.boundary} version {self.number}"

    @transition(state, source=State.DRAFT, target=State.IN_REVIEW, conditions=[has_rules, is_verified],
                custom={"who": "ops manager"})  # fmt: skip
    def submit(self) -> None:
        """Hand the draft to a second person."""

    @transition(state, source=State.IN_REVIEW, target=State.APPROVED, conditions=[approver_is_another],
                custom={"who": "another ops manager; its author when it only tightens"})  # fmt: skip
    def approve(self) -> None:
        """Somebody agrees to exactly this content: a second person where it widens."""

    @transition(state, source=[State.IN_REVIEW, State.APPROVED, State.SHADOW], target=State.DRAFT,
                custom={"who": "ops manager"})  # fmt: skip
    def reject(self) -> None:
        """Back to draft: what was agreed no longer counts."""

    @transition(state, source=State.APPROVED, target=State.SHADOW, conditions=[approver_is_another, approved_as_it_is],
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
        if event == "submit" and self.state == self.State.DRAFT and not self.rules.exists():
            return "This draft has no rules yet. Add a rule before you submit it."
        if event == "approve" and self.state == self.State.IN_REVIEW:
            return "You worked on this version, and it widens. Somebody who did not has to approve it."
        if event == "submit" and self.state == self.State.DRAFT:
            return "This draft has not been verified as it is."
        released = event in ("shadow", "activate") and self.state in (self.State.APPROVED, self.State.SHADOW)
        if released and not approver_is_another(self):
            return (
                "Another version was released since, and against that one this widens. Send it back to draft, and have "
                "it approved by somebody who worked on no part of it."
            )
        if released:
            return "The version is not what was approved. Send it back to draft and have it approved again."
        return None

    def policy(self) -> PolicySpec:
        """All that the version says together with its parent: a type that it mentions is wholly its own, any other
        the parent's; the guardrails of both apply. Raises BadCondition when a stored condition cannot be read."""
        return self.policy_under(self.parent)

    def policy_under(self, parent: BoundaryVersion | None) -> PolicySpec:
        """The same, were it pinned to this parent."""
        specs = [guardrail.spec() for guardrail in self.guardrails.select_related("version__boundary")]
        own = PolicySpec(
            tuple(rule.spec() for rule in self.rules.select_related("version__boundary")),
            tuple(spec for spec in specs if isinstance(spec, GuardrailSpec)),
            tuple(spec for spec in specs if isinstance(spec, LimitSpec)),
        )
        return own if parent is None else own.inheriting(parent.policy())

    def rows_by_key(self) -> dict[str, Any]:
        """Its rules and guardrails, and its parent's, by the key that traces name them with."""
        rows: dict[str, Any] = {f"rule {rule.position}": rule for rule in self.rules.all()}
        rows |= {f"guardrail {guardrail.position}": guardrail for guardrail in self.guardrails.all()}
        inherited = self.parent.rows_by_key() if self.parent else {}
        return rows | {f"parent {key}": row for key, row in inherited.items()}

    def current_hash(self) -> str:
        return self.policy().content_hash

    def release_hash(self) -> str:
        """What an approval names: the content, and for which share of the cases and until when it is released."""
        ends_at = self.ends_at.isoformat() if self.ends_at else ""
        plan = "" if (self.share, ends_at) == (100, "") else f"{self.share} {ends_at}"
        content = self.current_hash()
        return hashlib.sha256(f"{content} {plan}".encode()).hexdigest() if plan else content

    def compile(self) -> CompiledPolicy:
        policy = self.policy()
        return compile_policy(policy.rules, policy.guardrails, policy.limits)


class VersionContributor(models.Model):
    """Somebody had a part in a version: drafted, edited or submitted it. That is never taken back."""

    version = models.ForeignKey(BoundaryVersion, on_delete=models.CASCADE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "user"], name="contributor_once")]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.user} worked on {self.version}"
