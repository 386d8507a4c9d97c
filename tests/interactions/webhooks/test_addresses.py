"""Where webhooks may go: nowhere but the public internet, however an address is written, and whatever its name becomes."""

import socket
import sys
import uuid
from ipaddress import ip_address

import pytest

from apps.interactions.webhooks import addresses, posting
from apps.interactions.webhooks.addresses import NotAllowed, check_url, is_public, resolve
from tests.interactions.webhooks.conftest import Listener, listening

INSIDE = [
    "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "2130706433", "0x7f000001", "0x7f.0.0.1", "0x7f.1", "017700000001",
    "0177.0.0.1", "0177.1", "127.0.0.1.", "0.0.0.0", "0", "0x0", "00000000", "localhost", "LOCALHOST", "localhost.",
    "api.localhost", "localhost.localdomain", "[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]", "[2001:0:7f00:1::]", "10.0.0.1", "10.1", "0x0a000001", "167772161", "172.16.0.1", "172.31.255.255",
    "192.168.0.1", "3232235521", "[::ffff:192.168.0.1]", "[::ffff:10.0.0.1]", "169.254.169.254", "2852039166", "0xa9fea9fe",
    "0251.0376.0251.0376", "[::ffff:169.254.169.254]", "[fe80::1]", "[fd00:ec2::254]", "[fc00::1]", "[fec0::1]", "[ff02::1]",
    "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "100.64.0.1", "192.0.2.1", "198.18.0.1", "203.0.113.5",
    "192.31.196.1", "192.52.193.1", "192.175.48.1",
    "192.0.0.192", "168.63.129.16", "192.88.99.1", "[2620:4f:8000::1]", "[2001:db8::1]", "[100::1]", "1270.0.1", "127。0。0。1", "①②⑦.⓪.⓪.①",
]  # fmt: skip


@pytest.fixture
def strict(settings):
    settings.WEBHOOKS_MAY_BE_LOCAL = False


@pytest.fixture
def connections():
    """Every connection that this process begins, seen by the interpreter itself."""
    seen, on = [], [True]

    def hook(event, args):
        if on[0] and event == "socket.connect" and isinstance(args[1], tuple):
            seen.append(args[1])

    sys.addaudithook(hook)
    yield seen
    on[0] = False


@pytest.fixture
def listener():
    found = Listener()
    server = listening(found)
    found.port = server.server_port
    yield found
    server.shutdown()
    server.server_close()


def attempt(url):
    return posting.post(posting.Letter(1, 1, uuid.uuid4(), url, "m", b"{}", ["whsec_YQ=="]))


@pytest.mark.usefixtures("strict")
class TestNowhereInside:
    @pytest.mark.parametrize("scheme", ["https", "http"])
    @pytest.mark.parametrize("host", INSIDE)
    def test_no_connection_is_made(self, listener, connections, host, scheme):
        answered = attempt(f"{scheme}://{host}:{listener.port}/")
        assert answered.status is None
        assert answered.fault
        assert connections == []
        assert listener.heard == []

    def test_the_listener_would_have_heard(self, listener, connections, settings):
        settings.WEBHOOKS_MAY_BE_LOCAL = True
        assert attempt(f"http://127.0.0.1:{listener.port}/").status == 200
        assert len(connections) == len(listener.heard) == 1

    def test_a_name_that_leads_inside_is_not_followed(self, listener, connections, monkeypatch):
        monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **o: [(2, 1, 6, "", ("127.0.0.1", listener.port))])
        assert "leads to 127.0.0.1" in attempt(f"https://shop.example:{listener.port}/").fault
        assert connections == []

    def test_a_name_with_one_address_inside_is_not_followed_at_all(self, connections, monkeypatch):
        both = [(2, 1, 6, "", ("93.184.215.14", 443)), (2, 1, 6, "", ("10.0.0.7", 443))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **o: both)
        assert "leads to 10.0.0.7" in attempt("https://shop.example/").fault
        assert connections == []

    def test_a_name_that_changes_in_between_leads_where_it_was_looked_at(self, listener, connections, monkeypatch):
        """127.0.0.2 stands for the public address that was looked at; the next answer would lead to the listener."""
        asked, real = [], socket.getaddrinfo

        def rebinding(host, port, *args, **options):
            if host != "shop.example":
                return real(host, port, *args, **options)
            asked.append(host)
            return [(2, 1, 6, "", ("127.0.0.2" if len(asked) == 1 else "127.0.0.1", port))]

        monkeypatch.setattr(socket, "getaddrinfo", rebinding)
        monkeypatch.setattr(addresses, "is_public", lambda address: str(address) == "127.0.0.2")
        assert attempt(f"https://shop.example:{listener.port}/").status is None
        assert asked == ["shop.example"]
        assert connections == [("127.0.0.2", listener.port)]
        assert listener.heard == []


class TestTyped:
    @pytest.mark.parametrize("host", INSIDE)
    def test_what_can_be_seen_is_refused_when_it_is_typed_or_when_it_is_looked_up(self, host):
        def look_at_it():
            check_url(f"https://{host}/", may_be_local=False)
            resolve(host.strip("[]"), 443)

        with pytest.raises(ConnectionError):
            look_at_it()

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("http://shop.example/", "begin with https"),
            ("ftp://shop.example/", "Write the address"),
            ("https://user:secret@shop.example/", "Leave user"),
            ("https://shop.example/#there", "Leave user"),
            ("https://shop.example:22/", "Port 22"),
            ("https://shop.example:99999/", "cannot be read"),
            ("https:///", "Write the address"),
            ("https://sh op.example/", "Write the address"),
            ("https://shop.example\\@127.0.0.1/", "Write the address"),
            ("https://[::1/", "cannot be read"),
            ("", "Write the address"),
        ],
    )
    def test_what_is_no_address_says_why(self, url, said):
        with pytest.raises(NotAllowed, match=said):
            check_url(url, may_be_local=False)

    @pytest.mark.parametrize(
        "url", ["https://shop.example/remit?x=1", "https://shop.example:8443/", "https://93.184.215.14/"]
    )
    def test_what_is_public_is_fine(self, url):
        check_url(url, may_be_local=False)

    def test_development_may_use_this_machine_and_no_other(self):
        check_url("http://127.0.0.1:9000/", may_be_local=True)
        for host in ("10.0.0.1", "169.254.169.254", "[fd00::1]"):
            with pytest.raises(NotAllowed):
                check_url(f"http://{host}:9000/", may_be_local=True)


@pytest.mark.parametrize("text", ["8.8.8.8", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450:4001:81a::200e"])
def test_public_addresses_are(text):
    assert is_public(ip_address(text))
