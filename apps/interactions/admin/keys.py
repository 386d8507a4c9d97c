"""API keys: made here, shown once, revoked at once."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from apps.interactions import keys
from apps.interactions.models import ApiKey, Scope
from apps.policies import audit
from apps.policies.admin.base import Audited, OfPartners, person
from apps.policies.admin.fields import LinesField, ListOfChoices
from apps.policies.errors import Refused


@admin.register(ApiKey)
class ApiKeyAdmin(OfPartners, Audited):
    ordering = ("partner__name", "name")
    list_display = ("name", "partner", "prefix", "grants", "usable", "expires_at", "last_used_at")
    list_filter = ("partner",)
    nothing_yet = "No system may call yet. A key lets one, for one brand, with the scopes that you choose."
    fields = ("partner", "name", "scopes", "networks", "calls_a_minute", "expires_at")
    actions = ("replace", "end_overlap", "revoke")

    def get_form(self, request: HttpRequest, obj: ApiKey | None = None, change: bool = False, **kwargs: Any) -> type:
        form = super().get_form(request, obj, change, **kwargs)
        if "scopes" in form.base_fields:
            form.base_fields["scopes"] = ListOfChoices(
                choices=[(scope.value, f"{scope.label} ({scope.value})") for scope in Scope],
                help_text="Give a key no more than its program needs.",
            )
        if "networks" in form.base_fields:
            form.base_fields["networks"] = LinesField(
                "Addresses or networks, one a line, like 203.0.113.0/24. Empty: from everywhere.", "May be used from"
            )
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        # What a key opens is fixed when it is made; another need is another key.
        return ("partner", "scopes", "prefix", "created_by", "created_at", "revoked_at", "last_used_at") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False  # revoked keys stay: the audit trail names them

    @admin.display(description="grants")
    def grants(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.display(description="usable", boolean=True)
    def usable(self, key: ApiKey) -> bool:
        return key.is_usable(timezone.now())

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = person(request)
            obj.issue()
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        """The whole key is in the answer to this one request and nowhere else: no session, no message, no log."""
        context = {
            **self.admin_site.each_context(request),
            "title": "Copy the key now",
            "key": obj,
            "whole_key": obj.issued,
        }
        response = TemplateResponse(request, "admin/interactions/key_shown_once.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @admin.action(description="Revoke the chosen keys", permissions=["change"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[ApiKey]) -> None:
        open_ones = list(chosen.filter(revoked_at__isnull=True))
        ended = sum(keys.revoke(key, actor=audit.person(person(request)), now=timezone.now()) for key in open_ones)
        more = ", those that were made in the place of the chosen ones among them" if ended > len(open_ones) else ""
        messages.success(
            request, f"{ended} key{'' if ended == 1 else 's'} open{'s' if ended == 1 else ''} nothing any more{more}."
        )

    @admin.action(description="Let the chosen keys, which were replaced, end now", permissions=["change"])
    def end_overlap(self, request: HttpRequest, chosen: QuerySet[ApiKey]) -> None:
        for key in chosen:
            try:
                keys.end_overlap(key.pk, actor=audit.person(person(request)), now=timezone.now())
            except Refused as refused:
                messages.error(request, f"{key.name}: {refused}")
            else:
                messages.success(request, f"{key.name} opens nothing any more; the one in its place does.")

    @admin.action(description="Replace the chosen key: the old one opens for a day more", permissions=["change"])
    def replace(self, request: HttpRequest, chosen: QuerySet[ApiKey]) -> HttpResponse | None:
        if chosen.count() != 1:
            messages.error(request, "Choose one key: the new one is shown once.")
            return None
        try:
            made = keys.replace(
                chosen.get().pk, actor=audit.person(person(request)), now=timezone.now(), by=person(request)
            )
        except Refused as refused:
            messages.error(request, str(refused))
            return None
        return self.response_add(request, made)
