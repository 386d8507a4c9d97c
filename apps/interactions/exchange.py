"""One HTTP exchange with a server that is not trusted: bounded in time and size, however the answer trickles in.

A client's own time-outs hold for one read, so a server that sends a byte a second is never too slow for them.
Here every step on the socket gets what is left until one deadline. Nothing is followed, nothing is unpacked.
"""

import ssl
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from threading import Condition
from typing import Any

import httpcore2

Resolve = Callable[[str, int], Sequence[str]]
"""The addresses to connect to of a host and a port; raises what it likes when there may be none."""


class TooLarge(Exception):
    """The answer is longer than it may be; what came of it is thrown away."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` by their names in lower case; `body` as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def exchange(
    method: str, url: str | httpcore2.URL, headers: Sequence[tuple[bytes, bytes]], content: bytes, *,
    until: float, largest: int, resolve: Resolve | None = None, cut: bool = False,
) -> Answer:  # fmt: skip
    """Send and read to the end, until a moment of `time.monotonic()`. Without `resolve` the system looks the host up.

    Raises TimeoutError, ConnectionError, and TooLarge for over `largest` bytes, unless what is over is to be `cut`.
    """
    sent = [*headers, (b"Accept-Encoding", b"identity"), (b"User-Agent", b"remit"), (b"Connection", b"close")]
    try:
        with (
            httpcore2.ConnectionPool(_tls(), network_backend=_HurriedBackend(until, resolve)) as pool,
            pool.stream(method, url, headers=sent, content=content) as answer,
        ):
            body = _bounded(answer, largest, cut)
    except httpcore2.TimeoutException as error:
        raise TimeoutError("no whole answer in time") from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise ConnectionError(str(error) or type(error).__name__) from error
    return Answer(answer.status, {_text(name).lower(): _text(value) for name, value in answer.headers}, body)


def _text(raw: bytes) -> str:
    return raw.decode("latin-1")


def _bounded(answer: httpcore2.Response, largest: int, cut: bool) -> bytes:
    body = bytearray()
    for part in answer.iter_stream():
        body += part
        if len(body) > largest:
            if not cut:
                raise TooLarge(f"more than {largest:,} bytes")
            break
    return bytes(body[:largest])


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return httpcore2.default_ssl_context()


_LOOKING_UP = ThreadPoolExecutor(256, "look-up")
_LOOK_UPS_OF_A_HOST = 4
_WAITS_FOR_A_LOOK_UP = 2.0  # seconds
_looked_up: Counter[str] = Counter()
_looking_up = Condition()


def _in_time(resolve: Resolve, host: str, port: int, until: float) -> Sequence[str]:
    """A look-up knows no time limit of its own: one that takes too long is left behind. Of one host there are never more than
    a few, and who wants another waits a little, so that a name server that never answers holds up nobody else's hosts."""
    with _looking_up:
        left = min(_left(until, httpcore2.ConnectTimeout), _WAITS_FOR_A_LOOK_UP)
        if not _looking_up.wait_for(lambda: _looked_up[host] < _LOOK_UPS_OF_A_HOST, left):
            raise httpcore2.ConnectTimeout(f"{host} is being looked up, and was not found in time")
        _looked_up[host] += 1
    try:
        return _LOOKING_UP.submit(_counted, resolve, host, port).result(_left(until, httpcore2.ConnectTimeout))
    except TimeoutError as error:
        raise httpcore2.ConnectTimeout(f"{host} was not found in time") from error


def _counted(resolve: Resolve, host: str, port: int) -> Sequence[str]:
    try:
        return resolve(host, port)
    finally:
        with _looking_up:
            _looked_up[host] -= 1
            if not _looked_up[host]:
                del _looked_up[host]
            _looking_up.notify_all()


class _HurriedBackend(httpcore2.NetworkBackend):
    def __init__(self, until: float, resolve: Resolve | None) -> None:
        self._until, self._resolve = until, resolve
        self._inner = httpcore2.SyncBackend()

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
                    socket_options: Any = None) -> httpcore2.NetworkStream:  # fmt: skip
        """To the first of the addresses that answers. The name is looked up once, so none comes in between."""
        addresses = [host] if self._resolve is None else _in_time(self._resolve, host, port, self._until)
        fault: Exception = ConnectionError(f"{host} has no address")
        for address in addresses:
            left = _left(self._until, httpcore2.ConnectTimeout)
            try:
                stream = self._inner.connect_tcp(address, port, left, local_address, socket_options)
            except httpcore2.NetworkError as error:
                fault = error
            else:
                return _HurriedStream(stream, self._until)
        raise fault


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
