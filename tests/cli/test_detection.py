"""mien evaluate detection, as a user calls it."""

import json
from pathlib import Path

import pytest

from mien.cli import run


def test_the_command_writes_a_report_with_galleries(
    annotated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "detection", str(annotated), "--out", str(tmp_path / "r"), "--json"]) == 4
    printed = capsys.readouterr()
    numbers = json.loads(printed.out)["numbers"]
    assert numbers["ap"]["value"] == 1 and numbers["ap"]["low"] < 1
    assert numbers["landmark error"]["value"] < 0.01
    assert "missing.jpg does not exist" in printed.err and "broken.jpg" in printed.err
    page = (tmp_path / "r" / "report.html").read_text()
    assert "By size" in page and "Could not be used" in page
    assert (tmp_path / "r" / "precision-recall.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("name a SET", []),
        ("either --predictions or --images", ["--wider", "x"]),
        ("--iou must be between", ["x", "--iou", "2"]),
    ],
)
def test_wrong_commands_say_what_is_wanted(
    words: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "detection", *arguments]) == 2
    assert words in capsys.readouterr().err
