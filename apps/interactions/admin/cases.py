"""Cases and what became of them, to look up; an operator retries what stalled and settles what is unknown."""

import json
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.interactions import operating, sent_along
from apps.interactions.connectors import Outcome
from apps.interactions.models import ContextPacket, DecisionRecord, Effect, Escalation, Interaction
from apps.policies.admin.base import OfPartners, ReadOnly, number_in, person, text_in
from apps.policies.admin.records import handler_tag
from apps.policies.errors import Refused


class _Records(OfPartners, ReadOnly):
    pass


@admin.register(Interaction)
class InteractionAdmin(_Records):
    nothing_yet = "No case yet. What customers write comes in by the API, a mailbox or the chat."
    list_display = ("external_id", "partner", "state", "case_type", "who", "channel", "customer", "received_at")
    list_filter = ("state", "case_type", "handler", "partner", "channel", "public")
    list_select_related = ("partner", "customer")
    search_fields = ("=external_id", "=reference", "=order__number", "=customer__external_id")
    search_help_text = "Id of a case, reference, order number, or id of a customer"
    date_hierarchy = "received_at"
    readonly_fields = ("whole_life", "sent_with_it")
    actions = ("retry_stalled",)
    exclude = ("due_at", "attempts", "lease_token", "lease_until")

    @admin.display(description="handler", ordering="handler")
    def who(self, case: Interaction) -> SafeString:
        return handler_tag(case.handler)

    @admin.display(description="sent with the message")
    def sent_with_it(self, case: Interaction) -> SafeString:
        return format_html_join("", "<p>{}</p>", ((line,) for line in sent_along.in_words(case))) or SafeString("–")

    @admin.display(description="life of the case")
    def whole_life(self, case: Interaction) -> SafeString:
        return render_to_string("admin/interactions/_life.html", {"steps": operating.life_of(case)})

    @admin.action(description="Retry the chosen stalled cases", permissions=["retry"])
    def retry_stalled(self, request: HttpRequest, cases: QuerySet[Interaction]) -> None:
        retried, left = operating.retry(person(request), cases)
        messages.success(request, f"{retried} cases are tried again.")
        if left:
            messages.warning(request, f"{left} of the chosen cases are not stalled and were left as they are.")

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("interactions.retry_interaction")


@admin.register(ContextPacket)
class ContextPacketAdmin(_Records):
    nothing_yet = "Nothing was handed to a person yet. What they see then stays here as it was."
    partner_path = "interaction__partner"
    list_display = ("interaction", "version", "state", "created_at")
    list_filter = ("state",)
    search_fields = ("=interaction__external_id",)
    exclude = ("content",)
    readonly_fields = ("as_json",)

    @admin.display(description="content")
    def as_json(self, packet: ContextPacket) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(packet.content, indent=2, ensure_ascii=False))


@admin.register(Escalation)
class EscalationAdmin(_Records):
    nothing_yet = "No case has waited for a person yet."
    list_display = ("interaction", "partner", "state", "seniority", "flagged", "due_at", "claimed_by")
    list_filter = ("state", "seniority", "flagged", "partner")
    search_fields = ("=interaction__external_id",)
    exclude = ("lease_token",)


@admin.register(DecisionRecord)
class DecisionRecordAdmin(_Records):
    nothing_yet = "Nobody has decided yet. Every decision stays here with its reason."
    list_display = (
        "interaction",
        "partner",
        "how",
        "action",
        "amount",
        "currency",
        "state",
        "decided_by",
        "decided_at",
    )
    list_filter = ("state", "how", "action", "partner")
    search_fields = ("=interaction__external_id", "=reference")
    date_hierarchy = "decided_at"


@admin.register(Effect)
class EffectAdmin(_Records):
    nothing_yet = "Nothing was done yet. Every refund, label and reply stands here with what became of it."
    list_display = ("key", "partner", "action", "amount", "currency", "state", "deadline_at", "settled_at")
    list_filter = ("state", "action", "partner")
    search_fields = ("=key", "=connector_reference", "=decision__interaction__external_id")
    change_form_template = "admin/interactions/effect.html"

    def get_urls(self) -> list[URLPattern]:
        settle = path(
            "<int:effect_id>/settle/", self.admin_site.admin_view(self.settle), name="interactions_effect_settle"
        )
        return [settle, *super().get_urls()]

    def settle(self, request: HttpRequest, effect_id: int) -> HttpResponse:
        """An operator has looked in the shop and says what became of an effect whose outcome is unknown."""
        effect = get_object_or_404(self.get_queryset(request), pk=effect_id)
        if not request.user.has_perm("interactions.settle_effect"):
            raise PermissionDenied
        if request.method == "POST":
            verdict = "done" if request.POST.get("outcome") == "done" else "refused"
            outcome = Outcome(verdict, text_in(request, "reference")[:100], text_in(request, "reason")[:500])
            try:
                operating.settle_unknown(person(request), effect.pk, outcome)
                messages.success(request, "Recorded.")
            except Refused as refusal:
                messages.error(request, str(refusal))
        return redirect("admin:interactions_effect_change", effect.pk)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        effect = self.get_queryset(request).filter(pk=number_in(object_id) or 0).first()
        unknown = effect is not None and effect.state == Effect.State.UNKNOWN
        may_settle = unknown and request.user.has_perm("interactions.settle_effect")
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "may_settle": may_settle})
