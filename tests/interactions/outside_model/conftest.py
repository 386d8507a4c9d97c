"""A server process that speaks the protocol, a model there, and a brand that chose it."""

import time
from contextlib import suppress
from decimal import Decimal

import pytest

from apps.interactions.case import Case
from apps.interactions.models import ModelCall, ModelOptIn, OutsideModel
from apps.interactions.outside_model.client import Endpoint, ModelFailed, complete
from apps.interactions.outside_model.prompts import Prompt
from tests.conftest import STATUS
from tests.interactions.outside_model import model_server
from tests.interactions.outside_model.asked import case_of


@pytest.fixture(scope="module")
def running():
    """Asked once before anything is timed: a client's first call takes longer on a busy machine than tests give it."""
    with model_server.running() as server:
        endpoint = Endpoint(f"{server.url}/v1", "any", "", timeout_seconds=20, retries=0, reasoning=False)
        with suppress(ModelFailed):  # whatever it answers
            prompt = Prompt(ModelCall.Purpose.CLASSIFY, "Read this.", "Hello", "reading", {"type": "object"}, 10, "m")
            complete(endpoint, prompt, time.monotonic() + 20)
        assert server.seen(), "it was asked"
        yield server


@pytest.fixture
def server(running):
    running.forget()
    return running


@pytest.fixture
def model(server, db):
    return OutsideModel.objects.create(
        name="reader", base_url=f"{server.url}/v1", model="any", timeout_seconds=0.6, retries=0, at_once=8,
        price_in=Decimal("2"), price_out=Decimal("8"), failures_to_open=1000,
    )  # fmt: skip


@pytest.fixture
def opt_in(model, partner):
    return ModelOptIn.objects.create(partner=partner, model=model, classify=True, draft=True)


@pytest.fixture
def case(arrive, order) -> Case:
    return case_of(arrive(STATUS, order=order, work=False))
