"""A receiver believes what its service signed a moment ago, and nothing else."""

import hashlib

import pytest

from mien.client import is_signed

SECRET, BODY, AT = "mien_hook_x", b'{"id": "1"}', 1_764_000_000


def signature(secret: str = SECRET, body: bytes = BODY, at: int = AT) -> str:
    """The formula of RFC 2104 with its two hashes, block length 64."""
    key = secret.encode().ljust(64, b"\0")
    inner = hashlib.sha256(bytes(one ^ 0x36 for one in key) + f"{at}.".encode() + body).digest()
    return f"t={at},v1={hashlib.sha256(bytes(one ^ 0x5C for one in key) + inner).hexdigest()}"


def test_a_fresh_delivery_is_believed() -> None:
    assert is_signed(SECRET, signature(), BODY, now=AT + 10)
    assert is_signed(SECRET, signature(), BODY, now=AT - 10)


@pytest.mark.parametrize(
    ("text", "body", "now"),
    [
        (signature("another"), BODY, AT),
        (signature(), BODY + b" ", AT),
        (signature(), BODY, AT + 301),
        (signature().replace(f"t={AT}", f"t={AT + 300}"), BODY, AT + 301),
        ("", BODY, AT),
        ("t=1,v1=" + "0" * 64, BODY, AT),
        (f"t={'9' * 400},v1={'0' * 64}", BODY, AT),
        (signature().upper(), BODY, AT),
    ],
)
def test_anything_else_is_not(text: str, body: bytes, now: float) -> None:
    assert not is_signed(SECRET, text, body, now=now)


def test_by_default_the_clock_of_the_machine_counts() -> None:
    assert not is_signed(SECRET, signature(at=1), BODY)
