"""Inputs that were made to do harm, or that nobody thought of: one sentence each, and the rest is done."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.cli import run

CLAIMS = b"RIFF" + (22).to_bytes(4, "little") + b"WEBPVP8X" + (10).to_bytes(4, "little") + bytes(4) + b"\xff" * 6
"""30 bytes of WebP whose header says 2^24 x 2^24 pixels."""


@pytest.fixture
def folder(tmp_path: Path, collins_path: Path, hopper_path: Path) -> Path:
    """Two people, each with a good image and one that makes trouble."""
    for name, source in (("Collins", collins_path), ("Hopper", hopper_path)):
        (tmp_path / "people" / name).mkdir(parents=True)
        (tmp_path / "people" / name / f"good{source.suffix}").write_bytes(source.read_bytes())
    (tmp_path / "people" / "Collins" / "claims.webp").write_bytes(CLAIMS)
    Pillow.fromarray(np.zeros((5, 20000, 3), np.uint8)).save(tmp_path / "people" / "Hopper" / "strip.png")
    return tmp_path / "people"


def test_an_image_that_claims_more_pixels_than_memory_leaves_the_rest_enrolled(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["enrol", str(tmp_path / "g"), str(folder), "--json"]) == 4
    captured = capsys.readouterr()
    found = {Path(row["path"]).name: row for row in map(json.loads, captured.out.splitlines()) if "path" in row}
    assert found["good.png"]["status"] == found["good.jpg"]["status"] == "enrolled"
    assert found["claims.webp"]["status"] == "broken" and "claims.webp" in found["claims.webp"]["detail"]
    assert "Traceback" not in captured.err


def test_a_comparison_with_a_bad_file_is_not_an_answer(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = str(folder / "Hopper" / "good.jpg")
    assert run(["compare", str(folder / "Collins" / "claims.webp"), good]) == 3
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["enrol", "OUT/g", "LONG"],
        ["enrol", "LONG", "IN"],
        ["subjects", "LONG"],
        ["detect", "LONG"],
        ["detect", "LONG", "GOOD"],
        ["compare", "LONG", "GOOD"],
        ["embed", "LONG", "--out", "OUT/e.parquet"],
        ["data", "import", "LONG", "--out", "OUT/m.csv"],
        ["data", "inspect", "LONG"],
        ["audit", "LONG"],
        ["check", "GOOD", "--rules", "LONG"],
        ["detect", "GOOD", "--detector", "LONG"],
        ["detect", "GOOD", "--out", "LONG"],
        ["evaluate", "verification", "LONG", "--pairs", "LONG"],
        ["train", "LONG"],
    ],
    ids=lambda arguments: " ".join(arguments[:3]),
)
@pytest.mark.parametrize("length", [256, 5000])
def test_a_name_of_any_length_is_one_sentence(
    arguments: list[str], length: int, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = {"LONG": "x" * length, "IN": str(folder), "GOOD": str(folder / "Hopper" / "good.jpg")}
    code = run([words.get(word, word.replace("OUT", str(tmp_path / "out"))) for word in arguments])
    error = capsys.readouterr().err
    assert code == (4 if arguments == ["detect", "LONG", "GOOD"] else 3)
    assert "mien: " in error and "Traceback" not in error and "mien did not expect this" not in error


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
@pytest.mark.parametrize("form", ["coco", "wider", "yolo", "csv"])
def test_faces_of_files_whose_names_are_not_utf_8_are_saved(
    form: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = (folder / "Hopper" / "good.jpg").read_bytes()
    odd = folder / "Hopper" / os.fsdecode(b"caf\xe9.jpg")
    odd.write_bytes(good)
    target = tmp_path / ("faces.csv" if form == "csv" else "faces.json" if form == "coco" else "faces")
    assert run(["detect", str(odd), str(folder / "Hopper" / "good.jpg"), "--save", str(target), "--as", form]) == 0
    written = [target] if target.is_file() else [path for path in target.rglob("*.txt") if path.is_file()]
    assert all(path.read_bytes().decode() for path in written), "every file is UTF-8"
    assert len(written) == (1 if form in ("coco", "csv") else 2)


@pytest.mark.parametrize("name", ["camera:²", "camera:", "camera:-1", "camera:x", "camera:99999999999999999999"])
def test_a_camera_that_there_cannot_be_is_one_sentence(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["detect", name]) in (3, 4)
    error = capsys.readouterr().err
    assert name in error and "Traceback" not in error and "mien did not expect this" not in error


def test_a_strip_of_20000x5_pixels_is_no_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["detect", str(folder / "Hopper"), "--json"]) == 0
    rows = {Path(row["path"]).name: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert rows["strip.png"]["faces"] == [] and "error" not in rows["strip.png"] and rows["good.jpg"]["faces"]
