"""Names in any script are written, and a box in place of a letter is noticed before anybody sees it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mien.cli import lettering

SCRIPTS = {"Thai": "สมชาย ใจดี", "Chinese": "王小明", "Korean": "김민수", "Hindi": "अमिता"}


def drawn(text: str, file: Path) -> bytes:
    canvas = Image.new("L", (400, 60))
    ImageDraw.Draw(canvas).text((4, 4), text, font=lettering.load(file, 32), fill=255)
    return canvas.tobytes()


@pytest.mark.parametrize("name", ["Nguyễn Thị Hường", "Ελένη", "Ђорђе", "محمد أحمد", "דוד"])
def test_names_are_written_without_any_font_of_the_system(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lettering, "_files", lambda: (lettering.dejavu(),))
    lettering._file_for.cache_clear()
    assert lettering.lacking(name) == ""
    assert [text for text, _ in lettering.runs(name)] == [name]
    boxes = drawn("\uffff" * len(name), lettering.dejavu())
    assert (
        drawn(name, lettering.dejavu()) != boxes and np.frombuffer(drawn(name, lettering.dejavu()), "u1").max() > 200
    )
    lettering._file_for.cache_clear()


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_written_by_a_font_that_has_it(script: str) -> None:
    name = SCRIPTS[script]
    if lettering.lacking(name):
        pytest.skip(f"no font here has {script}: {lettering.REMEDY}")
    parts = list(lettering.runs(f"{name} 0.12"))
    assert "".join(text for text, _ in parts) == f"{name} 0.12"
    text, file = parts[0]
    assert file != lettering.dejavu() and {ord(letter) for letter in text.split()[0]} <= lettering._letters(file)


def test_letters_that_no_font_has_are_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lettering, "_files", lambda: (lettering.dejavu(),))
    lettering._file_for.cache_clear()
    assert lettering.lacking("王小明 王 An") == "王小明"
    lettering._file_for.cache_clear()


def test_a_text_is_split_where_the_font_changes_and_marks_stay_with_their_letter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = Path("other.ttf")
    monkeypatch.setattr(lettering, "_file_for", lambda letter: other if letter > "\u0e00" else lettering.dejavu())
    parts = list(lettering.runs("ที่ An\u0301 王"))
    assert parts == [("ที่ ", other), ("An\u0301 ", lettering.dejavu()), ("王", other)]


def test_a_broken_font_has_no_letters(tmp_path: Path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"not a font")
    assert lettering._letters(tmp_path / "broken.ttf") == frozenset()
