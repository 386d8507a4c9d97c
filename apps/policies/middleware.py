from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.policies import audit


class CorrelationMiddleware:
    """One correlation id for everything a request records; it is also sent back as `X-Request-Id`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with audit.correlated() as identifier:
            response = self.get_response(request)
        response["X-Request-Id"] = identifier
        return response
