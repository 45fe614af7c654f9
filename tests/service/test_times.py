"""Times go out as UTC to the second, and come in with their offset."""

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from mien.service.times import Time, time_text

READ = TypeAdapter(Time)


def test_times_both_ways() -> None:
    assert time_text(0) == "1970-01-01T00:00:00Z"
    read = READ.validate_python("2026-11-26T18:00:00+07:00")
    assert read.astimezone(UTC) == datetime(2026, 11, 26, 11, tzinfo=UTC)
    assert time_text(read.timestamp()) == "2026-11-26T11:00:00Z"


@pytest.mark.parametrize("text", ["2026-11-26", "2026-11-26T18:00:00", "0001-01-01T00:00:00+14:00", "now", 5, None])
def test_anything_else_is_refused(text: object) -> None:
    with pytest.raises(ValidationError):
        READ.validate_python(text)
