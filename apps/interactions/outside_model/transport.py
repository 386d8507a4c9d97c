"""How the library that speaks with models reaches them: each attempt by one bounded exchange, and only the headers that the
call needs leave."""

from collections.abc import Iterable

import httpcore2
import httpx2

from apps.interactions.exchange import TooLarge, exchange

__all__ = ["LARGEST_ANSWER", "BoundedTransport", "TooLarge"]

LARGEST_ANSWER = 256 * 1024  # bytes: a long reply is 4 kB
_HEADERS = frozenset({"host", "content-type", "content-length", "authorization", "accept"})


class BoundedTransport(httpx2.BaseTransport):
    """Carries the attempts of one call. Each must end by `until`, a moment of `time.monotonic()`."""

    def __init__(self) -> None:
        self.until = 0.0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send and read to the end. Raises httpx2's ReadTimeout or NetworkError, and TooLarge."""
        try:
            answer = exchange(
                request.method, _url(request.url), _needed(request.headers.raw), request.read(),
                until=self.until, largest=LARGEST_ANSWER,
            )  # fmt: skip
        except TimeoutError as error:
            raise httpx2.ReadTimeout(str(error), request=request) from error
        except OSError as error:
            raise httpx2.NetworkError(str(error), request=request) from error
        # Only what the client reads; an encoding is not among them, so nothing small becomes huge.
        headers = {name: value for name, value in answer.headers.items() if name in ("content-type", "retry-after")}
        return httpx2.Response(answer.status, headers=headers, content=answer.body, request=request)


def _url(url: httpx2.URL) -> httpcore2.URL:
    return httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


def _needed(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name.decode("ascii").lower() in _HEADERS]
