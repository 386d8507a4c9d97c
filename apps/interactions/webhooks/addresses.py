"""Where a webhook may go: to the public internet, looked at on the connection that is really made.

A name is looked up once, every address it has is looked at, and the connection goes to one of those: a name that leads
elsewhere the next moment leads nowhere. Redirects are not followed.

    check_url(url)       what can be seen of an address when somebody types it
    resolve(host, port)  the addresses to connect to; raises NotAllowed
"""

import ipaddress
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")  # all that is given out so far; what embeds IPv4 elsewhere is outside
_NOT_FOR_US = [  # counted as global, and none of a partner's servers: metadata of clouds, relays, what answers for nobody
    ipaddress.ip_network(network)
    for network in ("192.0.0.0/24", "168.63.129.16/32", "192.88.99.0/24", "192.31.196.0/24", "192.52.193.0/24",
                    "192.175.48.0/24", "2620:4f:8000::/48")
]  # fmt: skip
_LOCAL_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost")
_PORTS = "443, 80, or 1024 and up"


class NotAllowed(ConnectionError):
    """A webhook may not go there."""


def check_url(url: str, *, may_be_local: bool) -> None:
    """Raises NotAllowed, with what to do. `may_be_local`: http and this machine are allowed, for development."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise NotAllowed(f"This address cannot be read: {error}.") from error
    if (
        parts.scheme not in ("https", "http")
        or not host
        or not url.isascii()
        or any(c.isspace() or c == "\\" for c in url)
    ):
        raise NotAllowed("Write the address like https://shop.example/remit; a name in other letters as xn--….")
    if parts.scheme == "http" and not may_be_local:
        raise NotAllowed("The address has to begin with https: what is sent tells of customers.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise NotAllowed("Leave user, password and what follows # out of the address; the signature says who calls.")
    if port is not None and port not in (80, 443) and port < 1024:
        raise NotAllowed(f"Port {port} belongs to another service; use {_PORTS}.")
    written = _as_written(host)
    if written is not None and not _may_be(written, may_be_local):
        raise NotAllowed(f"{host} is not on the public internet.")
    is_local = host.rstrip(".") in _LOCAL_NAMES or host.rstrip(".").endswith(".localhost")
    if is_local and not may_be_local:
        raise NotAllowed(f"{host} is this machine, not the public internet.")


def resolve(host: str, port: int, *, may_be_local: bool = False) -> Sequence[str]:
    """Every address of the host, each looked at. Raises NotAllowed when one of them may not be called, and ConnectionError
    when there is none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConnectionError(f"{host} has no address: {error}") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        if not _may_be(ipaddress.ip_address(address.partition("%")[0]), may_be_local):
            raise NotAllowed(f"{host} leads to {address}, which is not on the public internet.")
    return addresses


def host_header(url: str) -> str:
    """What the `Host` of a request says: without the port where the scheme says it already."""
    parts = urlsplit(url)
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else str(parts.hostname)
    return host if parts.port in (None, usual) else f"{host}:{parts.port}"


def is_public(address: Address) -> bool:
    """Global unicast. Of IPv6 only what is given out, and nothing that carries an IPv4 address to somebody who unpacks it."""
    if any(address in network for network in _NOT_FOR_US if network.version == address.version):
        return False
    if isinstance(address, ipaddress.IPv6Address):
        embeds = address.sixtofour is not None or address.teredo is not None
        return address in _PUBLIC_V6 and address.is_global and not embeds
    return address.is_global and not address.is_multicast and not address.is_reserved


def _may_be(address: Address, may_be_local: bool) -> bool:
    return is_public(address) or (may_be_local and address.is_loopback)


def _as_written(host: str) -> Address | None:
    """The address that a host is written as, in any of the ways that a resolver takes (127.1, 0x7f000001); None: a name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return None
