import logging
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.policies import audit

log = logging.getLogger(__name__)


class CorrelationMiddleware:
    """One correlation id for everything a request records; it is also sent back as `X-Request-Id`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.monotonic()
        with audit.correlated() as identifier:
            request.correlation_id = identifier  # type: ignore[attr-defined]
            response = self.get_response(request)
            if request.path.startswith("/api/"):  # other addresses hold the names of conversations
                milliseconds = 1000 * (time.monotonic() - began)
                log.info("%s %s %d %.0f ms", request.method, request.path, response.status_code, milliseconds)
        response["X-Request-Id"] = identifier
        return response
