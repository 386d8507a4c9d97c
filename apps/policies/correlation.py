"""The id that everything of one request, or of one worker's turn, carries: in the audit trail, the answer and the log."""

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_correlation: ContextVar[str] = ContextVar("correlation", default="")


def correlation_id() -> str:
    return _correlation.get()


@contextmanager
def correlated(identifier: str = "") -> Iterator[str]:
    """Everything recorded inside carries one correlation id."""
    token = _correlation.set(identifier or uuid.uuid4().hex)
    try:
        yield _correlation.get()
    finally:
        _correlation.reset(token)


class RequestId(logging.Filter):
    """Gives every line of the log the id that it was written under: that of the request that it is about, if it is told."""

    def filter(self, record: logging.LogRecord) -> bool:
        about = getattr(record, "request", None)  # Django says what was refused when the request is over
        record.request_id = correlation_id() or getattr(about, "correlation_id", "") or "-"
        return True
