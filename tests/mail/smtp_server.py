"""A real SMTP server for the tests: aiosmtpd in a thread, which keeps what came and can refuse, defer or hang up."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as default_policy
from typing import Any, Literal, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.mail.imap_server import LOOPBACK, START_ATTEMPTS, MailServerUnavailable, free_port

SMTP_START_SECONDS = 5.0  # aiosmtpd waits it out in full when its port is taken
MESSAGE_BYTES = 50 * 1024 * 1024

HangUp = Literal["", "kept", "lost"]


@dataclass(frozen=True)
class Delivery:
    """One message as the server took it: the envelope and the bytes after DATA."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=default_policy)


@dataclass
class SmtpServer:
    """A running SMTP server; set its fields at any time to change how it answers the next command.

    `refused` recipients get 550. The next `deferrals` recipients get 451, then the server takes mail again.
    `hang_up` closes the connection in place of the answer to DATA, so that the client cannot know the outcome:
    "kept" has taken the message nevertheless, "lost" has not. `stall_seconds` delays the answer to DATA.
    `seen` holds the verbs and addresses in the order they came, refused ones included.
    """

    host: str = LOOPBACK
    port: int = 0
    refused: set[str] = field(default_factory=set)
    deferrals: int = 0
    hang_up: HangUp = ""
    stall_seconds: float = 0.0
    deliveries: list[Delivery] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)


class _Handler:
    """What aiosmtpd calls for each command; the answers are read from the SmtpServer at that moment."""

    def __init__(self, server: SmtpServer, login: tuple[str, str] | None) -> None:
        self.server = server
        self.login = login

    async def handle_MAIL(  # noqa: N802 (aiosmtpd's name)
        self, smtp: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.server.seen.append(f"MAIL {address}")
        if self.login is not None and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, smtp: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.server.seen.append(f"RCPT {address}")
        if address in self.server.refused:
            return "550 5.1.1 No such mailbox here"
        if self.server.deferrals > 0:
            self.server.deferrals -= 1
            return "451 4.3.0 Try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, smtp: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        self.server.seen.append("DATA")
        if self.server.stall_seconds:
            await asyncio.sleep(self.server.stall_seconds)
        if self.server.hang_up != "lost":
            raw = cast(bytes, envelope.original_content)
            self.server.deliveries.append(Delivery(envelope.mail_from or "", tuple(envelope.rcpt_tos), raw))
        if self.server.hang_up:
            cast(asyncio.Transport, smtp.transport).abort()
            raise ConnectionResetError("this test server hangs up after DATA")
        return "250 2.0.0 Queued"


@contextlib.contextmanager
def smtp_server(*, login: tuple[str, str] | None = None) -> Iterator[SmtpServer]:
    """Run an SMTP server on a free loopback port until the block ends; with `login`, mail needs that user and password.

    The server speaks plain SMTP, with SMTPUTF8 and 8BITMIME.
    """
    server = SmtpServer()
    controller = _start_smtp(server, login)
    try:
        yield server
    finally:
        controller.stop(no_assert=True)


def _start_smtp(server: SmtpServer, login: tuple[str, str] | None) -> Controller:
    def check(smtp: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == login
        return AuthResult(success=right, handled=False, auth_data=True)

    options: dict[str, Any] = {
        "ready_timeout": SMTP_START_SECONDS,
        "enable_SMTPUTF8": True,
        "data_size_limit": MESSAGE_BYTES,
    }
    if login is not None:
        options |= {"authenticator": check, "auth_require_tls": False}
    for attempt in range(1, START_ATTEMPTS + 1):
        server.port = free_port()
        controller = Controller(_Handler(server, login), hostname=server.host, port=server.port, **options)
        try:
            controller.start()
            return controller
        except OSError as error:
            controller.stop(no_assert=True)
            if attempt == START_ATTEMPTS:
                raise MailServerUnavailable(f"no SMTP server on {server.host}:{server.port}: {error}") from error
    raise AssertionError("unreachable")
