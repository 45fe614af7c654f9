"""What holds for every verb: odd file names, a closed pipe, wrong commands and things that are missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mien.cli import run


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_file_names_that_are_no_utf8(people: Path, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/set/N\xff"
    Path(os.fsdecode(folder)).mkdir(parents=True)
    (Path(os.fsdecode(folder)) / "1.png").write_bytes((people / "enrol/Eileen Collins/1.png").read_bytes())
    with open(folder + b"/2.jpg", "wb") as file:  # noqa: PTH123 - a name in bytes
        file.write(b"rubbish")
    gallery = str(tmp_path / "g")
    for command, code in (
        (["enrol", gallery, str(tmp_path / "set"), "--json"], 4),
        (["identify", gallery, os.fsdecode(folder), "--json"], 4),
        (["detect", os.fsdecode(folder)], 4),
        (["subjects", gallery], 0),
    ):
        done = subprocess.run([sys.executable, "-m", "mien", *command], capture_output=True, check=False)
        assert done.returncode == code and b"Traceback" not in done.stderr, done.stderr.decode()
        assert b"N\\" in done.stdout


def test_a_reader_that_goes_away_is_no_error(people: Path) -> None:
    command = f"'{sys.executable}' -m mien detect '{people}' --json | head -c 10"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, check=False)
    assert b"Traceback" not in done.stderr and b"BrokenPipe" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["dettect"], "No such command 'dettect'"),
        (["detect"], "Missing argument"),
        (["detect", "x.jpg", "--nonsense"], "No such option"),
        (
            ["detect", "x.jpg", "--engine", "steam"],
            "--engine: engine is one of auto, onnxruntime, openvino, not 'steam'",
        ),
        (["identify", "missing.gallery", "x.jpg", "--top", "0"], "--top"),
    ],
)
def test_wrong_commands_are_told_in_a_sentence(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    error = capsys.readouterr().err
    assert says in error and "Traceback" not in error


def test_missing_things_name_the_remedy(people: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["identify", str(tmp_path / "none"), str(people / "wall.png")]) == 3
    assert "make one with `mien enrol" in capsys.readouterr().err
    assert run(["detect", str(people / "wall.png"), "--detector", "nobody"]) == 3
    assert "mien models pull" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert run(["detect", str(tmp_path / "empty")]) == 3
    assert "holds no images" in capsys.readouterr().err
