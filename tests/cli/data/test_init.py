"""mien data as a user types it: all verbs one after the other, and what they refuse."""

import json
from pathlib import Path

import pytest

from mien.cli import run
from mien.data.pack import Pack


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_whole_way_from_a_folder_to_recordio(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest, pack = tmp_path / "m.parquet", tmp_path / "pack"
    assert run(["data", "import", str(people / "train"), "--out", str(manifest), "--json"]) == 0
    assert lines(capsys)[0]["rows"] == 4
    assert run(["data", "prepare", str(manifest), "--out", str(pack), "--workers", "1", "--json"]) == 4
    captured = capsys.readouterr()
    assert json.loads(captured.out)["counts"] == {"written": 3, "no face": 1}
    assert "rejected.csv lists 1 row without a crop" in captured.err
    assert run(["data", "check", str(pack), "--json"]) == 0
    assert lines(capsys)[0] == {"pack": str(pack), "crops": 3, "subjects": 2, "problems": 0}
    assert run(["data", "export", str(pack), "--rec", str(tmp_path / "rec")]) == 0
    assert run(["data", "inspect", str(tmp_path / "rec"), "--json"]) == 0
    seen = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (seen["source"], seen["images"], seen["subjects"]) == ("recordio", 3, 2)
    assert run(["data", "export", str(pack), "--folder", str(tmp_path / "f")]) == 0
    assert len(list((tmp_path / "f" / "Collins").iterdir())) == 2
    assert run(["data", "prepare", str(tmp_path / "f"), "--out", str(tmp_path / "again"), "--workers", "1"]) == 0
    assert len(Pack(tmp_path / "again")) == 3


@pytest.mark.parametrize(
    ("argv", "code", "why"),
    [
        (["inspect", "{}/gone"], 3, "gone does not exist"),
        (["inspect", "{}/train", "--as", "lwf"], 3, "there is no source 'lwf'"),
        (["import", "{}/train", "--out", "m.txt"], 2, "ends in .csv or .parquet"),
        (["import", "{}/train/Wall/1.png", "--out", "m.csv"], 3, "is not a data set that mien recognizes"),
        (["prepare", "{}/test/Nobody", "--out", "p"], 3, "1 images are directly in it"),
        (
            ["prepare", "{}/train", "--out", "p", "--multiple-faces", "some"],
            2,
            "--multiple-faces is reject or largest",
        ),
        (["prepare", "{}/train", "--out", "p", "--several", "some"], 2, "--multiple-faces is reject or largest"),
        (["prepare", "{}/train", "--out", "p", "--size", "100"], 3, "multiples of 112 and 128"),
        (["check", "{}/train"], 3, "is not a pack; make one with"),
        (["export", "{}/train", "--rec", "x"], 3, "is not a pack"),
        (
            ["import", "{}/train", "--out", "m.csv", "--as", "table", "--column", "path"],
            2,
            "--column takes NAME=COLUMN",
        ),
    ],
)
def test_rubbish_gets_one_sentence_and_leaves_nothing(
    people: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    argv: list,
    code: int,
    why: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["data", *(word.format(people) for word in argv)]) == code
    message = capsys.readouterr().err
    assert why in message and "Traceback" not in message
    assert not list(tmp_path.iterdir())
