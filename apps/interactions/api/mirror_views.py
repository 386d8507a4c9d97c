"""The mirror by API: customers, orders, products and articles as the partner's own systems have them, and their events."""

import hashlib
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import Model
from django.http import Http404
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.interactions import submitting
from apps.interactions.api import answers, catalogue_shapes
from apps.interactions.api import serializers as shapes
from apps.interactions.api.endpoint import Endpoint, Shape, caller, shown
from apps.interactions.api.filtering import chosen
from apps.interactions.api.problems import Precondition
from apps.interactions.mirror import Stored
from apps.interactions.models import Article, Customer, Order, Product, Scope
from apps.interactions.sent_along import one_at_a_time
from apps.policies import audit
from apps.policies.models import Partner


class Mirrored(Endpoint):
    """One row of the mirror: read it, or put what the partner's own system says of it.

    Its `ETag` changes with its content. A PUT with `If-Match` replaces just that content, one with `If-None-Match: *` only
    makes what is not there; otherwise it is refused (412) and changes nothing.
    """

    scopes = {"GET": Scope.OMS_WRITE, "PUT": Scope.OMS_WRITE}
    sparse = True
    model: ClassVar[type[Model]]
    field: ClassVar[str]
    shape: ClassVar[Shape]

    def put_row(self, partner: Partner, name: str, data: object, actor: audit.Actor) -> Stored[Any]:
        raise NotImplementedError

    def get(self, request: Request, name: str) -> Response:
        found = self._find(request, name)
        if found is None:
            raise Http404
        tag = etag_of(self.shape, found)
        if _names(request.headers.get("If-None-Match"), tag):
            return Response(status=304, headers={"ETag": tag})
        wanted = chosen(request, self.shape().fields)  # type: ignore[attr-defined]
        return Response(shown(self.shape, found, wanted), headers={"ETag": tag})

    def put(self, request: Request, name: str) -> Response:
        who = caller(request)
        with transaction.atomic():
            one_at_a_time(self.model, who.partner.pk, name)
            self._as_expected(request, name)
            stored = self.put_row(who.partner, name, request.data, who.actor)
            if not stored.changed and "If-Match" in request.headers:
                raise Precondition(
                    "What is there has a later “as_of” than what you send, so nothing would be replaced."
                )
        row = stored.row
        return Response(
            self.shape(row).data, status=201 if stored.created else 200, headers={"ETag": etag_of(self.shape, row)}
        )

    def _find(self, request: Request, name: str, *, lock: bool = False) -> Any:
        if "\x00" in name:
            return None  # there can be none
        rows = self.model._default_manager.filter(partner=caller(request).partner, **{self.field: name})
        return (rows.select_for_update(no_key=True) if lock else rows).first()

    def _as_expected(self, request: Request, name: str) -> None:
        match, none_match = request.headers.get("If-Match"), request.headers.get("If-None-Match")
        if match is None and none_match is None:
            return
        found = self._find(request, name, lock=True)
        tag = etag_of(self.shape, found) if found is not None else None
        if match is not None and not _names(match, tag):
            raise Precondition("It is not as “If-Match” says any more. Read it, and decide anew.")
        if none_match is not None and _names(none_match, tag):
            raise Precondition("It is there already, and “If-None-Match” asks that it is not.")


def etag_of(shape: Shape, row: Any) -> str:
    return f'"{hashlib.sha256(JSONRenderer().render(shape(row).data)).hexdigest()[:32]}"'


def _names(header: str | None, tag: str | None) -> bool:
    if header is None or tag is None:
        return False
    return header.strip() == "*" or tag in [one.strip().removeprefix("W/") for one in header.split(",")]


class OneCustomer(Mirrored):
    model, field, shape = Customer, "external_id", answers.CustomerOut
    takes = {"PUT": shapes.CustomerIn}

    def put_row(self, partner: Partner, name: str, data: object, actor: audit.Actor) -> Stored[Any]:
        return submitting.submit_customer(partner, name, data, actor=actor)


class OneOrder(Mirrored):
    model, field, shape = Order, "number", answers.OrderOut
    takes = {"PUT": shapes.OrderIn}

    def put_row(self, partner: Partner, name: str, data: object, actor: audit.Actor) -> Stored[Any]:
        return submitting.submit_order(partner, name, data, actor=actor)


class OneProduct(Mirrored):
    model, field, shape = Product, "sku", answers.ProductOut
    takes = {"PUT": catalogue_shapes.ProductIn}

    def put_row(self, partner: Partner, name: str, data: object, actor: audit.Actor) -> Stored[Any]:
        return submitting.submit_product(partner, name, data, actor=actor)


class OneArticle(Mirrored):
    model, field, shape = Article, "slug", answers.ArticleOut
    takes = {"PUT": catalogue_shapes.ArticleIn}

    def put_row(self, partner: Partner, name: str, data: object, actor: audit.Actor) -> Stored[Any]:
        return submitting.submit_article(partner, name, data, actor=actor)


class OrderEvents(Endpoint):
    """Courier scans and other events of an order; one that is known already changes nothing. Send one, or a list."""

    scopes = {"POST": Scope.OMS_WRITE}
    takes = {"POST": shapes.EventIn}
    or_a_list = True
    gives = {"POST": {202: answers.OrderOut}}

    def post(self, request: Request, number: str) -> Response:
        who = caller(request)
        if not Order.objects.filter(partner=who.partner, number=number).exists():
            raise Http404
        order = submitting.submit_order_events(who.partner, number, request.data, actor=who.actor)
        return Response(answers.OrderOut(order).data, status=202)


class CustomerEvents(Endpoint):
    """What a customer looked at or put in the basket; an event that is known already changes nothing. Send one, or a list."""

    scopes = {"POST": Scope.OMS_WRITE}
    takes = {"POST": catalogue_shapes.CustomerEventIn}
    or_a_list = True
    gives = {"POST": {202: answers.CustomerEventsOut}}

    def post(self, request: Request, external_id: str) -> Response:
        who = caller(request)
        customer = Customer.objects.filter(partner=who.partner, external_id=external_id).first()
        if customer is None:
            raise Http404
        taken = submitting.submit_customer_events(customer, request.data)
        return Response({"customer": external_id, "events": taken}, status=202)
