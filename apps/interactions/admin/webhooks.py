"""Webhooks: where partners hear of events, what was sent there, and the buttons to test, replay, rotate and let listen."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from apps.interactions.models import EventKind, WebhookDelivery, WebhookEndpoint
from apps.interactions.webhooks import endpoints, signing
from apps.policies import audit
from apps.policies.admin.base import OfPartners, ReadOnly, number_in, person
from apps.policies.admin.fields import ListOfChoices
from apps.policies.errors import Invalid, Moved, Refused

SHOWN = 10  # of the latest deliveries of an endpoint
REPLAYED = timedelta(hours=24)


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(OfPartners):
    ordering = ("partner__name", "pk")
    list_display = ("url", "partner", "description", "state", "waiting", "failing_since")
    list_filter = ("partner",)
    search_fields = ("url", "description")
    nothing_yet = (
        "No system hears of cases yet. Register its address here, or by the API: POST /api/v1/webhook-endpoints/."
    )
    fields = ("partner", "url", "description", "kinds", "contact")
    change_form_template = "admin/interactions/webhook.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        waiting = Count("deliveries", filter=Q(deliveries__status=WebhookDelivery.Status.WAITING))
        rows: QuerySet[Any] = super().get_queryset(request).filter(removed_at__isnull=True)
        found: QuerySet[Any] = rows.select_related("partner").annotate(count_waiting=waiting)
        return found

    def get_readonly_fields(self, request: HttpRequest, obj: WebhookEndpoint | None = None) -> tuple[str, ...]:
        return ("partner",) if obj else ()

    def get_form(
        self, request: HttpRequest, obj: WebhookEndpoint | None = None, change: bool = False, **kwargs: Any
    ) -> type:
        form = super().get_form(request, obj, change, **kwargs)
        if "kinds" in form.base_fields:
            form.base_fields["kinds"] = ListOfChoices(
                choices=EventKind.choices, required=False, label="Events", help_text="None chosen: every event."
            )
        return form

    @admin.display(description="waiting")
    def waiting(self, endpoint: Any) -> int:
        return int(endpoint.count_waiting)

    def save_model(self, request: HttpRequest, obj: WebhookEndpoint, form: Any, change: bool) -> None:
        actor = audit.person(person(request))
        said = {name: form.cleaned_data[name] for name in ("url", "description", "kinds", "contact")}
        if change:
            endpoints.change(obj.pk, said, actor=actor)
        else:
            made = endpoints.register(form.cleaned_data["partner"], said, actor=actor)
            obj.pk, obj.reference = made.pk, made.reference

    def changeform_view(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **options)
        except (Refused, Invalid) as refused:
            messages.error(request, str(refused))
            return redirect("admin:interactions_webhookendpoint_changelist")

    def delete_model(self, request: HttpRequest, obj: WebhookEndpoint) -> None:
        endpoints.remove(obj.pk, actor=audit.person(person(request)), now=timezone.now())

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        return [f"{one}: it hears nothing more; what was delivered stays in the log" for one in objs], {}, set(), []

    def response_add(
        self, request: HttpRequest, obj: WebhookEndpoint, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._secret(request, obj)

    def _secret(self, request: HttpRequest, endpoint: WebhookEndpoint) -> HttpResponse:
        """The secret is in the answer to this one request and nowhere else."""
        context = {
            **self.admin_site.each_context(request), "title": "Copy the secret now", "endpoint": endpoint,
            "secret": signing.secret_of(endpoint.reference, endpoint.generation), "overlap": signing.OVERLAP,
        }  # fmt: skip
        response = TemplateResponse(request, "admin/interactions/webhook_secret.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        rows = WebhookDelivery.objects.filter(endpoint=number_in(object_id))
        latest = endpoints.with_last_try(rows.select_related("event"))[:SHOWN]
        return super().change_view(request, object_id, form_url, {"latest": latest, **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        acts = [
            path(f"<int:pk>/{name}/", view(getattr(self, name)), name=f"interactions_webhook_{name}")
            for name in ("test", "rotate", "listen", "replay")
        ]
        return [*acts, *super().get_urls()]

    @method_decorator(require_POST)
    def test(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._act(request, pk, endpoints.test, "A test is on its way: look below what came of it.")

    @method_decorator(require_POST)
    def listen(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._act(request, pk, endpoints.listen_again, "It listens again, and is sent what it did not hear.")

    @method_decorator(require_POST)
    def replay(self, request: HttpRequest, pk: int) -> HttpResponse:
        def again(endpoint_id: int, **by: Any) -> int:
            return endpoints.replay(endpoint_id, by["now"] - REPLAYED, by["now"], **by)

        return self._act(request, pk, again, "The events of the last 24 hours are sent once more.")

    @method_decorator(require_POST)
    def rotate(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._act(request, pk, endpoints.rotate, "", then=self._secret)

    def _act(
        self, request: HttpRequest, pk: int, act: Callable[..., object], said: str,
        then: Callable[[HttpRequest, WebhookEndpoint], HttpResponse] | None = None,
    ) -> HttpResponse:  # fmt: skip
        found = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self.has_change_permission(request, found):
            raise PermissionDenied
        try:
            act(found.pk, actor=audit.person(person(request)), now=timezone.now())
        except (Refused, Moved, Invalid) as refused:
            messages.error(request, str(refused))
        else:
            if then is not None:
                return then(request, self.get_queryset(request).get(pk=pk))
            messages.success(request, said)
        return redirect("admin:interactions_webhookendpoint_change", pk)


class OfKind(admin.SimpleListFilter):
    title, parameter_name = "event", "event"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return EventKind.choices

    def queryset(self, request: HttpRequest, rows: QuerySet[WebhookDelivery]) -> QuerySet[WebhookDelivery]:
        return rows.filter(event__kind=self.value()) if self.value() else rows


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(OfPartners, ReadOnly):
    nothing_yet = "Nothing was sent yet. Events go to every webhook that listens."
    partner_path = "endpoint__partner"
    list_display = ("made_at", "kind", "endpoint", "status", "attempts", "answered", "milliseconds")
    list_filter = ("status", OfKind, "endpoint__partner")
    search_fields = ("=event__event_id", "=subject")
    fields = ("event", "endpoint", "status", "attempts", "made_at", "ended_at", "next_at", "content", "all_tries")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        return endpoints.with_last_try(super().get_queryset(request).select_related("event", "endpoint__partner"))

    @admin.display(description="event")
    def kind(self, row: WebhookDelivery) -> str:
        return row.event.kind

    @admin.display(description="answer")
    def answered(self, row: Any) -> str:
        return str(row.answered or row.fault or "–")

    @admin.display(description="took, ms")
    def milliseconds(self, row: Any) -> str:
        return "–" if row.took is None else f"{row.took:,}"

    @admin.display(description="what is sent")
    def content(self, row: WebhookDelivery) -> str:
        content = json.dumps(row.event.payload, indent=2, ensure_ascii=False)
        return render_to_string("admin/interactions/_webhook_content.html", {"event": row.event, "content": content})

    @admin.display(description="attempts made")
    def all_tries(self, row: WebhookDelivery) -> str:
        return render_to_string("admin/interactions/_webhook_tries.html", {"tries": row.tries.all()[:50]})
