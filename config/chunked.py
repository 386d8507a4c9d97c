"""Bodies that come in chunks, without a Content-Length: Django reads none of them, so they are read here.

A server that puts chunks together says so (`wsgi.input_terminated`); from another one they are refused with 411, since a body
that seems empty would be taken for an empty one.
"""

from collections.abc import Iterable
from io import BytesIO
from typing import Any

from django.conf import settings


class Whole:
    """A WSGI application to which every body comes whole. One that is over the limit comes as too long, not cut."""

    def __init__(self, application: Any) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("HTTP_TRANSFER_ENCODING"):
            if not environ.get("wsgi.input_terminated"):
                start_response("411 Length Required", [("Content-Type", "text/plain"), ("Connection", "close")])
                return [b"Send a Content-Length."]
            body = environ["wsgi.input"].read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
            environ |= {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        found: Iterable[bytes] = self._application(environ, start_response)
        return found
