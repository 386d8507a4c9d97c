"""One HTTP exchange with a server that is not trusted: bounded in time and size, however the answer trickles in.

A client's own time-outs hold for one read, so a server that sends a byte a second is never too slow for them.
Here every step on the socket gets what is left until one deadline. Nothing is followed, nothing is unpacked, and
only the headers that the call needs leave.
"""

import ssl
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import httpcore2
import httpx2

LARGEST_ANSWER = 256 * 1024  # bytes: a long reply is 4 kB
_HEADERS = frozenset({"host", "content-type", "content-length", "authorization", "accept"})


class TooLarge(Exception):
    """The answer is longer than any answer of a model can be; what came of it is thrown away."""


class BoundedTransport(httpx2.BaseTransport):
    """Carries the attempts of one call. Each must end by `until`, a moment of `time.monotonic()`."""

    def __init__(self) -> None:
        self.until = 0.0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send and read to the end. Raises httpx2's ReadTimeout or NetworkError, and TooLarge."""
        try:
            hurried = _HurriedBackend(self.until)
            sent = _needed(request.headers.raw)
            with (
                httpcore2.ConnectionPool(_tls(), network_backend=hurried) as pool,
                pool.stream(request.method, _url(request.url), headers=sent, content=request.read()) as answer,
            ):
                body = _bounded(answer.iter_stream())
        except httpcore2.TimeoutException as error:
            raise httpx2.ReadTimeout("no whole answer in time", request=request) from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as error:
            raise httpx2.NetworkError(str(error), request=request) from error
        # Only what the client reads; an encoding is not among them, so nothing small becomes huge.
        headers = [(name, value) for name, value in answer.headers if name.lower() in (b"content-type", b"retry-after")]
        return httpx2.Response(answer.status, headers=headers, content=body, request=request)


def _url(url: httpx2.URL) -> httpcore2.URL:
    return httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


def _needed(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    kept = [(name, value) for name, value in headers if name.decode("ascii").lower() in _HEADERS]
    return [*kept, (b"Accept-Encoding", b"identity"), (b"User-Agent", b"remit"), (b"Connection", b"close")]


def _bounded(parts: Iterable[bytes]) -> bytes:
    body = bytearray()
    for part in parts:
        body += part
        if len(body) > LARGEST_ANSWER:
            raise TooLarge(f"more than {LARGEST_ANSWER:,} bytes")
    return bytes(body)


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return httpcore2.default_ssl_context()


class _HurriedBackend(httpcore2.NetworkBackend):
    def __init__(self, until: float) -> None:
        self._until = until
        self._inner = httpcore2.SyncBackend()

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
                    socket_options: Any = None) -> httpcore2.NetworkStream:  # fmt: skip
        left = _left(self._until, httpcore2.ConnectTimeout)
        stream = self._inner.connect_tcp(host, port, left, local_address, socket_options)
        return _HurriedStream(stream, self._until)


class _HurriedStream(httpcore2.NetworkStream):
    def __init__(self, inner: httpcore2.NetworkStream, until: float) -> None:
        self._inner, self._until = inner, until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(self._until, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(self._until, httpcore2.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(self, ssl_context: ssl.SSLContext, server_hostname: str | None = None,
                  timeout: float | None = None) -> httpcore2.NetworkStream:  # fmt: skip
        left = _left(self._until, httpcore2.ConnectTimeout)
        return _HurriedStream(self._inner.start_tls(ssl_context, server_hostname, left), self._until)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _left(until: float, late: type[Exception]) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise late("the time is over")
    return left
