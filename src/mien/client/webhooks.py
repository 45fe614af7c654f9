"""What a receiver of webhooks checks before it believes a delivery. Needs no connection to the service."""

import hmac
import re
import time

FORM = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")
TOLERANCE = 300.0
"""Seconds by which the clocks of sender and receiver may differ."""


def is_signed(
    secret: str, signature: str, body: bytes, *, tolerance: float = TOLERANCE, now: float | None = None
) -> bool:
    """Whether a delivery is of the service that has the secret, unchanged, and not an old one that is sent again.

    Args:
        secret: that was shown when the webhook was added.
        signature: the header Mien-Signature: `t=SECONDS,v1=HEX`, the HMAC-SHA256 of `SECONDS.BODY`.
        body: the bytes of the request as they came, before they are read as JSON.
        tolerance: seconds that the delivery may be old.
        now: seconds since 1970 (UTC); by default the clock's.
    """
    found = FORM.fullmatch(signature)
    if found is None:
        return False
    expected = hmac.digest(secret.encode(), f"{found[1]}.".encode() + body, "sha256").hex()
    age = abs((time.time() if now is None else now) - int(found[1]))
    return hmac.compare_digest(expected, found[2]) and age <= tolerance
