"""Names from others cannot act on a terminal."""

import json

import pytest

from mien.cli.printable import printable, printable_json

HARMFUL = {
    "\x1b[2J": "\\x1b[2J",
    "\x1b]0;title\x07": "\\x1b]0;title\\x07",
    "\x9b31m": "\\x9b31m",
    "a\rb": "a\\x0db",
    "a\x08b": "a\\x08b",
    "a\x00b": "a\\x00b",
    "a\x7fb": "a\\x7fb",
    "anh\u202egpj.exe": "anh\\u202egpj.exe",
    "\u2066x\u2069": "\\u2066x\\u2069",
    "a\u2028b": "a\\u2028b",
    "a\U000e0041b": "a\\U000e0041b",
    "caf\udce9.jpg": "caf\\udce9.jpg",
}


@pytest.mark.parametrize("name", HARMFUL)
def test_control_characters_of_names_are_written_out(name: str) -> None:
    assert printable(name) == HARMFUL[name]


@pytest.mark.parametrize("name", [*HARMFUL, "Nguyễn\n\t\x1b"])
def test_json_holds_the_name_without_its_control_characters(name: str) -> None:
    text = printable_json(json.dumps(name, ensure_ascii=False))
    assert json.loads(text) == name
    assert printable(text) == text


@pytest.mark.parametrize("name", ["Nguyễn Văn Ân", "Nguyễn", "王小明", "👩‍🚀", "می‌خواهم", "two\nlines\tand a tab"])
def test_letters_of_all_languages_stay_as_they_are(name: str) -> None:
    assert printable(name) == name
