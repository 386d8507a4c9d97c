"""Errors as `application/problem+json` (RFC 9457): what was wrong, where, and what to do."""

import logging
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from psycopg.errors import DeadlockDetected
from rest_framework import exceptions, status
from rest_framework.response import Response

from apps.interactions.api.idempotency import WAIT_SECONDS, UnderWay
from apps.policies import audit
from apps.policies.errors import Invalid, Moved, Refused

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
TITLES = {
    400: "The request cannot be read",
    401: "No valid API key",
    403: "Not allowed with this key",
    404: "Not found",
    405: "This method is not offered here",
    406: "Ask for JSON",
    409: "Not possible now",
    412: "Not as expected",
    413: "The request is too large",
    415: "Send JSON",
    422: "Some fields cannot be taken",
    429: "Too many requests",
    500: "Something went wrong on our side",
}


def problem(status_code: int, detail: str, errors: dict[str, list[str]] | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES.get(status_code, TITLES[500]),
        "status": status_code,
        "detail": detail,
    }
    if errors:
        body["errors"] = errors
    return body


class Precondition(Exception):
    """What the caller expects of a row (`If-Match`, `If-None-Match`) is not so; nothing was done."""


def as_problem(error: Exception, context: dict[str, Any]) -> Response:
    """The exception handler of the API. An unforeseen error is not swallowed: it is logged and becomes a 500."""
    match error:
        case Invalid():
            return _answer(422, "Some fields cannot be taken; each is named under errors.", error.errors)
        case UnderWay():
            return _again(str(error))
        case Moved() | Refused():
            return _answer(409, str(error))
        case OperationalError() if isinstance(error.__cause__, DeadlockDetected):
            return _again("Two calls were in each other's way. Nothing was done; send it again.")
        case Precondition():
            return _answer(412, str(error))
        case RequestDataTooBig():
            limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // (1024 * 1024)
            return _answer(413, f"The body is over {limit} MB. Send fewer interactions at once.")
        case Http404():
            return _answer(404, "There is no such object.")
        case PermissionDenied():
            return _answer(403, "This is not allowed with this key.")
        case exceptions.ValidationError():
            return _answer(422, "Some fields cannot be taken; each is named under errors.", flat_errors(error.detail))
        case exceptions.APIException():
            response = _answer(error.status_code, str(error.detail))
            if error.status_code == status.HTTP_401_UNAUTHORIZED:
                response["WWW-Authenticate"] = 'Bearer realm="Remit"'
            return response
    log.error("an API call failed", exc_info=error)
    name = audit.correlation_id()
    return _answer(500, f"This is our mistake, and it is logged. Nothing was done. Tell us the request id: {name}.")


def _answer(status_code: int, detail: str, errors: dict[str, list[str]] | None = None) -> Response:
    return Response(problem(status_code, detail, errors), status=status_code, content_type=CONTENT_TYPE)


def _again(detail: str) -> Response:
    """A 409 that passes: with `Retry-After`, which no other has."""
    answer = _answer(409, detail)
    answer["Retry-After"] = str(WAIT_SECONDS)
    return answer


def flat_errors(detail: Any, prefix: str = "") -> dict[str, list[str]]:
    """Nested serializer errors as `{"messages[0].text": ["…"]}`."""
    if isinstance(detail, dict):
        found: dict[str, list[str]] = {}
        for name, inner in detail.items():
            if name == "non_field_errors":  # of the whole: the place is the prefix itself
                found.update(flat_errors(inner, prefix))
                continue
            place = f"[{name}]" if isinstance(name, int) else f".{name}" if prefix else str(name)
            found.update(flat_errors(inner, f"{prefix}{place}"))
        return found
    if isinstance(detail, list) and any(isinstance(item, dict) for item in detail):
        found = {}
        for index, item in enumerate(detail):
            if item:
                found.update(flat_errors(item, f"{prefix}[{index}]"))
        return found
    items = detail if isinstance(detail, list) else [detail]
    return {prefix or "body": [str(item) for item in items]}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What Django refuses before any view, such as a host that is not ours."""
    if not request.path.startswith("/api/"):
        return defaults.bad_request(request, exception)
    said = problem(400, "The request is not for this host, or cannot be read.")
    return JsonResponse(said, status=400, content_type=CONTENT_TYPE)


@csrf_exempt
def not_found(request: object, exception: Exception | None = None) -> JsonResponse:
    """The 404 of an address under /api/ that no view answers."""
    return JsonResponse(problem(404, "There is no such object."), status=404, content_type=CONTENT_TYPE)
