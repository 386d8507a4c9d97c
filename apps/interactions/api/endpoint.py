"""What every view of the API has in common: scope, rate limit, idempotency, and what the schema says of it.

A view names per method its `scopes`, the shape it `takes`, and the shapes it `gives` by status; the schema is written from
these. What it raises becomes a problem (`problems.py`).
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from django.db import IntegrityError, transaction
from django.db.models import Model, QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.exceptions import Throttled
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from apps.interactions import tenancy
from apps.interactions.api import idempotency, limits
from apps.interactions.api.authentication import Caller
from apps.interactions.api.filtering import OF_EVERY_LIST, Filter, chosen, filtered
from apps.interactions.api.pagination import NewestFirst
from apps.interactions.models import Scope
from apps.policies.errors import Invalid

Shape = type[BaseSerializer[Any]]
UNSAFE = ("POST", "PATCH", "DELETE")  # PUT is idempotent by itself


def caller(request: Request) -> Caller:
    assert isinstance(request.user, Caller)
    return request.user


class Described(APIView):
    # What the schema says of a view, by method; the text of an operation is the docstring of its view.
    scopes: ClassVar[Mapping[str, Any]]
    takes: ClassVar[Mapping[str, Shape]] = {}
    gives: ClassVar[Mapping[str, Mapping[int, Shape | None]]] = {}
    filters: ClassVar[Mapping[str, Filter]] = {}
    sparse: ClassVar[bool] = False  # whether GET gives one row, of which some fields can be chosen
    or_a_list: ClassVar[bool] = False  # whether POST takes one of what it takes, or a list


class Endpoint(Described):
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    scopes: ClassVar[Mapping[str, Scope]]
    secrets: ClassVar[tuple[str, ...]] = ()  # fields of an answer that are not kept for who sends the call again

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.args, self.kwargs, self.headers = args, kwargs, self.default_response_headers
        self.allowance: limits.Allowance | None = None
        asked = self.request = self.initialize_request(request, *args, **kwargs)
        try:
            asked._request.body  # noqa: B018  # read while it is whole; refused here when it is too large
            self.initial(asked, *args, **kwargs)
            self._as_described(asked)
            method = str(request.method).lower()
            known = method in self.http_method_names
            handler = getattr(self, method, self.http_method_not_allowed) if known else self.http_method_not_allowed
            answer = self._once(asked, self._walled(asked, partial(handler, asked, *args, **kwargs)))
        except Exception as error:
            answer = self.handle_exception(error)
        self.response = self.finalize_response(asked, answer, *args, **kwargs)
        return self.response

    def _as_described(self, asked: Request) -> None:
        """A body where one is taken, so that none that was lost on its way is read as “nothing”; and none where none is."""
        takes = asked.method in self.takes
        if takes and not asked._request.body:
            raise Invalid({"body": ["It is empty. Send JSON."]})
        if not takes and asked.method == "POST" and asked.data:
            names = asked.data if isinstance(asked.data, dict) else ["body"]
            raise Invalid({str(name): ["This call takes no fields."] for name in names})
        taken = self.parameters()
        if unknown := sorted(set(asked.query_params) - taken):
            known = f"; use {', '.join(sorted(taken))}" if taken else ""
            raise Invalid({name: [f"There is no such parameter{known}."] for name in unknown})

    def parameters(self) -> set[str]:
        """What may stand behind the ? of its address."""
        return {"fields"} if self.sparse else set()

    def check_permissions(self, request: Request) -> None:
        """A call that is refused counts too."""
        if isinstance(request.user, Caller):
            self.allowance = limits.count(request.user.key, timezone.now())
            if self.allowance.is_used_up:
                raise Throttled
        super().check_permissions(request)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        for name, value in (self.allowance.headers() if self.allowance else {}).items():
            answer[name] = value
        if isinstance(request.user, Caller) and request.user.partner.sandbox_of_id is not None:
            answer["Remit-Sandbox"] = "true"
        return answer

    def _walled(self, request: Request, handler: Callable[[], Response]) -> Callable[[], Response]:
        """The handler, seeing the rows of the caller's partner alone. When somebody writes the same row at this very moment,
        all of it is done once more: then that row is there."""
        if not isinstance(request.user, Caller):
            return handler
        partner_id = request.user.partner.pk

        def once() -> Response:
            with tenancy.tenant(partner_id):
                return handler()

        def behind() -> Response:
            try:
                return once()
            except IntegrityError:
                return once()

        return behind

    def _once(self, request: Request, handler: Callable[[], Response]) -> HttpResponseBase:
        name = request.headers.get(idempotency.HEADER)
        if name is None or request.method not in UNSAFE or not isinstance(request.user, Caller):
            return handler()
        digest = idempotency.digest_of(request.method, request.get_full_path(), request._request.body)
        call = idempotency.begin(request.user.key, idempotency.checked_name(name), digest, timezone.now())
        if isinstance(call, idempotency.Answer):
            replayed = HttpResponse(call.body, status=call.status, content_type=call.content_type)
            replayed["Idempotent-Replayed"] = "true"
            return replayed
        try:
            with transaction.atomic():
                answer = self._handled(handler)
                if not _passes(answer):
                    idempotency.finish(call, self._kept(answer))
        except BaseException:
            idempotency.let_go(call)
            raise
        if _passes(answer):
            idempotency.let_go(call)
        return answer

    def _handled(self, handler: Callable[[], Response]) -> Response:
        try:
            with transaction.atomic():
                return handler()
        except Exception as error:
            return self.handle_exception(error)

    def _kept(self, answer: Response) -> idempotency.Answer:
        data = answer.data
        if isinstance(data, dict) and any(name in data for name in self.secrets):
            data = {**data, **{name: None for name in self.secrets if name in data}}
        body = "" if data is None else JSONRenderer().render(data).decode()
        return idempotency.Answer(answer.status_code, answer.content_type or "application/json", body)


def _passes(answer: Response) -> bool:
    """Whether the same call may be answered otherwise in a moment, since nothing was done."""
    return answer.status_code >= 500 or answer.has_header("Retry-After")


class Listing(Endpoint):
    """Rows of the caller's partner, the newest first: by filters, in pages, with chosen fields."""

    shape: ClassVar[Shape]

    def rows(self, request: Request) -> QuerySet[Any]:
        raise NotImplementedError

    def parameters(self) -> set[str]:
        return {*OF_EVERY_LIST, *self.filters}

    def get(self, request: Request) -> Response:
        pages = NewestFirst()
        wanted = chosen(request, self.shape().fields)  # type: ignore[attr-defined]
        found = pages.paginate_queryset(filtered(self.rows(request), request, self.filters), request, view=self)
        return pages.get_paginated_response(shown(self.shape, found or [], wanted, many=True))


def shown(shape: Shape, rows: Any, wanted: Any, *, many: bool = False) -> Any:
    """Rows in a shape, or those of its fields that are wanted."""
    serializer: Any = shape(rows, many=many)
    if wanted is not None:
        fields = (serializer.child if many else serializer).fields
        for name in set(fields) - set(wanted):
            fields.pop(name)
    return serializer.data


def one(request: Request, shape: Shape, row: Model) -> Response:
    """One row, in whole or the fields that are wanted."""
    return Response(shown(shape, row, chosen(request, shape().fields)))  # type: ignore[attr-defined]
