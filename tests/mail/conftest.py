"""A brand with a mailbox on real servers, and mail to put there."""

import time
import uuid
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

import pytest
from django.utils import timezone

from apps.interactions import connections, tasks, vault
from apps.interactions.mail import fetching, sending
from apps.interactions.models import Interaction, Mail, MailBox, OutgoingMail
from apps.policies.models import Partner
from tests import factories
from tests.conftest import STATUS
from tests.mail.imap_server import ImapServer, imap_server
from tests.mail.smtp_server import Delivery, SmtpServer, smtp_server

ADDRESS = "support@lumi.example"
LONGEST_SECONDS = 30


@pytest.fixture(scope="session")
def imap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImapServer]:
    with imap_server(tmp_path_factory.mktemp("imap"), user=ADDRESS) as server:
        yield server


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with smtp_server(login=("lumi", "secret of lumi")) as server:
        yield server


@pytest.fixture
def box(partner: Partner, imap: ImapServer, smtp: SmtpServer) -> MailBox:
    """Read up to now, so that what comes next is new."""
    made = MailBox.objects.create(
        partner=partner, address=ADDRESS, imap_host=imap.host, imap_port=imap.port, imap_security="none", imap_user=imap.user,
        imap_password=vault.seal(imap.password), smtp_host=smtp.host, smtp_port=smtp.port, smtp_security="none", smtp_user="lumi",
        smtp_password=vault.seal("secret of lumi"), vouched_by="mx.lumi.example", next_at=timezone.now(),
    )  # fmt: skip
    work(lambda: MailBox.objects.get().read_at is not None)
    return made


def work(is_so: Callable[[], object]) -> None:
    """Let workers and connections work, as their processes would, until something is so."""
    runner, end = connections.Runner([fetching.DESK, sending.DESK]), time.monotonic() + LONGEST_SECONDS
    try:
        while not is_so():
            assert time.monotonic() < end, f"it does not come about: {_how_it_stands()}"
            if not tasks.one_round() + runner.round():
                time.sleep(0.02)
    finally:
        runner.finish()


def rounds(count: int = 10) -> None:
    """So much work, so that what should not come about had its time."""
    left = iter(range(count))
    work(lambda: next(left, None) is None)


def _how_it_stands() -> str:
    cases = list(Interaction.objects.values_list("state", "subject"))
    return f"{cases} {list(Mail.objects.values())} {list(OutgoingMail.objects.values())} {list(MailBox.objects.values('error'))}"


def sent(smtp: SmtpServer, count: int) -> list[Delivery]:
    """What the server took, as soon as it is so many and nothing waits to leave."""
    waiting = OutgoingMail.objects.filter(status="waiting")
    work(lambda: len(smtp.deliveries) >= count and not waiting.exists())
    return smtp.deliveries


def look() -> None:
    """Look into the mailbox once more."""
    before = MailBox.objects.get().read_at
    MailBox.objects.update(next_at=timezone.now())
    work(lambda: MailBox.objects.get().read_at != before)


def mail(text: str = "Where is my order?", *, sender: str = "Ada Byron <ada@example.com>", to: str = ADDRESS, subject: str = "My order",
         vouched: bool = True, **headers: Any) -> EmailMessage:  # fmt: skip
    made = EmailMessage()
    if vouched:
        domain = sender.rpartition("@")[2].rstrip(">")
        made["Authentication-Results"] = f"mx.lumi.example; spf=pass; dmarc=pass header.from={domain}"
    made["From"], made["To"], made["Subject"] = sender, to, subject
    made["Date"], made["Message-ID"] = format_datetime(timezone.now()), f"<{uuid.uuid4()}@example.com>"
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made


@pytest.fixture
def ordered(partner):
    customer = factories.CustomerFactory(partner=partner, email="ada@example.com", name="Ada Byron")
    return factories.OrderFactory(customer=customer)


def put(imap, message):
    imap.append(message.as_bytes())
    look()


@pytest.fixture
def answered(imap, smtp, box, ordered):
    """A mail that was answered, and the answer."""
    put(imap, mail(STATUS))
    return sent(smtp, 1)[0].message


def quoted(answer):
    return "\n".join(f"> {line}" for line in answer.get_content().splitlines())
