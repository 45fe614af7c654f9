"""Addresses of databases: host or folder, name, options. Refuses passwords, which would be kept in the gallery."""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import parse_qs, unquote, urlsplit

from mien.errors import GalleryError


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One address.

    Attributes:
        text: as it was given.
        host: a name or number; empty where a socket or a file is used.
        port: of the host; None for the usual one.
        user: empty where none is named.
        path: what follows the host, without the first slash.
        options: by name.
    """

    text: str
    host: str
    port: int | None
    user: str
    path: str
    options: dict[str, str]

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""
        if self.host in ("", "localhost"):
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


def read_address(text: str, password: str) -> Address:
    """Take an address apart.

    Args:
        text: such as postgresql://user@host:5432/name?sslmode=require.
        password: the name of the environment variable for the password.

    Raises:
        GalleryError: it is not an address, or it holds a password.
    """
    try:
        parts = urlsplit(text)
        port, secret = parts.port, parts.password
    except ValueError:
        raise GalleryError(f"'{text.partition('@')[2] or text}' is not an address of a database") from None
    if secret:
        raise GalleryError(
            f"the address of {parts.hostname} holds a password, which would be kept in the gallery: leave it out and "
            f"set {password}"
        )
    return Address(
        text=text,
        host=unquote(parts.hostname or ""),
        port=port,
        user=unquote(parts.username or ""),
        path=unquote(parts.path.removeprefix("/")),
        options={name: values[-1] for name, values in parse_qs(parts.query).items()},
    )
