"""Signals and audits, to look up; the pages for people are /signals/ and /audits/."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from apps.learning import audits, breaker
from apps.learning.admin.why import WhyForm
from apps.learning.models import Breaker, CaseAudit, KnownAnswer, Signal
from apps.policies.admin.base import Audited, OfPartners, ReadOnly, partner_ids, person
from apps.policies.errors import Refused
from apps.policies.models import Partner


@admin.register(Signal)
class SignalAdmin(OfPartners, ReadOnly):
    nothing_yet = "Nothing to learn from yet. Each decision of a person leaves a signal."
    list_display = (
        "at",
        "partner",
        "case_type",
        "proposed_action",
        "final_action",
        "agreed",
        "proposal_seen",
        "by",
        "seconds",
    )
    list_filter = ("agreed", "proposal_seen", "wrong_part", "case_type", "partner")


@admin.register(Breaker)
class BreakerAdmin(OfPartners, ReadOnly):
    """What audits show of each scope. It trips, and is armed again, by itself and by lifting its pause; never here."""

    nothing_yet = "Nothing is watched yet. The first audit of what the AI did alone begins it."
    ordering = ("partner__name", "case_type", "action")
    list_display = ("scope", "seen", "wrong", "level", "pause")
    list_filter = ("case_type", "action", "partner")
    fields = ("scope", "seen", "wrong", "level", "error", "bound", "armed_at", "pause")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Breaker]:
        """Those of the brands in the person's remit, and of rules that rule no other brand."""
        allowed = partner_ids(request)
        rows = Breaker.objects.select_related("partner", "boundary", "ramp", "pause")
        if allowed is None:
            return rows
        others = Partner.objects.real().filter(boundary__isnull=False).exclude(pk__in=allowed).values("boundary")
        of_rules = Q(boundary__partner__in=allowed) & ~Q(boundary__in=others)
        return rows.filter(Q(partner__in=allowed) | of_rules).distinct()

    @admin.display(description="Where")
    def scope(self, row: Breaker) -> str:
        words = row.scope_in_words()
        return words[0].upper() + words[1:]

    @admin.display(description="Evidence against the AI")
    def level(self, row: Breaker) -> str:
        """How far it is from tripping: 100 % trips."""
        value = sum(row.evidence) / len(row.evidence) if row.evidence else 0.0
        return f"{min(1.0, value / row.threshold):.1%}"

    @admin.display(description="Estimated error")
    def error(self, row: Breaker) -> str:
        standing = breaker.standing_of(row)
        return f"{standing.rate:.1%} ± {standing.error:.1%}" if row.wrong else f"none in {row.seen}"

    @admin.display(description="Surely under")
    def bound(self, row: Breaker) -> str:
        standing = breaker.standing_of(row)
        probation = " (on probation)" if standing.on_probation else ""
        return f"{standing.bound:.1%}, the target is {standing.target:.1%}{probation}"


@admin.register(CaseAudit)
class CaseAuditAdmin(OfPartners, ReadOnly):
    nothing_yet = "Nothing was drawn to be judged again yet."
    list_display = (
        "drawn_at",
        "partner",
        "kind",
        "case_type",
        "rule",
        "state",
        "agreed",
        "verdict",
        "wrong_part",
        "judged_by",
    )
    list_filter = ("kind", "state", "verdict", "agreed", "case_type", "partner")
    search_fields = ("=decision__interaction__external_id",)
    exclude = ("content", "claimed_by", "claimed_at", "lease_until", "skipped_by")
    actions = ("keep_as_known",)
    action_form = WhyForm

    @admin.action(description="Keep as a known answer", permissions=["keep"])
    def keep_as_known(self, request: HttpRequest, rows: QuerySet[CaseAudit]) -> None:
        kept = 0
        for row in rows:
            try:
                audits.keep_as_known(person(request), row, request.POST.get("why", ""))
                kept += 1
            except Refused as refusal:
                messages.warning(request, f"{row}: {refusal}")
        if kept:
            messages.success(request, f"{kept} kept as known answers.")

    def has_keep_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("learning.add_knownanswer")


@admin.register(KnownAnswer)
class KnownAnswerAdmin(OfPartners, Audited):
    nothing_yet = "No known answer yet. Keep one from an audit whose verdict nobody doubts."
    list_display = ("made_at", "partner", "case_type", "action", "active", "made_by")
    list_filter = ("active", "case_type", "partner")
    fields = ("partner", "case_type", "action", "why", "active", "made_by", "made_at")

    def get_readonly_fields(self, request: HttpRequest, obj: KnownAnswer | None = None) -> tuple[str, ...]:
        return ("partner", "case_type", "action", "made_by", "made_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # they are kept from audits

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
