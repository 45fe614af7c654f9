"""Names, metadata and consent: what is beyond a limit is refused in one sentence."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import GalleryError
from mien.gallery.profiles import METADATA_BYTES, METADATA_DEPTH, Consent, Profile, metadata_text, new_id

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def depth(value: object) -> int:
    """Objects and lists within each other, counted by a plain loop."""
    levels, now = 0, [value]
    while containers := [one for one in now if isinstance(one, dict | list)]:
        levels += 1
        now = [inner for one in containers for inner in (one.values() if isinstance(one, dict) else one)]
    return levels


@given(st.dictionaries(st.text(), VALUES, max_size=5))
def test_metadata_is_taken_or_refused_by_its_limits_alone(metadata: dict) -> None:
    try:
        size = len(json.dumps(metadata, ensure_ascii=False, separators=(",", ":")).encode())
    except UnicodeEncodeError:
        size = METADATA_BYTES + 1
    if depth(metadata) <= METADATA_DEPTH and size <= METADATA_BYTES:
        assert json.loads(metadata_text(metadata)) == metadata
        return
    with pytest.raises(GalleryError):
        metadata_text(metadata)


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        ({"a": {"b": {"c": {"d": {}}}}}, "4 objects and lists within each other"),
        ({"a": "x" * METADATA_BYTES}, "4096 bytes"),
        ({"a": math.nan}, "cannot be written as JSON"),
        ({"a": object()}, "cannot be written as JSON"),
        ([1], "must be a JSON object"),
        ({"a": "\ud800"}, "cannot be written as JSON"),
    ],
)
def test_metadata_beyond_its_limits_is_refused(metadata: dict, why: str) -> None:
    with pytest.raises(GalleryError, match=why):
        Profile("An", metadata)


def test_very_deep_metadata_is_refused_and_no_recursion_error() -> None:
    deep: dict = {}
    for _ in range(10_000):
        deep = {"x": deep}
    with pytest.raises(GalleryError, match="within each other"):
        Profile("An", deep)


@pytest.mark.parametrize("name", ["", " \t", "x" * 501])
def test_a_name_is_neither_empty_nor_endless(name: str) -> None:
    with pytest.raises(GalleryError, match="name"):
        Profile(name)


def test_a_state_that_does_not_exist_is_refused() -> None:
    with pytest.raises(GalleryError, match="active or suspended, not 'gone'"):
        Profile("An", state="gone")  # type: ignore[arg-type]


def test_consent_holds_from_its_beginning_until_before_its_end() -> None:
    consent = Consent("entry", since=10.0, until=20.0)
    assert [consent.holds(at) for at in (9.9, 10.0, 19.9, 20.0)] == [False, True, True, False]
    assert Consent("entry", since=10.0).holds(1e12) and Consent("entry", since=10.0).holds()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"purpose": " ", "since": 1.0}, "purpose that is not empty"),
        ({"purpose": "x", "since": 2.0, "until": 2.0}, "must end after it began"),
        ({"purpose": "x" * 501, "since": 1.0}, "500 characters"),
        ({"purpose": "x", "since": 1.0, "guardian": "y" * 501}, "500 characters"),
    ],
)
def test_a_consent_that_says_nothing_is_refused(given: dict, why: str) -> None:
    with pytest.raises(GalleryError, match=why):
        Consent(**given)


def test_ids_are_not_repeated() -> None:
    assert len({new_id() for _ in range(1000)}) == 1000
