"""The partner API about authority: what the boundary would say, and pausing the AI for the brand."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.interactions import packet_schema
from apps.interactions.api.views import caller
from apps.interactions.models import Scope
from apps.policies import pauses, simulating
from apps.policies.errors import Invalid


class DryRun(APIView):
    """What the active boundary would say to these facts and this proposal. Nothing is stored or done."""

    scopes = {"POST": Scope.RULINGS_READ}

    def post(self, request: Request) -> Response:
        data = _object(request)
        asked = simulating.read(data)
        partner = caller(request).partner
        version = partner.boundary.active_version if partner.boundary else None
        return Response(simulating.ruling_as_json(version, asked))


class Pauses(APIView):
    """Pause the AI for this brand: everything, a type, or an action. Two people lift it in the admin."""

    scopes = {"POST": Scope.PAUSES_WRITE, "GET": Scope.PAUSES_WRITE}

    def get(self, request: Request) -> Response:
        partner = caller(request).partner
        found = [pause for pause in pauses.in_force() if pause.partner_id in (None, partner.pk)]
        return Response({"results": [_shape(pause) for pause in found]})

    def post(self, request: Request) -> Response:
        data = _object(request)
        unknown = sorted(set(data) - {"reason", "case_type", "action"})
        if unknown:
            raise Invalid({name: ["There is no such field; use reason, case_type, action."] for name in unknown})
        texts = {name: "" if data.get(name) is None else data[name] for name in ("reason", "case_type", "action")}
        for name, text in texts.items():
            if not isinstance(text, str) or len(text) > 2000:
                raise Invalid({name: ["Send a text of at most 2,000 characters."]})
        who = caller(request)
        made = pauses.pause_as(
            who.actor, texts["reason"], partner=who.partner, case_type=texts["case_type"], action=texts["action"]
        )
        return Response(_shape(made), status=201)


class PacketSchema(APIView):
    """The JSON Schema of a context packet, for anyone."""

    authentication_classes = ()
    permission_classes = ()

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
        "every_brand": pause.partner_id is None,
        "reason": pause.reason,
        "paused_at": pause.paused_at.isoformat(),
    }
