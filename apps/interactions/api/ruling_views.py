"""The partner API about authority: the decision log, what the boundary would say, and pausing the AI for the brand."""

import uuid
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from apps.interactions import clocks, packet_schema, submitting
from apps.interactions.api import answers
from apps.interactions.api import serializers as shapes
from apps.interactions.api.endpoint import Endpoint, Listing, caller, one
from apps.interactions.api.filtering import Filter, a_time, a_uuid, one_of
from apps.interactions.models import DecisionRecord, Scope
from apps.policies import pauses, simulating
from apps.policies.errors import Invalid
from apps.policies.models import Ruling
from apps.policies.words import Action, CaseType, Handler


class OneDecision(Endpoint):
    """Who decided, on which packet, under which authority, and why."""

    sparse = True
    scopes = {"GET": Scope.RULINGS_READ}
    gives = {"GET": {200: answers.DecisionOut}}

    def get(self, request: Request, reference: uuid.UUID) -> Response:
        rows = DecisionRecord.objects.filter(partner=caller(request).partner, reference=reference)
        found = rows.select_related("interaction", "packet", "ruling").prefetch_related("effects").first()
        if found is None:
            raise Http404
        return one(request, answers.DecisionOut, found)


class Rulings(Listing):
    """What the boundary said to every proposal, the newest first."""

    scopes = {"GET": Scope.RULINGS_READ}
    shape = answers.RulingOut
    filters = {
        "interaction": Filter("subject", lambda text: str(a_uuid(text))),
        "case_type": Filter("case_type", one_of(CaseType.values)),
        "action": Filter("action", one_of(Action.values)),
        "handler": Filter("handler", one_of(Handler.values)),
        "from": Filter("at__gte", a_time),
        "before": Filter("at__lt", a_time),
    }

    def rows(self, request: Request) -> QuerySet[Ruling]:
        return Ruling.objects.filter(partner=caller(request).partner).select_related("version")


class DryRun(Endpoint):
    """What the active boundary would say to these facts and this proposal. Nothing is stored or done."""

    scopes = {"POST": Scope.RULINGS_READ}
    takes = {"POST": shapes.DryRunIn}
    gives = {"POST": {200: answers.DryRunOut}}

    def post(self, request: Request) -> Response:
        asked = simulating.read(_object(request))
        partner = caller(request).partner
        version = partner.boundary.active_version if partner.boundary else None
        return Response(simulating.ruling_as_json(version, asked))


class Pauses(Endpoint):
    """Pause the AI for this brand: everything, a type, or an action. Two people lift it in the admin."""

    scopes = {"POST": Scope.PAUSES_WRITE, "GET": Scope.PAUSES_WRITE}
    takes = {"POST": shapes.PauseIn}
    gives = {"GET": {200: answers.PausesOut}, "POST": {201: answers.PauseOut}}

    def get(self, request: Request) -> Response:
        partner = caller(request).partner
        found = [pause for pause in pauses.in_force() if pause.stops(partner)]
        return Response({"results": [_shape(pause) for pause in found]})

    def post(self, request: Request) -> Response:
        said, who = submitting.checked(shapes.PauseIn, request.data), caller(request)
        made = pauses.pause_as(
            who.actor, said["reason"], partner=who.partner, case_type=said.get("case_type") or "",
            action=said.get("action") or "",
        )  # fmt: skip
        return Response(_shape(made), status=201)


class PacketSchema(Endpoint):
    """The JSON Schema of a context packet, for anyone."""

    authentication_classes = ()
    permission_classes = ()
    scopes = {}

    def get(self, request: Request) -> Response:
        return Response(packet_schema.as_json_schema(), content_type="application/schema+json")


def _object(request: Request) -> dict[str, Any]:
    if not isinstance(request.data, dict):
        raise Invalid({"body": ["Send a JSON object."]})
    return request.data


def _shape(pause: Any) -> dict[str, Any]:
    return {
        "id": pause.pk,
        "case_type": pause.case_type or None,
        "action": pause.action or None,
        "every_brand": pause.partner_id is None and pause.boundary_id is None,
        "reason": pause.reason,
        "paused_at": clocks.as_text(pause.paused_at),
    }
