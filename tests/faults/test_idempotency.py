"""The same call fifty times at one moment."""

import json
from collections import Counter

import pytest
from django.utils import timezone

from apps.interactions.demo import demo_partner
from apps.interactions.models import Interaction
from apps.policies.models import Pause
from tests import factories
from tests.conftest import api_client
from tests.faults.processes import race

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_happens_once_and_every_answer_is_the_same_or_a_409(transactional_db):
    partner = demo_partner("lumi", "Lumi Skin")
    client = api_client(partner)
    customer = factories.CustomerFactory(partner=partner)
    sent = {
        "external_id": "once", "channel": "chat", "customer": customer.external_id,
        "messages": [{"author": "customer", "text": "Where is my order?", "sent_at": timezone.now().isoformat()}],
    }  # fmt: skip

    def call(number):
        answers = []
        for address, body in (("/api/v1/interactions/", sent), ("/api/v1/pauses/", {"reason": "sale"})):
            headers = {"Idempotency-Key": f"fifty {address}"}
            answer = client.post(address, body, format="json", headers=headers)
            answers.append((address, answer.status_code, json.dumps(answer.json(), sort_keys=True)))
        return answers

    answers = [one for each in race(call, 50) for one in each]
    assert Interaction.objects.count() == Pause.objects.count() == 1
    for address, status in (("/api/v1/interactions/", 202), ("/api/v1/pauses/", 201)):
        codes = Counter(code for where, code, _ in answers if where == address)
        assert set(codes) <= {status, 409}
        assert codes[status] >= 1
        assert len({body for where, code, body in answers if where == address and code == status}) == 1


def test_a_row_that_several_make_at_once_is_made_once_and_the_others_are_told(transactional_db):
    client = api_client(demo_partner("lumi", "Lumi Skin"))

    def put(number):
        return client.put(
            "/api/v1/customers/c-1/", {"name": "Mira"}, format="json", headers={"If-None-Match": "*"}
        ).status_code

    assert sorted(race(put, 8)) == [201] + [412] * 7
