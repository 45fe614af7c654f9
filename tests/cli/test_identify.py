"""mien identify, as a user calls it."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.cli import run
from mien.types import Image
from mien.video import Video, write_video


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_identify(people: Path, gallery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["identify", str(gallery), str(people / "both.png"), "--json", "--out", str(tmp_path)]) == 0
    value = lines(capsys)[0]
    assert sorted(face["decision"] for face in value["faces"]) == ["Eileen Collins", "Grace Hopper"]
    assert all(len(face["candidates"]) == 2 and face["threshold"]["fmr"] == 1e-3 for face in value["faces"])
    assert (tmp_path / "both.jpg").is_file()
    assert run(["identify", str(gallery), str(people / "wall.png")]) == 1
    assert "no face" in capsys.readouterr().out


def test_top_limits_the_candidates(people: Path, gallery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for top in (1, 2):
        assert run(["identify", str(gallery), str(people / "collins.jpg"), "--json", "--top", str(top)]) == 0
        assert [len(face["candidates"]) for face in lines(capsys)[0]["faces"]] == [top]


def test_a_masked_face_is_uncertain_with_its_reason(
    gallery: Path, masked_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["identify", str(gallery), str(masked_path), "--json"]) == 5
    (face,) = lines(capsys)[0]["faces"]
    assert face["decision"] == "uncertain" and face["candidates"][0]["subject"] == "Eileen Collins"
    assert [one["code"] for one in face["scope"]["outside"]] == ["mask"]
    assert run(["identify", str(gallery), str(masked_path)]) == 5
    shown = capsys.readouterr().out
    assert "uncertain" in shown and "the lower face is covered" in shown
    assert run(["identify", str(gallery), str(masked_path), "--scope", "ignore", "--fmr", "1e-2", "--json"]) == 0
    assert lines(capsys)[0]["faces"][0]["scope"] is None
    assert run(["identify", str(gallery), str(masked_path), "--scope", "demand", "--json"]) == 5
    (face,) = lines(capsys)[0]["faces"]
    assert face["decision"] == "refused" and face["candidates"] == []


def test_one_certain_face_among_uncertain_ones_is_a_yes(
    gallery: Path, people: Path, masked_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["identify", str(gallery), str(masked_path), str(people / "collins.jpg")]) == 0
    assert "1 of 2 faces recognized" in capsys.readouterr().err


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, collins: Image, hopper: Image) -> Path:
    """Two people who move; one leaves after ten of thirty frames, at irregular times."""
    path = tmp_path_factory.mktemp("clip") / "door.mp4"
    portraits = [np.asarray(cv2.resize(image, (300, 340)), np.uint8) for image in (collins, hopper)]
    source = path.with_suffix(".avi")
    writer = cv2.VideoWriter(str(source), cv2.VideoWriter.fourcc(*"MJPG"), 10, (700, 360))
    for number in range(30):
        frame = np.full((360, 700, 3), 120, np.uint8)
        frame[10:350, 2 * number : 2 * number + 300] = portraits[0]
        if number < 10:
            frame[10:350, 390:690] = portraits[1]
        writer.write(frame[..., ::-1])
    writer.release()
    video = Video(str(source))
    with write_video(path, video) as copy:
        for frame in video:
            copy.add(frame.image, frame.number * 0.1 + (2.0 if frame.number >= 20 else 0.0))
    return path


def test_a_video_has_one_line_per_followed_face(
    gallery: Path, people: Path, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--save", str(tmp_path / "who.csv"), "--crops", str(tmp_path / "crops")]
    assert run(["identify", str(gallery), str(clip), str(people / "collins.jpg"), "--json", *options]) == 0
    image, *tracks = lines(capsys)
    assert len(image["faces"]) == 1
    by_name = {track["decision"]: track for track in tracks}
    assert set(by_name) >= {"Eileen Collins", "Grace Hopper"}
    (hopper,) = (track for track in tracks if track["decision"] == "Grace Hopper")
    assert hopper["frames"] == 10 and hopper["end"] == pytest.approx(0.9, abs=0.01)
    # Two seconds without a frame are longer than a face is waited for.
    starts = [track["start"] for track in tracks if track["decision"] == "Eileen Collins"]
    assert starts == pytest.approx([0, 4.0], abs=0.01)
    table = list(csv.DictReader((tmp_path / "who.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert len(table) == len(tracks) + 1
    assert {row["decision"] for row in table if row["track"]} == set(by_name)
    assert table[0]["path"].endswith("collins.jpg") and table[0]["track"] == ""
    assert (tmp_path / "who.csv").stat().st_mode & 0o777 == 0o600
    crops = sorted(str(path.relative_to(tmp_path / "crops")) for path in (tmp_path / "crops").rglob("*.jpg"))
    assert sum("door-000" in name for name in crops) == len(tracks) and any("collins-01" in name for name in crops)


def test_a_video_is_shown_in_the_table_and_saved_as_json_lines(
    gallery: Path, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["identify", str(gallery), str(clip), "--save", str(tmp_path / "who.jsonl")]) == 0
    shown = capsys.readouterr().out
    assert "track 1, 0.0 to" in shown and "Grace Hopper" in shown
    rows = [json.loads(line) for line in (tmp_path / "who.jsonl").read_text().splitlines()]
    assert {row["decision"] for row in rows} >= {"Eileen Collins", "Grace Hopper"} and rows[0]["fmr"] == 1e-3


def test_a_damaged_video_loses_nothing_else(
    gallery: Path, people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"x" * 500)
    assert run(["identify", str(gallery), str(tmp_path / "bad.mp4"), str(people / "collins.jpg")]) == 4
    shown = capsys.readouterr()
    assert "bad.mp4 cannot be opened" in shown.err and "Eileen Collins" in shown.out


def test_nothing_that_can_be_read_is_not_called_done(gallery: Path, tmp_path: Path) -> None:
    """Exit code 4 says that the rest was done; there was no rest."""
    (tmp_path / "bad.mp4").write_bytes(b"x" * 500)
    (tmp_path / "bad.jpg").write_bytes(b"x" * 500)
    assert run(["identify", str(gallery), str(tmp_path / "bad.mp4"), str(tmp_path / "bad.jpg")]) == 3


def test_decisions_and_pictures_of_the_users_own_are_kept(
    gallery: Path, people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = str(people / "collins.jpg")
    (tmp_path / "who.csv").write_text("my own")
    assert run(["identify", str(gallery), picture, "--save", str(tmp_path / "who.csv")]) == 3
    assert run(["identify", str(gallery), picture, "--out", str(people)]) == 3
    assert "is read as an input" in capsys.readouterr().err and (tmp_path / "who.csv").read_text() == "my own"
    assert run(["identify", str(gallery), picture, "--save", str(tmp_path / "who.txt")]) == 2
