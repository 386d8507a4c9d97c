"""A person's own tokens: made and revoked by themselves alone, shown once."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from apps.interactions.models import UserToken
from apps.policies import audit
from apps.policies.admin.base import Audited, person


@admin.register(UserToken)
class UserTokenAdmin(Audited):
    nothing_yet = "No token yet. With one, a program of yours does in Reach what you may do there."
    list_display = ("name", "prefix", "created_at", "expires_at", "last_used_at", "usable")
    fields = ("name", "expires_at")
    actions = ("revoke",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[UserToken]:
        return super().get_queryset(request).filter(user=person(request))

    def get_readonly_fields(self, request: HttpRequest, obj: UserToken | None = None) -> tuple[str, ...]:
        return ("expires_at", "revoked_at", "last_used_at") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: UserToken | None = None) -> bool:
        return False  # revoked ones stay: the audit trail names them

    @admin.display(description="usable", boolean=True)
    def usable(self, token: UserToken) -> bool:
        return token.is_usable(timezone.now())

    def save_model(self, request: HttpRequest, obj: UserToken, form: Any, change: bool) -> None:
        if not change:
            obj.user = person(request)
            obj.issue()
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: UserToken, post_url_continue: str | None = None) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "title": "Copy the token now", "token": obj}
        response = TemplateResponse(request, "admin/interactions/token_shown_once.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @admin.action(description="Revoke the chosen tokens", permissions=["change"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[UserToken]) -> None:
        open_ones = list(chosen.filter(revoked_at__isnull=True))
        for token in open_ones:
            token.revoked_at = timezone.now()
            token.save(update_fields=["revoked_at"])
            audit.record(audit.person(person(request)), token, "revoked")
        messages.success(request, f"{len(open_ones)} tokens open nothing any more.")
