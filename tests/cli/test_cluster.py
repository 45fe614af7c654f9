"""mien cluster, as a user calls it."""

import json
import shutil
from pathlib import Path

import pytest

from mien.cli import run


@pytest.fixture
def album(tmp_path: Path, people: Path) -> Path:
    """Two images of one person and one of another."""
    (tmp_path / "album").mkdir()
    for name in ("enrol/Eileen Collins/1.png", "collins.jpg", "hopper.jpg"):
        shutil.copy(
            people / name, tmp_path / "album" / f"{len(list((tmp_path / 'album').iterdir()))}-{Path(name).name}"
        )
    return tmp_path / "album"


def test_groups_are_printed_and_written(album: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cluster", str(album), "--out", str(tmp_path / "out"), "--json"]) == 0
    shown = capsys.readouterr()
    group, whole = map(json.loads, shown.out.splitlines())
    assert group["person"] == "person-001" and len(group["faces"]) == 2 and group["certainty"] > 0.9
    assert whole["counts"]["unassigned faces"] == 1 and "groups" not in whole
    assert "3 images, 3 faces: 2 in 1 group, 1 of no group" in shown.err
    assert run(["cluster", str(album), "--out", str(tmp_path / "out2")]) == 0
    shown = capsys.readouterr()
    assert "person-001" in shown.out and str(tmp_path / "out2/report.html") in shown.out


def test_exit_codes(album: Path, people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (album / "broken.jpg").write_bytes(b"rubbish")
    assert run(["cluster", str(album), "--out", str(tmp_path / "a")]) == 4
    assert "broken.jpg" in capsys.readouterr().err
    assert run(["cluster", str(album), "--out", str(tmp_path / "a")]) == 3
    assert "holds groups already" in capsys.readouterr().err
    for path in list(album.iterdir())[1:]:
        path.unlink()
    lone = next(album.iterdir())
    shutil.copy(people / "hopper.jpg", album / "one.jpg")
    lone.unlink()
    assert run(["cluster", str(album), "--out", str(tmp_path / "b")]) == 1
    (album / "one.jpg").write_bytes(b"rubbish")
    assert run(["cluster", str(album), "--out", str(tmp_path / "c")]) == 3
    assert "Traceback" not in capsys.readouterr().err
