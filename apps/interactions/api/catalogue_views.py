"""The catalogue by API: products, articles, and what customers looked at."""

from typing import Any

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.interactions import submitting
from apps.interactions.api.views import caller
from apps.interactions.models import Article, Customer, Product, Scope


class OneProduct(APIView):
    scopes = {"GET": Scope.OMS_WRITE, "PUT": Scope.OMS_WRITE}

    def get(self, request: Request, sku: str) -> Response:
        found = Product.objects.filter(partner=caller(request).partner, sku=sku).first()
        if found is None:
            raise Http404
        return Response(_product(found))

    def put(self, request: Request, sku: str) -> Response:
        who = caller(request)
        stored = submitting.submit_product(who.partner, sku, request.data, actor=who.actor)
        return Response(_product(stored.row), status=201 if stored.created else 200)


class OneArticle(APIView):
    scopes = {"GET": Scope.OMS_WRITE, "PUT": Scope.OMS_WRITE}

    def get(self, request: Request, slug: str) -> Response:
        found = Article.objects.filter(partner=caller(request).partner, slug=slug).first()
        if found is None:
            raise Http404
        return Response(_article(found))

    def put(self, request: Request, slug: str) -> Response:
        who = caller(request)
        stored = submitting.submit_article(who.partner, slug, request.data, actor=who.actor)
        return Response(_article(stored.row), status=201 if stored.created else 200)


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


def _product(product: Product) -> dict[str, Any]:
    fields = ("sku", "name", "category", "currency", "in_stock", "description", "as_of")
    return {name: getattr(product, name) for name in fields} | {"price": f"{product.price:.2f}"}


def _article(article: Article) -> dict[str, Any]:
    fields = ("slug", "title", "body", "published", "as_of")
    return {name: getattr(article, name) for name in fields} | {"passages": article.passages.count()}
