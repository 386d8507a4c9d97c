"""Webhooks by API: endpoints, and what was delivered to them."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.interactions import clocks, submitting
from apps.interactions.api.endpoint import Endpoint, Listing, caller, one
from apps.interactions.api.filtering import Filter, a_time, a_uuid, one_of
from apps.interactions.api.serializers import Choice, Flag, Strict, Time
from apps.interactions.models import EventKind, Scope, WebhookDelivery, WebhookEndpoint
from apps.interactions.models.webhook import TEST
from apps.interactions.webhooks import endpoints, signing
from apps.policies.errors import Invalid

_FIELDS = {"events": "kinds"}  # as the API calls them, and as the row does


class EndpointIn(Strict):
    url = serializers.CharField(max_length=500)
    description = serializers.CharField(max_length=120, required=False, allow_blank=True)
    events = serializers.ListField(child=Choice(EventKind.values), required=False, max_length=20)
    contact = serializers.EmailField(required=False, allow_blank=True)


class EndpointChange(EndpointIn):
    """What is left out stays. `listening`: true lets a stopped one hear again, what it missed included."""

    url = serializers.CharField(max_length=500, required=False)
    listening = Flag(required=False)


class ReplayIn(Strict):
    since = Time()
    until = Time(required=False)


class EndpointOut(serializers.ModelSerializer[WebhookEndpoint]):
    id = serializers.UUIDField(source="reference", read_only=True)
    events = serializers.ListField(child=serializers.CharField(), source="kinds", read_only=True)
    contact = serializers.CharField(read_only=True)
    state = serializers.ChoiceField(["listening", "failing", "stopped"], read_only=True)

    class Meta:
        model = WebhookEndpoint
        fields = [
            "id",
            "url",
            "description",
            "events",
            "contact",
            "state",
            "stopped_because",
            "failing_since",
            "created_at",
        ]
        read_only_fields = fields


class EndpointWithSecret(EndpointOut):
    """`secret` is in the answer to the registration and to a rotation, and nowhere else."""

    secret = serializers.SerializerMethodField()

    class Meta(EndpointOut.Meta):
        fields = [*EndpointOut.Meta.fields, "secret"]
        read_only_fields = fields

    @extend_schema_field(serializers.CharField(allow_null=True, help_text="Null when it is told again."))
    def get_secret(self, row: WebhookEndpoint) -> str:
        return signing.secret_of(row.reference, row.generation)


class AttemptOut(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    status_code = serializers.IntegerField(allow_null=True)
    milliseconds = serializers.IntegerField()
    answer = serializers.CharField()
    fault = serializers.CharField()


class DeliveryOut(serializers.ModelSerializer[WebhookDelivery]):
    id = serializers.UUIDField(source="reference", read_only=True)
    event_id = serializers.UUIDField(source="event.event_id", read_only=True)
    event = serializers.CharField(source="event.kind", read_only=True)
    endpoint = serializers.UUIDField(source="endpoint.reference", read_only=True)
    next_at = serializers.SerializerMethodField()
    status_code = serializers.IntegerField(
        source="answered", read_only=True, allow_null=True, help_text="Of the last attempt."
    )
    milliseconds = serializers.IntegerField(
        source="took", read_only=True, allow_null=True, help_text="It took so long."
    )
    fault = serializers.CharField(read_only=True, allow_null=True, help_text="Why there was no answer to it.")

    class Meta:
        model = WebhookDelivery
        fields = [
            "id", "event_id", "event", "endpoint", "status", "attempts", "made_at", "ended_at", "next_at", "status_code",
            "milliseconds", "fault",
        ]  # fmt: skip
        read_only_fields = fields

    def get_next_at(self, row: WebhookDelivery) -> str | None:
        return clocks.as_text(row.next_at) if row.status == WebhookDelivery.Status.WAITING else None


class DeliveryDetail(DeliveryOut):
    """With the event's content and every attempt."""

    payload = serializers.JSONField(source="event.payload", read_only=True)
    tries = AttemptOut(many=True, read_only=True)

    class Meta(DeliveryOut.Meta):
        fields = [*DeliveryOut.Meta.fields, "payload", "tries"]
        read_only_fields = fields


def _endpoint(request: Request, reference: uuid.UUID) -> WebhookEndpoint:
    found = endpoints.of(caller(request).partner).filter(reference=reference).first()
    if found is None:
        raise Http404
    return found


def _delivery(request: Request, reference: uuid.UUID) -> WebhookDelivery:
    rows = WebhookDelivery.objects.filter(endpoint__partner=caller(request).partner, reference=reference)
    found = endpoints.with_last_try(rows.select_related("event", "endpoint")).first()
    if found is None:
        raise Http404
    return found


@contextmanager
def _as_the_api_says() -> Iterator[None]:
    """Errors name fields as the API does."""
    try:
        yield
    except Invalid as error:
        names = {row: name for name, row in _FIELDS.items()}
        raise Invalid({names.get(name, name): reasons for name, reasons in error.errors.items()}) from error


def _said(shape: type[Strict], request: Request) -> dict[str, Any]:
    return {_FIELDS.get(name, name): value for name, value in submitting.checked(shape, request.data).items()}


class EndpointsOut(serializers.Serializer[Any]):
    results = EndpointOut(many=True)


class ReplayedOut(serializers.Serializer[Any]):
    events = serializers.IntegerField(help_text="How many are sent again.")


class Hooks(Endpoint):
    """Register a webhook, or list those there are."""

    scopes = {"GET": Scope.WEBHOOKS_WRITE, "POST": Scope.WEBHOOKS_WRITE}
    takes = {"POST": EndpointIn}
    gives = {"GET": {200: EndpointsOut}, "POST": {201: EndpointWithSecret}}
    secrets = ("secret",)

    def get(self, request: Request) -> Response:
        return Response({"results": EndpointOut(endpoints.of(caller(request).partner), many=True).data})

    def post(self, request: Request) -> Response:
        who = caller(request)
        with _as_the_api_says():
            made = endpoints.register(who.partner, _said(EndpointIn, request), actor=who.actor)
        return Response(EndpointWithSecret(made).data, status=201)


class OneHook(Endpoint):
    """Read, change or remove a webhook. What a removed one heard stays in the log."""

    sparse = True
    scopes = dict.fromkeys(("GET", "PATCH", "DELETE"), Scope.WEBHOOKS_WRITE)
    takes = {"PATCH": EndpointChange}
    gives = {"GET": {200: EndpointOut}, "PATCH": {200: EndpointOut}, "DELETE": {204: None}}

    def get(self, request: Request, reference: uuid.UUID) -> Response:
        return one(request, EndpointOut, _endpoint(request, reference))

    def patch(self, request: Request, reference: uuid.UUID) -> Response:
        endpoint, actor = _endpoint(request, reference), caller(request).actor
        said = _said(EndpointChange, request)
        listening = said.pop("listening", None)
        with _as_the_api_says(), transaction.atomic():
            if said:
                endpoint = endpoints.change(endpoint.pk, said, actor=actor)
            if listening is True:
                endpoint = endpoints.listen_again(endpoint.pk, actor=actor, now=timezone.now())
            elif listening is False:
                endpoint = endpoints.stop(endpoint.pk, actor=actor, now=timezone.now())
        return Response(EndpointOut(endpoint).data)

    def delete(self, request: Request, reference: uuid.UUID) -> Response:
        endpoints.remove(_endpoint(request, reference).pk, actor=caller(request).actor, now=timezone.now())
        return Response(status=204)


class Rotate(Endpoint):
    """A new secret; for a day the one before signs as well."""

    scopes = {"POST": Scope.WEBHOOKS_WRITE}
    gives = {"POST": {200: EndpointWithSecret}}
    secrets = ("secret",)

    def post(self, request: Request, reference: uuid.UUID) -> Response:
        endpoint = _endpoint(request, reference)
        changed = endpoints.rotate(endpoint.pk, actor=caller(request).actor, now=timezone.now())
        return Response(EndpointWithSecret(changed).data)


class Test(Endpoint):
    """Send the webhook a `webhook.test`."""

    scopes = {"POST": Scope.WEBHOOKS_WRITE}
    gives = {"POST": {202: DeliveryOut}}

    def post(self, request: Request, reference: uuid.UUID) -> Response:
        endpoint = _endpoint(request, reference)
        made = endpoints.test(endpoint.pk, actor=caller(request).actor, now=timezone.now())
        return Response(DeliveryOut(_delivery(request, made.reference)).data, status=202)


class Replay(Endpoint):
    """Send the webhook the events of a time once more, under the ids they had."""

    scopes = {"POST": Scope.WEBHOOKS_WRITE}
    takes = {"POST": ReplayIn}
    gives = {"POST": {202: ReplayedOut}}

    def post(self, request: Request, reference: uuid.UUID) -> Response:
        endpoint, now = _endpoint(request, reference), timezone.now()
        said = submitting.checked(ReplayIn, request.data)
        count = endpoints.replay(
            endpoint.pk, said["since"], said.get("until", now), actor=caller(request).actor, now=now
        )
        return Response({"events": count}, status=202)


class Deliveries(Listing):
    """What was sent, the newest first."""

    scopes = {"GET": Scope.WEBHOOKS_WRITE}
    shape = DeliveryOut
    filters = {
        "endpoint": Filter("endpoint__reference", a_uuid),
        "event": Filter("event__kind", one_of([*EventKind.values, TEST])),
        "status": Filter("status", one_of(WebhookDelivery.Status.values)),
        "made_from": Filter("made_at__gte", a_time),
        "made_before": Filter("made_at__lt", a_time),
    }

    def rows(self, request: Request) -> QuerySet[WebhookDelivery]:
        rows = WebhookDelivery.objects.filter(endpoint__partner=caller(request).partner)
        return endpoints.with_last_try(rows.select_related("event", "endpoint"))


class OneDelivery(Endpoint):
    """With the event's content and every attempt to send it."""

    sparse = True
    scopes = {"GET": Scope.WEBHOOKS_WRITE}
    gives = {"GET": {200: DeliveryDetail}}

    def get(self, request: Request, reference: uuid.UUID) -> Response:
        return one(request, DeliveryDetail, _delivery(request, reference))


class ReplayOne(Endpoint):
    """Send it once more, under the id it had."""

    scopes = {"POST": Scope.WEBHOOKS_WRITE}
    gives = {"POST": {202: DeliveryOut}}

    def post(self, request: Request, reference: uuid.UUID) -> Response:
        found = _delivery(request, reference)
        endpoints.replay_one(found, actor=caller(request).actor, now=timezone.now())
        return Response(DeliveryOut(_delivery(request, reference)).data, status=202)
