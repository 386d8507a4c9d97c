"""The partner API. Each view translates and delegates; every row it touches is the caller's partner's."""

import uuid
from typing import Any

from django.db import DataError
from django.db.models import Model, QuerySet
from django.http import Http404
from django.utils import timezone
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.interactions import intake, settling, submitting
from apps.interactions.api import serializers as shapes
from apps.interactions.api.authentication import Caller
from apps.interactions.connectors import Outcome
from apps.interactions.mirror import Stored
from apps.interactions.models import Customer, Interaction, Order, Scope
from apps.policies import audit
from apps.policies.errors import Invalid
from apps.policies.models import Partner

MOST_IN_A_BATCH = 500


def caller(request: Request) -> Caller:
    assert isinstance(request.user, Caller)
    return request.user


def interaction_of(request: Request, reference: uuid.UUID) -> Interaction:
    found = Interaction.objects.of(caller(request).partner).filter(reference=reference).first()
    if found is None:
        raise Http404
    return found


class Interactions(ListAPIView[Interaction]):
    """Send one interaction, or list those that were sent."""

    scopes = {"GET": Scope.INTERACTIONS_READ, "POST": Scope.INTERACTIONS_WRITE}
    serializer_class = shapes.InteractionOut

    def get_queryset(self) -> QuerySet[Interaction]:
        rows = Interaction.objects.of(caller(self.request).partner)
        state = self.request.query_params.get("state")
        if state:
            if state not in Interaction.State.values:
                raise Invalid(
                    {"state": [f"There is no state “{state}”; use one of {', '.join(Interaction.State.values)}."]}
                )
            rows = rows.filter(state=state)
        return rows.select_related("customer", "order", "merged_into")

    def post(self, request: Request) -> Response:
        _author_allowed(request, request.data)
        accepted = submitting.submit_interaction(caller(request).partner, request.data, actor=caller(request).actor)
        return Response(shapes.InteractionOut(accepted.interaction).data, status=202 if accepted.created else 200)


class InteractionBatch(APIView):
    """Send up to 500 interactions: one verdict an item; one bad item spoils no other."""

    scopes = {"POST": Scope.INTERACTIONS_WRITE}

    def post(self, request: Request) -> Response:
        items = request.data.get("interactions") if isinstance(request.data, dict) else None
        if not isinstance(items, list) or not 1 <= len(items) <= MOST_IN_A_BATCH:
            raise Invalid({"interactions": [f"Send a list of 1 to {MOST_IN_A_BATCH} interactions."]})
        return Response({"results": [self._one(request, item) for item in items]}, status=207)

    def _one(self, request: Request, item: Any) -> dict[str, Any]:
        try:
            _author_allowed(request, item)
            accepted = submitting.submit_interaction(caller(request).partner, item, actor=caller(request).actor)
        except (Invalid, DataError) as refused:
            error = refused if isinstance(refused, Invalid) else Invalid({"body": ["The database cannot hold it."]})
            name = item.get("external_id") if isinstance(item, dict) else None
            return {"status": 422, "external_id": name, "errors": error.errors}
        return {
            "status": 202 if accepted.created else 200,
            **shapes.InteractionOut(accepted.interaction).data,
        }


class OneInteraction(APIView):
    scopes = {"GET": Scope.INTERACTIONS_READ}

    def get(self, request: Request, reference: uuid.UUID) -> Response:
        return Response(shapes.InteractionDetail(interaction_of(request, reference)).data)


class Messages(APIView):
    """Somebody wrote more on an interaction."""

    scopes = {"POST": Scope.INTERACTIONS_WRITE}

    def post(self, request: Request, reference: uuid.UUID) -> Response:
        interaction = interaction_of(request, reference)
        _author_allowed(request, {"messages": [request.data]})
        words = intake.Words(**submitting.checked(shapes.MessageIn, request.data), received_at=timezone.now())
        case = intake.add_message(interaction, words, actor=caller(request).actor)
        return Response(shapes.InteractionOut(case).data, status=202)


class Mirrored(APIView):
    """One row of the mirror: read it, or put what the partner's own system says of it.

    A subclass names the model, its field that the address names, how it is put, and how it is shown.
    """

    scopes = {"GET": Scope.OMS_WRITE, "PUT": Scope.OMS_WRITE}
    model: type[Model]
    field: str

    def put_row(self, partner: Partner, name: str, data: object, actor: audit.Actor) -> Stored[Any]:
        raise NotImplementedError

    def shown(self, row: Any) -> dict[str, Any]:
        raise NotImplementedError

    def get(self, request: Request, name: str) -> Response:
        rows = self.model._default_manager.filter(partner=caller(request).partner)
        found = rows.filter(**{self.field: name}).first()
        if found is None:
            raise Http404
        return Response(self.shown(found))

    def put(self, request: Request, name: str) -> Response:
        who = caller(request)
        stored = self.put_row(who.partner, name, request.data, who.actor)
        return Response(self.shown(stored.row), status=201 if stored.created else 200)


class OneCustomer(Mirrored):
    model, field = Customer, "external_id"

    def put_row(self, partner: Partner, name: str, data: object, actor: audit.Actor) -> Stored[Any]:
        return submitting.submit_customer(partner, name, data, actor=actor)

    def shown(self, row: Customer) -> dict[str, Any]:
        return _customer(row)


class OneOrder(Mirrored):
    model, field = Order, "number"

    def put_row(self, partner: Partner, name: str, data: object, actor: audit.Actor) -> Stored[Any]:
        return submitting.submit_order(partner, name, data, actor=actor)

    def shown(self, row: Order) -> dict[str, Any]:
        return _order(row)


class OrderEvents(APIView):
    """Courier scans and other events of an order; one that is known already changes nothing."""

    scopes = {"POST": Scope.OMS_WRITE}

    def post(self, request: Request, number: str) -> Response:
        who = caller(request)
        if not Order.objects.filter(partner=who.partner, number=number).exists():
            raise Http404
        order = submitting.submit_order_events(who.partner, number, request.data, actor=who.actor)
        return Response(_order(order), status=202)


class ActionResult(APIView):
    """What became of an action. The same answer again is fine; another answer is refused."""

    scopes = {"POST": Scope.ACTIONS_RESULT}

    def post(self, request: Request, key: uuid.UUID) -> Response:
        found = submitting.checked(shapes.ActionResultIn, request.data)
        outcome = Outcome(found["outcome"], reference=found["reference"], reason=found["reason"])
        effect = settling.settle_by_key(
            caller(request).partner, key, outcome, amount=found.get("amount"), actor=caller(request).actor
        )
        if effect is None:
            raise Http404
        return Response({"key": str(effect.key), "state": effect.state})


def _author_allowed(request: Request, data: Any) -> None:
    """Words of agents and bots need a scope of their own: a chat widget's key cannot speak for the staff."""
    if Scope.AGENT_WRITE in caller(request).key.scopes or not isinstance(data, dict):
        return
    messages = data.get("messages")
    for index, message in enumerate(messages if isinstance(messages, list) else []):
        if isinstance(message, dict) and message.get("author") in ("agent", "bot"):
            raise Invalid(
                {
                    f"messages[{index}].author": [
                        f"This key may only send customers' words; it lacks {Scope.AGENT_WRITE}."
                    ]
                }
            )


def _customer(customer: Customer) -> dict[str, Any]:
    fields = ("external_id", "name", "email", "tier", "country", "postcode", "since", "as_of")
    return {name: getattr(customer, name) for name in fields}


def _order(order: Order) -> dict[str, Any]:
    return {
        "number": order.number,
        "customer": order.customer.external_id,
        "status": order.status,
        "currency": order.currency,
        "total": f"{order.total:.2f}",
        "refundable": f"{order.refundable.amount:.2f}",
        "placed_at": order.placed_at,
        "promised_at": order.promised_at,
        "delivered_at": order.delivered_at,
        "tracking_number": order.tracking_number,
        "as_of": order.as_of,
        "lines": [
            {
                "sku": line.sku,
                "name": line.name,
                "quantity": line.quantity,
                "unit_price": f"{line.unit_price:.2f}",
                "final_sale": line.final_sale,
            }
            for line in order.lines.all()
        ],
        "events": list(order.events.values("at", "kind", "location", "proof")),
    }
