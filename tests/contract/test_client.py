"""The API from outside: the Python client and every example of docs/api.md, against a real server."""

import io
import re
import subprocess
import sys
import time
import uuid
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from standardwebhooks import Webhook

from apps.interactions import tasks
from apps.interactions.demo import demo_partner
from apps.interactions.models import Interaction, Scope, WebhookEndpoint
from apps.interactions.webhooks import sending, signing
from tests import factories
from tests.interactions.webhooks.conftest import Listener, listening

PROJECT = Path(__file__).parents[2]
sys.path.insert(0, str(PROJECT / "clients" / "python"))
from remit_client import BadSignature, Refused, Remit, verify  # noqa: E402

GUIDE = (PROJECT / "docs" / "api.md").read_text()
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def key(transactional_db):
    return factories.ApiKeyFactory(partner=demo_partner("lumi", "Lumi Skin"), scopes=Scope.values).issued


@pytest.fixture
def remit(live_server, key):
    with Remit(live_server.url, key=key) as client:
        yield client


def work():
    while tasks.one_round():
        pass


class TestGuide:
    def test_every_curl_example_works(self, live_server, key):
        (block,) = re.findall(r"```sh\n(.*?)```", GUIDE, re.S)
        ran = subprocess.run(
            ["bash", "-e", "-c", block], env={"REMIT": live_server.url, "KEY": key, "PATH": "/usr/bin:/bin"}, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        work()
        assert Interaction.objects.get().state == "resolved"

    def test_every_python_example_works(self, live_server, key):
        said = io.StringIO()
        names = {"REMIT": live_server.url, "KEY": key}
        blocks = re.findall(r"```python\n(.*?)```", GUIDE, re.S)
        with redirect_stdout(said):
            for block in blocks:
                exec(compile(block, "docs/api.md", "exec"), names)
        assert len(blocks) == 2
        assert "422 {'customer': ['There is no customer “nobody”." in said.getvalue()
        assert "whsec_" in said.getvalue()

    def test_every_scope_and_event_is_told(self):
        from apps.interactions.models import EventKind

        for name in (*Scope.values, *EventKind.values):
            assert f"`{name}`" in GUIDE


class TestClient:
    def test_a_case_from_the_first_word_to_the_webhook(self, remit, live_server):
        listener = Listener()
        server = listening(listener)
        secret = remit.register_webhook(listener.url)["secret"]
        remit.put_customer("c-1", name="Mira Solano", tier="gold")
        remit.put_order(
            "1047", customer="c-1", status="shipped", currency="USD", total="84.50", placed_at="2026-11-20T09:00:00Z",
            lines=[{"sku": "SET-09", "name": "Set", "quantity": 1, "unit_price": "84.50"}],
            payments=[{"kind": "payment", "method": "card", "amount": "84.50"}],
        )  # fmt: skip
        case = remit.send(
            external_id="t-1",
            channel="chat",
            customer="c-1",
            order="1047",
            text="Where is my order?",
            sender_verified=True,
        )
        work()
        told = remit.interaction(case["id"])
        assert (told["state"], told["type"]) == ("resolved", "order_status")
        assert remit.decision(told["decision"]["id"])["by"] == "ai"
        assert [row["interaction"] for row in remit.rulings()] == [case["id"]]
        assert remit.outcome(case["id"], "csat", "s-1", score=5)["score"] == 5
        sender = sending.Sender()
        until = time.monotonic() + 20
        while len(listener.heard) < 2 and time.monotonic() < until:
            sender.round()
        sender.finish()
        server.shutdown()
        server.server_close()
        events = [verify(heard["body"], heard["headers"], secrets=[secret]) for heard in listener.heard]
        assert {event["type"] for event in events} >= {"reply.created", "interaction.resolved"}
        with pytest.raises(BadSignature):
            verify(listener.heard[0]["body"] + b" ", listener.heard[0]["headers"], secrets=[secret])
        with pytest.raises(BadSignature, match="too long ago"):
            verify(listener.heard[0]["body"], listener.heard[0]["headers"], secrets=[secret], now=time.time() + 600)

    def test_all_pages_of_a_list(self, remit):
        remit.send_many(
            [{"external_id": f"t{n}", "channel": "chat", "messages": [{"author": "customer", "text": "Hi", "sent_at": "2026-11-24T10:00:00Z"}]}
             for n in range(7)]
        )  # fmt: skip
        assert [row["external_id"] for row in remit.interactions(limit=3)] == [f"t{n}" for n in range(6, -1, -1)]

    def test_the_key_goes_to_no_other_host(self, live_server, key):
        """Whatever an answer says, as a proxy makes it of another host's name: pages are asked for where the client was sent."""
        asked = []

        class Elsewhere(httpx.HTTPTransport):
            def handle_request(self, request):
                asked.append(request.url.host)
                answer = super().handle_request(request)
                body = answer.read().replace(live_server.url.encode(), b"http://evil.example")
                return httpx.Response(answer.status_code, content=body, headers={"Content-Type": "application/json"})

        with Remit(live_server.url, key=key, transport=Elsewhere()) as client:
            for number in range(3):
                client.send(external_id=f"t{number}", channel="chat", text="Hello, where is it?")
            assert len(list(client.interactions(limit=2))) == 3
        assert set(asked) == {httpx.URL(live_server.url).host}

    def test_what_is_no_secret_is_said_to_be_none(self):
        headers = {"webhook-id": "x", "webhook-timestamp": str(int(time.time())), "webhook-signature": "v1,x"}
        with pytest.raises(ValueError, match="whsec_"):
            verify(b"{}", headers, secrets="whsec_not base64!")

    def test_a_refusal_has_the_words_of_the_api(self, remit):
        with pytest.raises(Refused) as refused:
            remit.send(external_id="t-1", channel="pigeon", text="Hello")
        assert refused.value.status == 422
        assert list(refused.value.errors) == ["channel"]
        assert len(refused.value.request_id) == 32

    def test_an_answer_that_is_lost_is_asked_for_again_and_happens_once(self, live_server, key, monkeypatch):
        class Loses(httpx.HTTPTransport):
            lost = 0

            def handle_request(self, request):
                answer = super().handle_request(request)
                if request.method == "POST" and self.lost < 2:
                    type(self).lost += 1
                    answer.read()
                    raise httpx.ReadError("the line went dead", request=request)
                return answer

        monkeypatch.setattr("remit_client.calls.FIRST_PAUSE_SECONDS", 0.01)
        with Remit(live_server.url, key=key, transport=Loses()) as client:
            assert client.pause("sale")["reason"] == "sale"
        from apps.policies.models import Pause

        assert Loses.lost == 2
        assert Pause.objects.count() == 1

    def test_webhooks_are_looked_after(self, remit):
        listener = Listener()
        server = listening(listener)
        made = remit.register_webhook(listener.url)
        assert [hook["id"] for hook in remit.webhooks()] == [made["id"]]
        assert remit.rotate_webhook(made["id"])["secret"] != made["secret"]
        assert remit.test_webhook(made["id"])["event"] == "webhook.test"
        assert remit.change_webhook(made["id"], description="the shop's")["description"] == "the shop's"
        now = datetime.now(UTC)
        assert remit.replay_webhook(made["id"], now - timedelta(hours=1), now)["events"] == 0
        with pytest.raises(ValueError, match="zone"):
            remit.replay_webhook(made["id"], datetime(2026, 1, 1), now)
        remit.remove_webhook(made["id"])
        assert remit.webhooks() == []
        server.shutdown()
        server.server_close()

    @pytest.mark.parametrize("call", ["interaction", "decision"])
    def test_a_name_is_never_a_path(self, remit, call):
        with pytest.raises(Refused) as refused:
            getattr(remit, call)("../customers/c-1")
        assert refused.value.status == 404

    def test_verification_takes_one_secret_and_text_too(self, transactional_db):
        secret, now = signing.secret_of(uuid.uuid4(), 1), int(time.time())
        said = signing.signatures([secret], "m", now, b'{"type": "x"}')
        headers = {"webhook-id": "m", "webhook-timestamp": str(now), "webhook-signature": said}
        assert verify('{"type": "x"}', headers, secrets=secret) == {"type": "x"}

    def test_verification_agrees_with_the_library_of_the_standard(self, transactional_db):
        endpoint = WebhookEndpoint(partner=demo_partner("lumi", "Lumi Skin"), url="https://shop.example/")
        secret = signing.secret_of(endpoint.reference, 1)
        body, now = b'{"type": "x"}', int(time.time())
        headers = {
            "webhook-id": "m",
            "webhook-timestamp": str(now),
            "webhook-signature": signing.signatures([secret], "m", now, body),
        }
        assert verify(body, headers, secrets=[secret]) == Webhook(secret).verify(body, headers)
