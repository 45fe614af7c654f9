"""Paths as text in tables."""

import os
from pathlib import Path

import pytest

from mien.data.stored_paths import absolute, as_stored, relative, stored_path


@pytest.mark.parametrize("raw", [b"An/1.jpg", "Bình/1.jpg".encode(), b"An/\xff%.jpg", b"100%.jpg"])
def test_every_path_comes_back(raw: bytes) -> None:
    path = os.fsdecode(raw)
    text = as_stored(path)
    assert text.encode() and stored_path(text) == path
    assert (text == path) == (b"\xff" not in raw), "only what is not UTF-8 is escaped"


def test_paths_are_relative_to_a_folder_that_holds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert relative(tmp_path / "An" / "1.jpg", tmp_path) == "An/1.jpg"
    assert relative(tmp_path / "An" / "1.jpg", tmp_path / "other") == str(tmp_path / "An" / "1.jpg")
    monkeypatch.chdir(tmp_path)
    assert relative(Path("An/1.jpg"), tmp_path) == relative(tmp_path / "An/1.jpg", Path()) == "An/1.jpg"
    assert absolute(tmp_path, "An/1.jpg") == str(tmp_path / "An/1.jpg")
    assert absolute(tmp_path, "/elsewhere/1.jpg") == "/elsewhere/1.jpg"
