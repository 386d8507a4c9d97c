"""Releases of what belongs to one partner: its boundary, a stage, its Terms. Whatever widens takes two people."""

import pgtrigger
from django.conf import settings
from django.db import models
from django_fsm import FSMField, transition

from apps.policies.machines import guard, in_state_list
from apps.policies.models.audit import no_truncate


@guard
def agreed_by_another(release: "PartnerRelease") -> bool:
    """agreed to by somebody else than its proposer, or it only tightens"""
    return not release.widens or release.agreed_by_id not in (None, release.proposed_by_id)


class PartnerReleaseState(models.TextChoices):
    OPEN = "open", "Waits for a second person"
    RELEASED = "released", "Released"
    WITHDRAWN = "withdrawn", "Withdrawn"


class PartnerRelease(models.Model):
    """One change of a partner's authority: proposed by one person and, when it widens, agreed to by another.

    What was proposed never changes afterwards; for another content another release is proposed.
    """

    class Kind(models.TextChoices):
        BOUNDARY = "boundary", "Boundary"
        STAGE = "stage", "Stage of a type"
        TERMS = "terms", "Terms"

    State = PartnerReleaseState
    partner = models.ForeignKey("policies.Partner", on_delete=models.PROTECT, related_name="releases")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    content = models.JSONField()
    content_hash = models.CharField(max_length=64)
    in_words = models.TextField()
    widens = models.BooleanField()
    because = models.JSONField(default=list, help_text="Why it widens, a sentence each.")
    reason = models.TextField()
    state = FSMField(max_length=10, choices=State.choices, default=State.OPEN, protected=True)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(auto_now_add=True)
    agreed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "partner release"
        constraints = [
            in_state_list(PartnerReleaseState, "partnerrelease_state"),
            models.CheckConstraint(
                condition=~models.Q(state="released", widens=True)
                | (models.Q(agreed_by__isnull=False) & ~models.Q(agreed_by=models.F("proposed_by"))),
                name="partner_release_that_widens_takes_two",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="content_stays", operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "partner", "kind", "content", "content_hash", "in_words", "widens", "reason", "proposed_by"
                ),
            ),
            pgtrigger.Protect(
                name="ended_stays", operation=pgtrigger.Update, condition=pgtrigger.Condition("OLD.state <> 'open'")
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            no_truncate(),
        ]  # fmt: skip
        permissions = [("agree_partnerrelease", "Can agree to a partner release somebody else proposed")]

    def __str__(self) -> str:
        return f"{self.partner}: {self.in_words}"

    @transition(state, source=State.OPEN, target=State.RELEASED, conditions=[agreed_by_another],
                custom={"who": "another ops manager; its proposer when it only tightens"})  # fmt: skip
    def release(self) -> None:
        """It takes effect."""

    @transition(state, source=State.OPEN, target=State.WITHDRAWN, custom={"who": "ops manager"})
    def withdraw(self) -> None:
        """Nothing changes."""

    def why_not(self, event: str) -> str | None:
        if self.state != self.State.OPEN:
            return f"This release is {self.get_state_display().lower()} already."
        return "You proposed this, and it widens what the AI may do. Somebody else has to agree."


def only_by_release(
    name: str, *, kind: str, partner: str, update: str, insert: str = "false", content: str
) -> pgtrigger.Trigger:
    """Refuses an UPDATE or INSERT that widens (`update`, `insert`: SQL over OLD and NEW) outside a partner release.

    A release names itself in the setting `remit.release` of its transaction. It must have been released a moment ago
    (by two people when it widens), be of this partner and kind, and with this content (`content`: SQL over it, as r).
    """
    return pgtrigger.Trigger(
        name=name,
        operation=pgtrigger.Update | pgtrigger.Insert,
        when=pgtrigger.Before,
        declare=[("widens", "bool")],
        func=f"""
            IF TG_OP = 'INSERT' THEN widens := {insert}; ELSE widens := {update}; END IF;
            IF widens AND NOT EXISTS (
                SELECT 1 FROM policies_partnerrelease r
                WHERE r.id = nullif(current_setting('remit.release', true), '')::bigint
                AND r.state IN ('released') AND (NOT r.widens OR r.agreed_by_id IS NOT NULL)
                AND r.ended_at > now() - interval '1 minute'
                AND r.kind = '{kind}' AND r.partner_id = {partner} AND ({content})
            ) THEN
                RAISE EXCEPTION 'This widens what the AI may do: it takes a release that a second person agrees to';
            END IF;
            RETURN NEW;
        """,
    )
