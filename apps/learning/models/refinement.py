"""Refinements: what the evidence proposes to move a boundary to, with the numbers that it rests on."""

from __future__ import annotations

from decimal import Decimal

import pgtrigger
from django.conf import settings
from django.db import models
from django_fsm import FSMField, transition

from apps.learning.certification import ALPHA
from apps.learning.disagreement import Disagreement
from apps.learning.region import Region
from apps.policies.conditions import parse
from apps.policies.machines import guard, in_state_list
from apps.policies.models import Boundary, BoundaryVersion
from apps.policies.models.audit import append_only, no_truncate
from apps.policies.money import Money
from apps.policies.specs import PolicySpec, RuleSpec
from apps.policies.words import Action, CaseType, Handler, Seniority

REPORTS_A_YEAR = 52


class RefinementReport(models.Model):
    """One look at a boundary's evidence. Each that tests anything spends a part of the boundary's α, whether it proposes
    anything or not."""

    boundary = models.ForeignKey(Boundary, on_delete=models.PROTECT, related_name="refinement_reports")
    number = models.PositiveIntegerField(help_text="From 1.")
    made_at = models.DateTimeField()
    target = models.FloatField(help_text="The error rate that a region has to be proven under.")
    alpha = models.FloatField(help_text="What this report could spend; 0: it tested nothing.")
    pieces = models.PositiveIntegerField(help_text="Cases that were judged unseen.")
    tested = models.PositiveIntegerField(help_text="Regions that were tested.")
    tested_kinds = models.JSONField(default=list, help_text="Types and actions of what was tested.")
    pairs = models.PositiveIntegerField(
        default=0, help_text="Cases that two people judged, neither seeing the other's."
    )
    differing = models.PositiveIntegerField(default=0, help_text="Of those, what they judged differently.")
    by_two = models.JSONField(
        default=dict, help_text="By type: cases that two judged, and those that they differed in."
    )
    waiting = models.JSONField(default=list, help_text="Regions that promise something and need more judgements.")

    class Meta:
        ordering = ["-made_at"]
        constraints = [models.UniqueConstraint(fields=["boundary", "number"], name="report_number_of_boundary")]
        triggers = append_only()

    def __str__(self) -> str:
        return f"Report {self.number} of {self.boundary}"

    @property
    def disagreement(self) -> Disagreement:
        """Of people among themselves."""
        return Disagreement(self.pairs, self.differing)

    @property
    def out_of_reach(self) -> dict[str, tuple[Disagreement, float]]:
        """The types in which people surely differ among themselves by more than twice the loosest target, which is told
        too. All types of a year's reports share the chance that this is said of any wrongly."""
        share = ALPHA / max(1, len(self.by_two)) / REPORTS_A_YEAR
        found = {}
        for case_type, (pairs, differing, *target) in self.by_two.items():
            one, loosest = Disagreement(pairs, differing), target[0] if target else self.target
            if one.is_above(loosest, share):
                found[case_type] = one, loosest
        return found


class RefinementState(models.TextChoices):
    OPEN = "open", "Open"
    ACCEPTED = "accepted", "Accepted"
    DISMISSED = "dismissed", "Dismissed"
    EXPIRED = "expired", "Expired"


@guard
def has_a_draft(row: Refinement) -> bool:
    """a draft version was made of it"""
    return row.version_id is not None


@guard
def has_a_reason(row: Refinement) -> bool:
    """somebody said why"""
    return bool(row.reason.strip())


class Refinement(models.Model):
    """One region that was certified, or one in which the AI is wrong too often. `region` is what a rule would say, `steps`
    what was tested of its chain, `rests_on` the cases it rests on and what they were made with."""

    class Kind(models.TextChoices):
        WIDEN = "widen", "Let the AI do it"
        TIGHTEN = "tighten", "Give it back to people"

    State = RefinementState
    _S = State

    report = models.ForeignKey(RefinementReport, on_delete=models.PROTECT, related_name="proposals")
    case_type = models.CharField(max_length=30, choices=CaseType.choices)
    action = models.CharField(max_length=20, choices=Action.choices)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.WIDEN)
    region = models.JSONField()
    steps = models.JSONField()
    rests_on = models.JSONField(default=dict)
    expected = models.JSONField(default=dict, help_text="What it would change, by the cases of the last four weeks.")
    replay = models.JSONField(
        null=True, help_text="What it would have made of the last weeks; empty: not replayed yet."
    )
    evidence_hash = models.CharField(max_length=64, help_text="Names the cases that it rests on.")
    state = FSMField(max_length=10, choices=State.choices, default=State.OPEN, protected=True)
    version = models.ForeignKey(BoundaryVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        permissions = [("decide_refinement", "Can accept and dismiss refinements")]
        constraints = [in_state_list(RefinementState, "refinement_state")]
        triggers = [
            pgtrigger.ReadOnly(
                name="what_was_proven",
                fields=[
                    "report",
                    "kind",
                    "case_type",
                    "action",
                    "region",
                    "steps",
                    "rests_on",
                    "expected",
                    "evidence_hash",
                ],
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            no_truncate(),
        ]

    def __str__(self) -> str:
        verb = "" if self.kind == self.Kind.WIDEN else "no more "
        return f"{self.get_case_type_display()}: {verb}{self.get_action_display().lower()}, report {self.report.number}"

    def in_words(self) -> str:
        verb = "" if self.kind == self.Kind.WIDEN else "no more "
        region = self.as_region().in_words()
        return f"{self.get_case_type_display()}: {verb}{self.get_action_display().lower()} when {region}"

    def as_region(self) -> Region:
        ceiling = self.region["ceiling"]
        return Region(
            tuple(parse(raw) for raw in self.region["conditions"]),
            Money(Decimal(ceiling["amount"]), ceiling["currency"]) if ceiling else None,
        )

    def rule(self, policy: PolicySpec) -> RuleSpec:
        """What a draft of this policy made of it says, without its ramp. What is given back to people comes before what they
        decide already, so it asks for seniors where anything of its type does."""
        region = self.as_region()
        if self.kind == self.Kind.WIDEN:
            return RuleSpec(
                "the proposal", self.case_type, region.conditions, Handler.AUTONOMOUS, self.action, region.ceiling
            )
        asked = {one.seniority for one in policy.rules if one.case_type == self.case_type}
        seniority = Seniority.SENIOR if Seniority.SENIOR in asked else Seniority.ANY
        return RuleSpec("the proposal", self.case_type, region.conditions, Handler.HUMAN, seniority=seniority)

    @transition(state, source=_S.OPEN, target=_S.ACCEPTED, conditions=[has_a_draft], custom={"who": "ops manager"})
    def accept(self) -> None:
        """A draft version of the boundary says it; it goes the way of every draft."""

    @transition(state, source=_S.OPEN, target=_S.DISMISSED, conditions=[has_a_reason], custom={"who": "ops manager"})
    def dismiss(self) -> None:
        """Somebody said why not: it is not proposed again on the same evidence."""

    @transition(state, source=_S.OPEN, target=_S.EXPIRED, custom={"who": "a later report"})
    def expire(self) -> None:
        """Newer evidence was looked at."""
