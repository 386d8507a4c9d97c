"""The API's description, OpenAPI 3.1: written from what each view says of itself (`endpoint.py`), and the errors they share."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from django.urls import URLResolver, get_resolver
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers

from apps.interactions.api.endpoint import UNSAFE, Endpoint, Listing
from apps.interactions.api.idempotency import HEADER, LONGEST_NAME
from apps.interactions.api.mirror_views import Mirrored
from apps.interactions.api.problems import CONTENT_TYPE, TITLES

TAGS = {
    "interaction": "Interactions", "messages": "Interactions", "outcomes": "Interactions", "history": "Interactions",
    "customer": "Mirror", "order": "Mirror", "product": "Mirror", "article": "Mirror",
    "ruling": "Authority", "dry": "Authority", "pauses": "Authority", "decision": "Authority", "action": "Authority",
    "packet": "Authority", "reach": "Reach", "webhook": "Webhooks", "key": "Keys",
}  # fmt: skip


class Problem(serializers.Serializer[Any]):
    """RFC 9457: what was wrong, where, and what to do."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="By the place of each field, like messages[0].text.",
    )


def _told(status: str) -> OpenApiResponse:
    return OpenApiResponse(Problem, description=TITLES[int(status)])


class BearerKey(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "apps.interactions.api.authentication.ApiKeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key: `rk_<prefix>_<secret>`."}


class OfNamed(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = "apps.interactions.api.serializers.Named"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        reference = {"type": "string", "maxLength": self.target.max_length}
        return {"oneOf": [reference, auto_schema.resolve_serializer(self.target.shape, direction).ref]}


@cache
def names() -> dict[type, str]:
    """The name of the address of each view."""

    def below(patterns: Iterable[Any]) -> Iterator[tuple[type, str]]:
        for one in patterns:
            if isinstance(one, URLResolver):
                yield from below(one.url_patterns)
            elif hasattr(one.callback, "view_class"):
                yield one.callback.view_class, str(one.name)

    return dict(below(get_resolver().url_patterns))


class BearerToken(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "apps.interactions.api.authentication.UserTokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A person's own token: `ru_<prefix>_<secret>`."}


class Schema(AutoSchema):
    view: Any

    def get_operation_id(self) -> str:
        return f"{self._name().replace('-', '_')}_{self.method.lower()}"

    def _name(self) -> str:
        """Events have no address: they are what we send (event_shapes.py)."""
        return names().get(type(self.view), "webhook")

    def get_tags(self) -> list[str]:
        return [next(tag for start, tag in TAGS.items() if self._name().startswith(start))]

    def get_request_serializer(self) -> Any:
        return self.view.takes.get(self.method)

    def _get_request_body(self, direction: Any = "request") -> Any:
        body = super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        if body and isinstance(self.view, Endpoint) and self.view.or_a_list:
            for content in body["content"].values():
                content["schema"] = {"oneOf": [content["schema"], {"type": "array", "items": content["schema"]}]}
        return body

    def get_response_serializers(self) -> Any:
        return {**self._given(), **{(status, CONTENT_TYPE): _told(status) for status in self._errors()}}

    def _given(self) -> Mapping[Any, Any]:
        if isinstance(self.view, Listing) and self.method == "GET":
            page = {
                "next": serializers.URLField(allow_null=True), "previous": serializers.URLField(allow_null=True),
                "results": self.view.shape(many=True),
            }  # fmt: skip
            return {200: inline_serializer(f"{self.view.shape.__name__}Page", page)}
        if isinstance(self.view, Mirrored):
            return {200: self.view.shape, **({201: self.view.shape} if self.method == "PUT" else {304: None})}
        given = self.view.gives.get(self.method)
        return given if given is not None else {(200, "application/schema+json"): OpenApiTypes.OBJECT}

    def _errors(self) -> list[str]:
        if not self.view.scopes:
            return ["406"]
        errors = {"401", "403", "406", "422", "429", "500"}
        if "{" in self.path:
            errors.add("404")
        if self.method != "GET":
            errors |= {"400", "409", "413", "415"}
        if isinstance(self.view, Mirrored) and self.method == "PUT":
            errors.add("412")
        return sorted(errors)

    def get_override_parameters(self) -> Any:
        return [OpenApiParameter(**said) for said in self._parameters()]

    def _parameters(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        if self.method in UNSAFE and isinstance(self.view, Endpoint):
            found.append({
                "name": HEADER, "location": "header", "type": {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME},
                "description": "The call happens once under it, and whoever sends it again within 24 hours gets its answer.",
            })  # fmt: skip
        if isinstance(self.view, Mirrored):
            found.append({"name": "If-None-Match", "location": "header", "description": "An ETag, or * with PUT."})
            if self.method == "PUT":
                found.append(
                    {"name": "If-Match", "location": "header", "description": "The ETag of what is to be replaced."}
                )
        if self.method == "GET" and (isinstance(self.view, Listing) or self.view.sparse):
            found.append({"name": "fields", "location": "query", "description": "Only these, with commas between."})
        if self.method == "GET" and isinstance(self.view, Listing):
            found += [
                {"name": "limit", "location": "query", "type": {"type": "integer", "minimum": 1, "maximum": 200},
                 "description": "Rows of a page; 50 without it."},
                {"name": "cursor", "location": "query", "description": "As “next” and “previous” have it."},
            ]  # fmt: skip
            found += [{"name": name, "location": "query", **one.described()} for name, one in self.view.filters.items()]
        return found


HEADERS = {
    "X-Request-Id": "Names the call: tell it when you ask about it.",
    "RateLimit": "What is left of the key's calls, and for how many seconds.",
    "RateLimit-Policy": "How many calls the key has in a minute.",
    "Retry-After": "Seconds until the same call may be taken. A 409 that has it did nothing, and passes.",
    "Idempotent-Replayed": "true: this is the answer that the first call under the Idempotency-Key got.",
    "ETag": "Changes with the content.",
}


def with_headers(result: dict[str, Any], generator: Any, **kwargs: Any) -> dict[str, Any]:
    """What answers carry beside their bodies."""
    result["components"]["headers"] = {
        name: {"description": said, "schema": {"type": "string"}} for name, said in HEADERS.items()
    }
    for path in result["paths"].values():
        for method, operation in path.items():
            keyed = any("key" in one for one in operation.get("security", []))
            tagged = any(one["name"] == "If-None-Match" for one in operation.get("parameters", []))
            for status, answer in operation["responses"].items():
                named = ["X-Request-Id"]
                named += ["RateLimit", "RateLimit-Policy"] if keyed and status not in ("401", "413") else []
                named += ["Retry-After"] if status in ("409", "429") else []
                named += ["Idempotent-Replayed"] if method.upper() in UNSAFE and keyed else []
                named += ["ETag"] if tagged and status in ("200", "201", "304") else []
                answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in named}
    return result


def with_events(result: dict[str, Any], generator: Any, **kwargs: Any) -> dict[str, Any]:
    """drf-spectacular gathers the shapes before it comes to webhooks: once more, with those of events."""
    result["components"] = generator.registry.build({})
    return result
