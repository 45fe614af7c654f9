"""Every verb as a user types it: output, exit codes, and messages on rubbish."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.cli import run
from mien.image import read_image
from mien.types import Image

Make = Callable[..., bytes]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, collins: Image, hopper: Image) -> Path:
    """A folder of two subjects, one broken file, and some probes next to it."""
    folder = tmp_path_factory.mktemp("people")
    for name, image in {
        "enrol/Eileen Collins/1.png": collins,
        "enrol/Grace Hopper/1.png": hopper,
        "collins.jpg": (collins * 0.7).astype(np.uint8),
        "hopper.jpg": hopper[:, ::-1],
        "both.png": np.concatenate([collins, hopper[:512]], axis=1),
        "wall.png": np.full((120, 160, 3), 120, np.uint8),
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Pillow.fromarray(np.ascontiguousarray(image)).save(folder / name)
    (folder / "enrol/Grace Hopper/broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    (folder / "rubbish.txt").write_text("no image")
    return folder


@pytest.fixture(scope="module")
def gallery(people: Path) -> Path:
    path = people / "people.gallery"
    assert run(["enrol", str(path), str(people / "enrol")]) == 4
    return path


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_detect_as_json(people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["detect", str(people / "both.png"), str(people / "wall.png"), "--json"]) == 0
    both, wall = lines(capsys)
    assert set(both) == {"path", "width", "height", "faces"} and (both["width"], both["height"]) == (1024, 512)
    assert len(both["faces"]) == 2 and wall["faces"] == []
    for face in both["faces"]:
        assert set(face) == {"box", "score", "landmarks"} and len(face["box"]) == 4
        assert len(face["landmarks"]) == 5 and len(face["landmarks"][0]) == 2


def test_detect_draws_pictures_and_counts_failures(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["detect", str(people / "collins.jpg"), str(people / "rubbish.txt"), "--out", str(tmp_path / "out")])
    captured = capsys.readouterr()
    assert code == 4 and "rubbish.txt is not a JPEG" in captured.err and "1 could not be read" in captured.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["collins.jpg"]
    drawn, original = read_image(tmp_path / "out" / "collins.jpg"), read_image(people / "collins.jpg")
    assert drawn.shape == original.shape and np.abs(drawn.astype(int) - original).max() > 80


def test_detect_without_a_face_says_no(people: Path) -> None:
    assert run(["detect", str(people / "wall.png")]) == 1


def test_pictures_of_equal_names_do_not_overwrite_each_other(people: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same.jpg").write_bytes((people / "collins.jpg").read_bytes())
    assert run(["detect", str(tmp_path), "--out", str(tmp_path / "out")]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["same-2.jpg", "same.jpg"]


def test_compare(people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    portrait = str(people / "enrol/Eileen Collins/1.png")
    assert run(["compare", portrait, str(people / "collins.jpg"), "--json"]) == 0
    value = lines(capsys)[0]
    assert value["decision"] == "match" and value["unit"] == "L2" and value["score"] < value["threshold"]["value"]
    assert set(value["threshold"]) == {"value", "unit", "fmr", "protocol"} and value["threshold"]["fmr"] == 1e-3
    assert run(["compare", portrait, str(people / "both.png"), "--json"]) == 1, "Hopper is larger in it"
    assert "2 faces, took the most prominent one" in capsys.readouterr().out
    assert run(["compare", portrait, str(people / "hopper.jpg")]) == 1
    assert "no match" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("file", "says"),
    [("wall.png", "wall.png shows no face"), ("rubbish.txt", "is not a JPEG"), ("none", "does not exist")],
)
def test_compare_on_rubbish(people: Path, file: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", str(people / "collins.jpg"), str(people / file)]) == 3
    error = capsys.readouterr().err
    assert says in error and "Traceback" not in error and len(error.strip().splitlines()) == 1


def test_enrol_reports_every_sample(people: Path, gallery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["enrol", str(gallery), str(people / "enrol"), "--json"]) == 4
    *rows, total = lines(capsys)
    assert {row["status"] for row in rows} == {"already enrolled", "broken"}
    assert total == {"counts": {"already enrolled": 2, "broken": 1}, "subjects": 2}


def test_identify(people: Path, gallery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["identify", str(gallery), str(people / "both.png"), "--json", "--out", str(tmp_path)]) == 0
    value = lines(capsys)[0]
    assert sorted(face["decision"] for face in value["faces"]) == ["Eileen Collins", "Grace Hopper"]
    assert all(len(face["candidates"]) == 2 and face["threshold"]["fmr"] == 1e-4 for face in value["faces"])
    assert (tmp_path / "both.jpg").is_file()
    assert run(["identify", str(gallery), str(people / "wall.png")]) == 1
    assert "no face" in capsys.readouterr().out


def test_top_limits_the_candidates(people: Path, gallery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for top in (1, 2):
        assert run(["identify", str(gallery), str(people / "collins.jpg"), "--json", "--top", str(top)]) == 0
        assert [len(face["candidates"]) for face in lines(capsys)[0]["faces"]] == [top]


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


def test_remove_and_subjects(people: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = str(tmp_path / "g")
    run(["enrol", path, str(people / "enrol")])
    capsys.readouterr()
    assert run(["subjects", path, "--json"]) == 0
    assert [(row["subject"], row["templates"]) for row in lines(capsys)] == [
        ("Eileen Collins", 1),
        ("Grace Hopper", 1),
    ]
    assert run(["remove", path, "Grace Hopper"]) == 0
    assert run(["remove", path, "Grace Hopper"]) == 3
    assert "has no subject 'Grace Hopper'" in capsys.readouterr().err
    assert run(["identify", path, str(people / "hopper.jpg"), "--json"]) == 1
    assert lines(capsys)[0]["faces"][0]["decision"] == "unknown"


def test_calibrate_writes_thresholds_on_the_card(
    make_recognizer: Make, people: Path, tmp_path: Path, collins: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "net.onnx").write_bytes(make_recognizer())
    run(["models", "add", str(tmp_path / "net.onnx"), "--name", "net-calibrated", "--colour", "RGB"])
    generator = np.random.default_rng(0)
    for number in range(8):
        folder = tmp_path / "set" / f"s{number}"
        folder.mkdir(parents=True)
        tint = generator.uniform(0.8, 1.0, 3)
        Pillow.fromarray((collins * tint).astype(np.uint8)).resize((256, 256)).save(folder / "1.png")
    capsys.readouterr()
    assert run(["models", "calibrate", "net-calibrated", str(tmp_path / "set")]) == 3
    message = capsys.readouterr().err
    assert "a false match rate of 0.01 cannot be shown: half of the subjects make 6 non-mated" in message
    assert "is now called `mien evaluate calibrate" in message


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
    assert lines(capsys)[-1] | {"contract": ""} == {"templates": 2, "model": "net-eight-int8", "contract": ""}
    assert run(["identify", path, str(people / "both.png"), "--recognizer", "dlib-resnet"]) == 3
    assert f"mien reenrol {path} --recognizer dlib-resnet" in capsys.readouterr().err
    assert run(["reenrol", path]) == 0
    assert run(["identify", path, str(people / "both.png")]) == 0


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


def test_the_tour_recognizes_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tour", "--out", str(tmp_path), "--json"]) == 0
    rows = lines(capsys)
    assert len(rows) == 22
    for row in rows:
        decisions = sorted(face["decision"] for face in row["faces"])
        everybody_is_known = row["enrolled"] == "Grace Hopper"
        if "group" in row["path"]:
            assert decisions == ["Eileen Collins", "Grace Hopper" if everybody_is_known else "unknown"]
        elif "collins" in row["path"]:
            assert decisions == ["Eileen Collins"]
        else:
            assert decisions == ["Grace Hopper" if everybody_is_known else "unknown"]
    assert len(list((tmp_path / "annotated-2").glob("*.jpg"))) == 11


def test_ctrl_c_leaves_nothing_half_written(people: Path, tmp_path: Path) -> None:
    """Interrupted in the middle: exit code 130, every acknowledged sample is enrolled, no stray files."""
    folder = tmp_path / "set"
    for number in range(150):
        (folder / f"s{number:03d}").mkdir(parents=True)
        (folder / f"s{number:03d}" / "1.jpg").write_bytes((people / "collins.jpg").read_bytes())
    command = [sys.executable, "-m", "mien", "enrol", str(tmp_path / "g"), str(folder), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ)
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
