"""The catalogue by API: products, articles, and what customers looked at."""

from typing import Any

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.interactions import submitting
from apps.interactions.api.views import Mirrored, caller
from apps.interactions.mirror import Stored
from apps.interactions.models import Article, Customer, Product, Scope
from apps.policies import audit
from apps.policies.models import Partner


class OneProduct(Mirrored):
    model, field = Product, "sku"

    def put_row(self, partner: Partner, name: str, data: object, actor: audit.Actor) -> Stored[Any]:
        return submitting.submit_product(partner, name, data, actor=actor)

    def shown(self, row: Product) -> dict[str, Any]:
        fields = ("sku", "name", "category", "currency", "in_stock", "description", "as_of")
        return {name: getattr(row, name) for name in fields} | {"price": f"{row.price:.2f}"}


class OneArticle(Mirrored):
    model, field = Article, "slug"

    def put_row(self, partner: Partner, name: str, data: object, actor: audit.Actor) -> Stored[Any]:
        return submitting.submit_article(partner, name, data, actor=actor)

    def shown(self, row: Article) -> dict[str, Any]:
        fields = ("slug", "title", "body", "published", "as_of")
        return {name: getattr(row, name) for name in fields} | {"passages": row.passages.count()}


class CustomerEvents(APIView):
    """What a customer looked at or put in the basket; an event that is known already changes nothing."""

    scopes = {"POST": Scope.OMS_WRITE}

    def post(self, request: Request, external_id: str) -> Response:
        who = caller(request)
        customer = Customer.objects.filter(partner=who.partner, external_id=external_id).first()
        if customer is None:
            raise Http404
        taken = submitting.submit_customer_events(customer, request.data)
        return Response({"customer": external_id, "events": taken}, status=202)
