"""mien data export, as a user calls it."""

import json
from pathlib import Path

import pytest

from mien.cli import run


def test_a_pack_becomes_folders(pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "folders"
    assert run(["data", "export", str(pack), "--folder", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"crops": 3, "subjects": 2, "out": str(out)}
    assert {path.name: len(list(path.glob("*.jpg"))) for path in out.iterdir()} == {"Collins": 2, "Hopper": 1}


@pytest.mark.parametrize("options", [[], ["--rec", "a", "--folder", "b"]])
def test_one_format_has_to_be_chosen(
    options: list[str],
    pack: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["data", "export", str(pack), *options]) == 2
    assert "choose either --rec DIR or --folder DIR" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
