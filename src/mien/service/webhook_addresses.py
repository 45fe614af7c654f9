"""To which addresses webhooks may go, and how something is sent there: to the address that was checked alone.

A host is looked up once, and the connection goes to what was found, so a name that means something else a moment
later leads nowhere. Redirects are not followed, and proxies are not used. Knows no event.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

from mien.service.camera_networks import Network, parse_networks
from mien.service.errors import ServiceError

PRIVATE = parse_networks(
    ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "::1/128", "fc00::/7")
)
"""Networks that are not of the Internet; receivers may be there where the operator names one or a part of it."""
PORTS = {"http": 80, "https": 443}
SECONDS = 10.0
"""Time for one delivery, from the connection to the status of the answer."""

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a delivery goes.

    Attributes:
        ip: the checked address.
        host: the name, for TLS and the header Host.
        port: of TCP.
        path: with the query.
        has_tls: whether it is encrypted.
    """

    ip: str
    host: str
    port: int
    path: str
    has_tls: bool

    @property
    def shown(self) -> str:
        """Scheme, host and port, without a path that may hold a secret."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.has_tls else 'http'}://{host}:{self.port}"


def find_target(address: str, networks: Sequence[Network]) -> Target:
    """Check an address and look its host up.

    Args:
        address: beginning with https://, or with http:// in a private network.
        networks: that the operator allowed. A private address is allowed only by a network that is private itself:
            0.0.0.0/0 means the Internet.

    Raises:
        ServiceError: it is not an address of a webhook, or not allowed.
    """
    parts = _parts(address)
    if not networks:
        message = "no network is allowed for webhooks: the operator names one with `mien serve --webhook-network`"
        raise ServiceError(403, "webhook_not_allowed", message)
    assert parts.hostname is not None
    port = parts.port or PORTS[parts.scheme]
    found = _look_up(parts.hostname, port)
    if not all(_is_allowed(one, networks) for one in found):
        message = f"this address is not in a network that the operator allowed ({', '.join(map(str, networks))})"
        raise ServiceError(403, "webhook_not_allowed", message)
    if parts.scheme == "http" and any(one.is_global for one in found):
        raise _refused("what goes over the Internet has to be encrypted: write https://")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(ip=str(found[0]), host=parts.hostname, port=port, path=path, has_tls=parts.scheme == "https")


def post(target: Target, body: bytes, headers: Mapping[str, str]) -> int:
    """Send a body; gives the status of the answer, of which nothing else is read.

    Raises:
        OSError: nothing answers there, or not in time.
        http.client.HTTPException: what answers does not speak HTTP.
    """
    connection = _Connection(target)
    timer = threading.Timer(SECONDS, connection.give_up)
    timer.start()
    try:
        connection.request("POST", target.path, body, dict(headers))
        return connection.getresponse().status
    finally:
        timer.cancel()
        connection.close()


class _Connection(http.client.HTTPConnection):
    """Goes to the address that was checked, whatever its name means by now."""

    def __init__(self, target: Target) -> None:
        super().__init__(target.host, target.port, timeout=SECONDS)
        self._target, self._is_over = target, False
        self.default_port = PORTS["https" if target.has_tls else "http"]

    def connect(self) -> None:
        self.sock = socket.create_connection((self._target.ip, self.port), self.timeout)
        if self._is_over:
            raise TimeoutError
        if self._target.has_tls:
            self.sock = _tls().wrap_socket(self.sock, server_hostname=self._target.host)

    def give_up(self) -> None:
        """End what takes too long as a whole, such as an answer that comes byte by byte."""
        self._is_over = True
        with suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _parts(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        raise _refused("is not an address: write https://host/path") from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise _refused("the address of a webhook begins with https:// or http://")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise _refused("the address of a webhook has no user, password or fragment: each delivery is signed")
    return parts


def _look_up(host: str, port: int) -> list[Address]:
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError):
        raise _refused("its host is not known: check the name, or write the IP address") from None
    return [_plain(ip_address(str(one[4][0]).partition("%")[0])) for one in rows]


def _plain(one: Address) -> Address:
    """An IPv4 address that is written as one of IPv6, as what it is."""
    return (one.ipv4_mapped or one) if isinstance(one, IPv6Address) else one


def _is_allowed(one: Address, networks: Sequence[Network]) -> bool:
    return any(one in network and (one.is_global or _is_private(network)) for network in networks)


def _is_private(network: Network) -> bool:
    """Whether a network is in one of those that are not of the Internet."""
    first, last = network[0], network[-1]
    return any(first in one and last in one for one in PRIVATE)


def _refused(problem: str) -> ServiceError:
    return ServiceError(422, "invalid_request", f"address: {problem}", [{"field": "address", "problem": problem}])
