"""Addresses of databases: host or folder, name, options. Refuses passwords, which would be kept in the gallery."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import parse_qs, unquote, urlsplit

from mien.errors import GalleryError
from mien.nearest import did_you_mean

Options = Mapping[str, tuple[str, ...]]
"""Values by the names of options; nothing where an option takes any."""


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


def without_secrets(text: str) -> str:
    """An address as messages show it: without user, password and options."""
    scheme, separator, rest = text.partition("://")
    return scheme + separator + rest.rpartition("@")[2].partition("?")[0]


def read_address(text: str, password: str, options: Options) -> Address:
    """Take an address apart.

    Args:
        text: such as postgresql://user@host:5432/name?sslmode=disable.
        password: the name of the environment variable for the password.
        options: that this kind of database has.

    Raises:
        GalleryError: it is not an address, it holds a password, or an option or its value is not known.
    """
    try:
        parts = urlsplit(text)
        port, secret = parts.port, parts.password
    except ValueError:
        raise GalleryError(f"'{without_secrets(text)}' is not an address of a database") from None
    given = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    # A password with / or ? as it is ends the host for a parser.
    is_cut = "@" not in parts.netloc and "@" in parts.path + parts.query + parts.fragment
    if secret or is_cut or any("password" in name.lower() for name in given):
        raise GalleryError(
            f"the address of {without_secrets(text)} holds a password, which would be kept in the "
            f"gallery: leave it out and set {password}"
        )
    for name, value in given.items():
        _require_known(f"the address of {parts.hostname or without_secrets(text)}", name, value, options)
    return Address(
        text=text,
        host=unquote(parts.hostname or ""),
        port=port,
        user=unquote(parts.username or ""),
        path=unquote(parts.path.removeprefix("/")),
        options=given,
    )


def _require_known(where: str, name: str, value: str, options: Options) -> None:
    if name not in options:
        hint = did_you_mean(name, options) or f"; there are {', '.join(options)}"
        raise GalleryError(f"{where} has an option '{name}' that is not known{hint}")
    if options[name] and value not in options[name]:
        raise GalleryError(f"{where}: {name} is {' or '.join(options[name])}, not '{value}'")
