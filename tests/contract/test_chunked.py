"""A body in chunks, through the real web server: many clients send them so."""

import socket
import subprocess
import time

import httpx
import pytest

from apps.interactions.demo import demo_partner
from apps.interactions.models import Customer
from config.chunked import Whole
from config.processes import web_command
from tests import factories
from tests.faults.processes import environment_of_test_database
from tests.faults.test_webhooks import PROJECT

BODY = b'{"name": "Mira Vos", "tier": "vip"}'
BROKEN = b"ZZ\r\n" + BODY


@pytest.fixture
def server(transactional_db):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(web_command("127.0.0.1", port), cwd=PROJECT, env=environment_of_test_database())
    try:
        address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{address}/health/", timeout=30)
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline, "the web server did not answer"
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def test_it_is_read_whole_and_bounded_and_never_as_empty(server):
    key = factories.ApiKeyFactory(partner=demo_partner("lumi", "Lumi Skin")).issued
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def put(chunks):
        return httpx.put(f"{server}/api/v1/customers/c-1/", content=chunks, headers=headers, timeout=60)

    assert put(iter([BODY[:9], BODY[9:]])).status_code == 201
    assert put(iter([b" " * 1_000_000] * 9)).status_code == 413
    host, port = server.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as raw:
        told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        start = f"PUT /api/v1/customers/c-1/ HTTP/1.1\r\nHost: {host}\r\n{told}Transfer-Encoding: chunked\r\n\r\n"
        raw.sendall(start.encode() + BROKEN)
        assert b" 400 " in raw.recv(200).split(b"\r\n")[0]
    assert Customer.objects.values_list("name", "tier").get() == ("Mira Vos", "vip")


def test_a_server_that_does_not_put_chunks_together_is_told_so():
    answers = []
    body = Whole(None)({"HTTP_TRANSFER_ENCODING": "chunked"}, lambda status, headers: answers.append(status))
    assert (answers, list(body)) == (["411 Length Required"], [b"Send a Content-Length."])
