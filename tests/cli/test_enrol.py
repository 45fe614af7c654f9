"""mien enrol and mien reenrol, as a user calls them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mien.cli import run

Make = Callable[..., bytes]


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_enrol_reports_every_sample(people: Path, gallery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["enrol", str(gallery), str(people / "enrol"), "--json"]) == 4
    *rows, total = lines(capsys)
    assert {row["status"] for row in rows} == {"already enrolled", "broken"}
    assert total == {"counts": {"already enrolled": 2, "broken": 1}, "subjects": 2, "problems": 0}


def test_strict_enrolment_leaves_conflicts_out(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, folder = str(tmp_path / "g"), tmp_path / "set"
    for name in ("An", "Bình"):
        (folder / name).mkdir(parents=True)
        (folder / name / "1.png").write_bytes((people / "enrol/Eileen Collins/1.png").read_bytes())
    assert run(["enrol", path, str(folder), "--strict", "--json"]) == 4
    assert [row["status"] for row in lines(capsys)[:-1]] == ["enrolled", "conflict"]
    assert run(["enrol", path, str(folder), "--json"]) == 0
    assert [row["status"] for row in lines(capsys)[:-1]] == ["already enrolled", "enrolled"]


@pytest.mark.filterwarnings("ignore")
def test_quantize_and_reenrol(
    make_recognizer: Make, people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A user's own model, its 8-bit copy, and a gallery that moves to it and back to the default."""
    pytest.importorskip("onnxruntime")
    (tmp_path / "net.onnx").write_bytes(make_recognizer())
    run(["models", "add", str(tmp_path / "net.onnx"), "--name", "net-eight", "--colour", "RGB"])
    assert run(["models", "quantize", "net-eight", str(people / "enrol")]) == 3
    assert "faces are too few" in capsys.readouterr().err
    faces = tmp_path / "faces"
    faces.mkdir()
    for number in range(17):
        (faces / f"{number}.png").write_bytes((people / "both.png").read_bytes())
    assert run(["models", "quantize", "net-eight", str(faces), "--json"]) == 0
    assert lines(capsys)[-1]["name"] == "net-eight-int8"
    path = str(tmp_path / "g")
    run(["enrol", path, str(people / "enrol")])
    capsys.readouterr()
    assert run(["reenrol", path, "--recognizer", "net-eight-int8", "--json"]) == 0
    assert lines(capsys)[-1] | {"contract": ""} == {
        "templates": 2,
        "model": "net-eight-int8",
        "contract": "",
        "erased": {},
    }
    assert run(["identify", path, str(people / "both.png"), "--recognizer", "dlib-resnet"]) == 3
    assert f"mien reenrol {path} --recognizer dlib-resnet" in capsys.readouterr().err
    assert run(["reenrol", path]) == 0
    assert run(["identify", path, str(people / "both.png")]) == 0


def test_ctrl_c_leaves_nothing_half_written(people: Path, tmp_path: Path) -> None:
    """Interrupted in the middle: exit code 130, every acknowledged sample is enrolled, no stray files."""
    folder = tmp_path / "set"
    for number in range(150):
        (folder / f"s{number:03d}").mkdir(parents=True)
        (folder / f"s{number:03d}" / "1.jpg").write_bytes((people / "collins.jpg").read_bytes())
    command = [sys.executable, "-m", "mien", "enrol", str(tmp_path / "g"), str(folder), "--json"]
    # A shell without job control starts its background jobs with interrupts ignored, which children inherit.
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None and process.stderr is not None
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    out, error = process.communicate()
    assert time.monotonic() - started < 20
    acknowledged = [json.loads(line) for line in [first, *out.splitlines()] if b'"status"' in line]
    assert process.returncode == 130 and b"Interrupted" in error and b"Traceback" not in error
    done = subprocess.run(
        [sys.executable, "-m", "mien", "subjects", str(tmp_path / "g"), "--json"], capture_output=True, check=True
    )
    enrolled = {json.loads(line)["subject"] for line in done.stdout.splitlines()}
    assert {row["subject"] for row in acknowledged} <= enrolled and len(enrolled) < 150
    assert {path.name for path in tmp_path.iterdir()} <= {"set", "g", "g-wal", "g-shm"}


def test_a_masked_portrait_is_left_out_with_its_reason(
    people: Path, masked_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, path in (("Collins", people / "collins.jpg"), ("Masked", masked_path)):
        (tmp_path / "set" / name).mkdir(parents=True)
        (tmp_path / "set" / name / path.name).write_bytes(path.read_bytes())
    command = ["enrol", str(tmp_path / "g"), str(tmp_path / "set")]
    assert run([*command, "--json"]) == 4
    *rows, total = lines(capsys)
    assert total["counts"] == {"enrolled": 1, "out of scope": 1}
    outside = {row["subject"]: [one["code"] for one in row["outside"]] for row in rows}
    assert outside == {"Collins": [], "Masked": ["mask"]}
    assert run(command) == 4
    shown = capsys.readouterr().out
    assert "out of scope" in shown and shown.count("the lower face is covered") == 1
    assert run([*command, "--scope", "warn"]) == 0
    assert "the lower face is covered" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--camera", "0"], "--camera needs --subject"),
        (["people", "--subject", "An", "--camera", "0"], "leave out people"),
        (["--subject", "An", "--camera", "0", "--scope", "ignore"], "leave out --scope"),
        (["--subject", "An", "--camera", "99"], "camera:99 cannot be opened"),
        ([], "name a folder or manifest"),
    ],
)
def test_what_a_camera_needs_is_said(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["enrol", str(tmp_path / "g.gallery"), *arguments]) in (2, 3)
    assert says in capsys.readouterr().err
