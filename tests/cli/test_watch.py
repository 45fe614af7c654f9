"""mien watch, as a user calls it."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.cli import run
from mien.image import read_image
from mien.video import Video


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, collins_path: Path) -> Path:
    """Eileen Collins stands there for 12 frames at 12 per second."""
    path = tmp_path_factory.mktemp("clip") / "door.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 12, (256, 256))
    for _ in range(12):
        writer.write(cv2.resize(read_image(collins_path)[:, :, ::-1], (256, 256)))
    writer.release()
    return path


def test_events_are_json_lines_and_the_copy_is_written(
    clip: Path, gallery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy.mp4"
    crops = ["--crops", str(tmp_path / "faces")]
    code = run(["watch", str(clip), "--gallery", str(gallery), "--json", "--every", "3", "--out", str(copy), *crops])
    said = capsys.readouterr()
    events = [json.loads(line) for line in said.out.splitlines()]
    assert code == 0
    assert [(one["event"], one["track"]) for one in events] == [("appeared", 1), ("identified", 1), ("left", 1)]
    assert events[-1]["subject"] == "Eileen Collins" and events[-1]["samples"] >= 3 and "L2" in said.err
    assert said.err.count("mien: Presentation attacks are not assessed") == 1
    assert [one.get("presentation_attacks") for one in events] == [None, "not assessed", "not assessed"]
    assert "1 of 1 track named; compared once" in said.err and "12 frames" in said.err
    assert sum(1 for _ in Video(str(copy))) == 12
    crop = tmp_path / "faces" / "door-0001.jpg"
    assert [one.get("thumbnail") for one in events] == [None, None, str(crop)] and crop.stat().st_mode & 0o077 == 0
    assert read_image(crop).shape[0] > 60 and read_image(crop).std() > 20, "a face with its surroundings"


def test_a_table_says_why_a_track_has_no_name(
    clip: Path, gallery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blurred = tmp_path / "blurred.avi"
    frames = [cv2.GaussianBlur(one.image[:, :, ::-1], (0, 0), 2) for one in Video(str(clip))]
    writer = cv2.VideoWriter(str(blurred), cv2.VideoWriter.fourcc(*"MJPG"), 12, (256, 256))
    for one in frames[:8]:
        writer.write(np.asarray(one, np.uint8))
    writer.release()
    assert run(["watch", str(blurred), "--gallery", str(gallery), "--every", "3"]) == 1
    said = capsys.readouterr().out
    assert "track 1 left: unknown" in said and "the face is not sharp" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--threshold", "0.5"], "--threshold: the threshold '0.5' is not a policy"),
        (["--threshold", "fmr:1e-9"], "more subjects"),
        (["--out", "copy.avi"], "an annotated copy is written as .mp4"),
        (["--every", "0"], "--every"),
    ],
)
def test_wrong_options_say_what_is_right(
    clip: Path, gallery: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["watch", str(clip), "--gallery", str(gallery), *arguments]) in (2, 3)
    assert says in capsys.readouterr().err


def test_rubbish_and_missing_sources_are_one_sentence(
    gallery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rubbish.mp4").write_bytes(b"no video" * 100)
    for name in ("rubbish.mp4", "missing.mp4"):
        assert run(["watch", str(tmp_path / name), "--gallery", str(gallery)]) == 3
        said = capsys.readouterr().err
        assert said.startswith("mien: ") and name in said and len(said.splitlines()) == 1


def test_a_missing_gallery_is_named(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["watch", str(clip), "--gallery", str(tmp_path / "none.gallery")]) == 3
    assert "none.gallery" in capsys.readouterr().err
