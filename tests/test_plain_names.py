"""What a name is, and what is refused before it becomes a part of a path."""

import pytest

from mien.errors import CardError
from mien.plain_names import is_name, name_from, require_name

PATHS = ["/etc", "../x", "..", ".", "", "a/b", "a\\b", ".hidden", "a\nb", "name\n", "A", "ñ", "x" * 65, "~", "a\0b"]


@pytest.mark.parametrize("text", PATHS)
def test_a_path_is_not_a_name(text: str) -> None:
    assert not is_name(text)
    with pytest.raises(CardError, match=r"is not a name of a model .*; choose another"):
        require_name(text, "model", CardError, "choose another")


@pytest.mark.parametrize("text", ["a", "my-r50", "7.5_b", "x" * 64])
def test_names_are_given_back(text: str) -> None:
    assert require_name(text, "model", CardError, "choose another") == text


def test_a_long_path_does_not_fill_the_message() -> None:
    with pytest.raises(CardError) as caught:
        require_name("../" * 3000, "model", CardError, "choose another")
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My Net", "my-net"),
        ("Người Đẹp (v2)", "nguoi-dep-v2"),
        ("../../evil", "evil"),
        (".hidden", "hidden"),
        ("x" * 99, "x" * 64),
        ("模型", ""),
    ],
)
def test_a_file_gives_the_nearest_name(text: str, name: str) -> None:
    assert name_from(text) == name and (not name or is_name(name))
