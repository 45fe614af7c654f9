"""Times of the API: UTC in ISO 8601, to the second, both ways."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, Field


def time_text(seconds: float) -> str:
    """A time in seconds since 1970 as text, such as 2026-11-26T18:00:00Z."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _text_only(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("is a time such as 2026-11-26T18:00:00Z, as text")
    return value


Time = Annotated[AwareDatetime, BeforeValidator(_text_only), Field(description="ISO 8601 with its offset from UTC.")]
