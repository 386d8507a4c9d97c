"""The audit trail and the decision log, to look up."""

from collections.abc import Sequence

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.policies.admin.base import OfPartners, ReadOnly, partner_ids
from apps.policies.gate_words import trace_in_words
from apps.policies.models import AuditEntry, Ruling
from apps.policies.words import Handler


def handler_tag(handler: str) -> SafeString:
    """A handler in its one colour."""
    label = Handler(handler).label if handler in Handler.values else "–"
    return format_html('<span class="r-tag {}">{}</span>', handler or "plain", label)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly):
    nothing_yet = "Nothing was recorded yet."
    list_display = ("at", "actor", "subject_type", "subject_id", "event", "moved", "reason")
    list_filter = ("actor_kind", "subject_type", "event")
    search_fields = ("=subject_id", "=actor", "=correlation_id")
    search_help_text = "Id of a subject, name of an actor, or a correlation id"
    date_hierarchy = "at"

    @admin.display(description="from → to")
    def moved(self, entry: AuditEntry) -> str:
        return f"{entry.from_state} → {entry.to_state}" if entry.to_state else "–"

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[AuditEntry]:
        rows = super().get_queryset(request)
        allowed = partner_ids(request)
        if allowed is None:
            return rows
        return rows.filter(models.Q(partner__in=allowed) | models.Q(partner__isnull=True))


@admin.register(Ruling)
class RulingAdmin(OfPartners, ReadOnly):
    nothing_yet = "The gate has not ruled yet."
    list_display = ("at", "partner", "case_type", "action", "gate_said", "final", "rule", "confidence")
    list_filter = ("handler", "gate_handler", "case_type", "partner")
    search_fields = ("=subject", "=content_hash")
    search_help_text = "Reference of a case, or the hash of a version"
    date_hierarchy = "at"
    exclude = ("facts", "used", "verdict")
    readonly_fields = ("known_facts", "trace")

    @admin.display(description="gate", ordering="gate_handler")
    def gate_said(self, ruling: Ruling) -> SafeString:
        return handler_tag(ruling.gate_handler)

    @admin.display(description="handler", ordering="handler")
    def final(self, ruling: Ruling) -> SafeString:
        return handler_tag(ruling.handler)

    @admin.display(description="facts")
    def known_facts(self, ruling: Ruling) -> SafeString:
        rows = [(name, fact["value"], fact["source"], fact["as_of"] or "") for name, fact in ruling.facts.items()]
        return _table(("fact", "value", "source", "as of"), rows)

    @admin.display(description="trace")
    def trace(self, ruling: Ruling) -> SafeString:
        steps = trace_in_words(ruling)
        return _table(
            ("tried", "outcome", "because", "in words"),
            [(step["key"], step["words"], step["because"], step["sentence"]) for step in steps],
        )


def _table(head: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> SafeString:
    return render_to_string("admin/policies/_table.html", {"head": head, "rows": rows})
