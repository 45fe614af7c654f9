"""Rows as values, and names that are given up."""

import pytest

from mien.gallery.records import KeptDoubt
from mien.gallery.stores.sqlite_rows import doubts_of, metadata_of, portrait_of, state_of, text_of, without_name


@pytest.mark.parametrize(
    ("path", "short"),
    [
        ("people/An/1.jpg", "people/1.jpg"),
        ("people/An/An-1.jpg", "people/-1.jpg"),
        ("An.jpg", ".jpg"),
        ("/data/An/x/An/1.jpg", "/data/x/1.jpg"),
        ("people/Bình/1.jpg", "people/Bình/1.jpg"),
    ],
)
def test_a_name_that_is_given_up_goes_out_of_the_paths(path: str, short: str) -> None:
    assert without_name(path, "An") == short


def test_what_is_not_a_value_is_refused() -> None:
    with pytest.raises(TypeError):
        text_of(b"An")
    with pytest.raises(TypeError):
        portrait_of(b"jpeg", None)
    assert portrait_of(None, None) is None
    with pytest.raises(TypeError):
        metadata_of("[1]")
    with pytest.raises(ValueError, match="the state gone"):
        state_of("gone")
    with pytest.raises(TypeError):
        doubts_of('[{"code": "mask"}]')
    assert doubts_of(None) == ()
    assert doubts_of('[{"code": "mask", "value": 0.5}]') == (KeptDoubt("mask", 0.5),)
