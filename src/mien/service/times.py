"""Times of the API: UTC in ISO 8601, to the second, both ways."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

FIRST_YEAR, LAST_YEAR = 1900, 9000


def time_text(seconds: float) -> str:
    """A time in seconds since 1970 as text, such as 2026-11-26T18:00:00Z."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _text_only(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("is a time such as 2026-11-26T18:00:00Z, as text")
    return value


def _of_people(value: datetime) -> datetime:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"is a time between the years {FIRST_YEAR} and {LAST_YEAR}")
    return value


Time = Annotated[
    AwareDatetime,
    BeforeValidator(_text_only),
    AfterValidator(_of_people),
    Field(description="ISO 8601 with its offset from UTC."),
]
