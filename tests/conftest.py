"""What every test can ask for: a demo brand with its boundary, people, an API client, and the work done at once."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import Client
from django.utils import timezone
from hypothesis import settings
from rest_framework.test import APIClient

from apps.interactions import blind, claiming, submitting, tasks
from apps.interactions.demo import demo_partner
from apps.interactions.models import Customer, Escalation, Interaction, Order
from apps.policies import audit
from apps.policies.models import Boundary, Partner
from tests import factories

ACTOR = audit.system("test")
FORM_TOKEN = re.compile(r'(?<=csrfmiddlewaretoken" value=")\w+|(?<="X-CSRFToken": ")\w+')

settings.register_profile("remit", deadline=None)  # what a law says does not depend on how fast the machine is
settings.load_profile("remit")


@pytest.fixture(autouse=True)
def nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No case is drawn at random, except in tests about that: they say what is drawn."""
    monkeypatch.setattr(blind, "drawn", lambda percent: False)


@pytest.fixture
def partner(db: None) -> Partner:
    """A demo brand: order status and standard return live, the rest in assist, the shop simulator as its shop."""
    return demo_partner("lumi", "Lumi Skin")


@pytest.fixture
def boundary(partner: Partner) -> Boundary:
    """What the demo brand's AI may decide."""
    assert partner.boundary is not None
    return partner.boundary


@pytest.fixture
def author(db: None) -> User:
    return factories.ops_manager()


@pytest.fixture
def other(db: None) -> User:
    """Another ops manager: whatever widens takes two."""
    return factories.ops_manager()


@pytest.fixture
def customer(partner: Partner) -> Customer:
    return factories.CustomerFactory(partner=partner)


@pytest.fixture
def order(customer: Customer) -> Order:
    return factories.OrderFactory(customer=customer)


@pytest.fixture
def drain(partner: Partner) -> Callable[[], int]:
    """Do all the work that is due, as the workers would; returns the number of rounds."""

    def run() -> int:
        rounds = 0
        while tasks.one_round():
            rounds += 1
            assert rounds < 500, "the work does not end"
        return rounds

    return run


Arrive = Callable[..., Interaction]


@pytest.fixture
def arrive(partner: Partner, drain: Callable[[], int]) -> Arrive:
    """Send one message of a customer and work on it: `arrive("Where is my order?", order=order)`."""
    number = iter(range(1, 100_000))

    def send(text: str, *, order: Order | None = None, customer: Customer | None = None, work: bool = True,
             at: datetime | None = None, **more: Any) -> Interaction:  # fmt: skip
        who = customer or (order.customer if order else None)
        data = {
            "external_id": f"msg-{next(number)}",
            "channel": "chat",
            "customer": who.external_id if who else None,
            "order": order.number if order else None,
            "messages": [{"author": "customer", "text": text, "sent_at": (at or timezone.now()).isoformat()}],
            "sender_verified": True,
            **more,
        }
        accepted = submitting.submit_interaction(partner, data, actor=ACTOR, as_sent=at is not None)
        if work:
            drain()
        return Interaction.objects.get(pk=accepted.interaction.pk)

    return send


# Messages that the shipped classifier reads without doubt, for tests that are about something else.
STATUS = "Where is my order? I would like to know when it will be delivered."
RETURN = "I want to return this and get a refund, please send me a return label."
MISSING = "My parcel never arrived, the courier says it was delivered but I did not receive anything."
COMPLAINT = "Your customer service is poor, I want to lodge a complaint."


@pytest.fixture
def escalated(arrive: Arrive, order: Order) -> Escalation:
    """A case that waits for a person: a refund 17 days past the window."""
    order.delivered_at = timezone.now() - timedelta(days=47)
    order.save()
    case = arrive(RETURN, order=order)
    return case.escalations.get()


@pytest.fixture
def held(escalated: Escalation) -> tuple[User, Escalation]:
    """The same, claimed by a supervisor."""
    user = factories.supervisor()
    return user, claiming.claim(user, escalated.pk)


@pytest.fixture
def api(partner: Partner) -> APIClient:
    """A partner's client with every scope."""
    return api_client(partner)


def api_client(partner: Partner, **fields: Any) -> APIClient:
    key = factories.ApiKeyFactory(partner=partner, **fields)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key.issued}")
    return client


def browser(user: User) -> Client:
    """A browser in which somebody is signed in."""
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, address: str) -> str:
    """What is read there, without the tokens of its forms: they are random, and a short word can stand in one."""
    return FORM_TOKEN.sub("", client.get(address).content.decode())


@pytest.fixture(autouse=True, scope="session")
def _rows_that_are_kept_may_go_between_tests() -> Iterator[None]:
    """Tests with real commits are cleaned up by TRUNCATE, which the triggers of kept rows refuse, as they should."""
    flush = DatabaseOperations.execute_sql_flush

    def without_triggers(self: DatabaseOperations, statements: list[str]) -> None:
        flush(self, ["SET session_replication_role = replica", *statements, "SET session_replication_role = origin"])

    DatabaseOperations.execute_sql_flush = without_triggers  # type: ignore[method-assign]
    yield
    DatabaseOperations.execute_sql_flush = flush  # type: ignore[method-assign]


def reasons(case):
    return [down["reason"] for down in case.ruling.downgrades]
