"""mien detect and mien bench, as a user calls them."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.cli import run
from mien.detect.families import open_detector
from mien.image import read_image


@pytest.fixture(scope="module")
def portrait() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, portrait: Path) -> Path:
    """12 frames of a portrait that moves to the right."""
    image = cv2.resize(read_image(portrait), (160, 190))[..., ::-1]
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 200))
    for number in range(12):
        frame = np.full((200, 320, 3), 120, np.uint8)
        frame[5:195, 5 * number + 10 : 5 * number + 170] = image
        writer.write(frame)
    writer.release()
    return path


def test_faces_are_saved_cut_out_and_covered(
    portrait: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "hopper.jpg").write_bytes(portrait.read_bytes())
    (tmp_path / "in" / "rubbish.jpg").write_bytes(b"rubbish")
    save, crops, covered = tmp_path / "faces.json", tmp_path / "crops", tmp_path / "covered"
    command = ["detect", str(tmp_path / "in"), "--save", str(save), "--as", "coco"]
    assert run([*command, "--crops", str(crops), "--redact", str(covered), "--json"]) == 4
    shown = capsys.readouterr()
    rows = [json.loads(line) for line in shown.out.splitlines()]
    (own,) = rows[0]["faces"]
    assert "error" in rows[1] and "1 face in 2 files" in shown.err and "1 could not be read" in shown.err
    content = json.loads(save.read_text())
    assert content["annotations"][0]["bbox"][0] == pytest.approx(own["box"][0], abs=0.02)
    cut = read_image(crops / "hopper-01.jpg")
    assert cut.shape[1] == pytest.approx(1.5 * (own["box"][2] - own["box"][0]), rel=0.1)
    assert run(["detect", str(covered / "hopper.jpg"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["faces"] == []


def test_a_face_in_a_video_is_followed_and_covered(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = {name: tmp_path / name for name in ("out", "redact", "crops")}
    options = [word for name, folder in folders.items() for word in (f"--{name}", str(folder))]
    assert run(["detect", str(clip), "--json", *options]) == 0
    shown = capsys.readouterr()
    rows = [json.loads(line) for line in shown.out.splitlines()]
    assert [row["frame"] for row in rows] == list(range(12))
    assert {face["track"] for row in rows for face in row["faces"]} == {1}
    assert all(len(row["faces"]) == 1 for row in rows) and "1 face followed" in shown.err
    assert [path.name for path in folders["crops"].iterdir()] == ["clip-0001.jpg"]
    assert (folders["out"] / "clip.mp4").is_file()
    assert run(["detect", str(folders["redact"] / "clip.mp4"), "--json"]) == 1


def test_a_video_that_cannot_be_opened_loses_nothing_else(
    portrait: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"x" * 500)
    assert run(["detect", str(tmp_path / "bad.mp4"), str(portrait)]) == 4
    shown = capsys.readouterr()
    assert "bad.mp4 cannot be opened" in shown.err and "grace_hopper.jpg" in shown.out


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("--as is csv", ["--as", "xml"]),
        ("ends in .csv or .parquet", ["--save", "faces.json"]),
    ],
)
def test_wrong_options_say_what_is_wanted(
    words: str, arguments: list[str], portrait: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["detect", str(portrait), *arguments]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("size", [(20, 20), (20_000, 10)])
def test_pictures_of_odd_sizes_are_looked_at(
    size: tuple[int, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cv2.imwrite(str(tmp_path / "odd.png"), np.full((size[1], size[0], 3), 100, np.uint8))
    pytest.importorskip("dlib", reason="dlib is an extra")
    for detector in ("mtcnn", "haar", "dlib-hog"):
        assert run(["detect", str(tmp_path / "odd.png"), "--detector", detector, "--json"]) == 1
        assert json.loads(capsys.readouterr().out)["faces"] == []


def test_the_survey_measures_in_a_process_of_its_own_and_names_what_it_could_not(
    portrait: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "hopper.jpg").write_bytes(portrait.read_bytes())
    assert run(["detect", str(folder), "--save", str(tmp_path / "truth.csv")]) == 0
    monkeypatch.setattr("mien.evaluate.detectors.survey.ProcessPoolExecutor", _Here)
    monkeypatch.setattr("mien.evaluate.detectors.timing.SECONDS", 0.05)
    monkeypatch.setattr("mien.evaluate.detectors.survey.SIZES", ((160, 120), (640, 480)))
    command = ["bench", "detectors", str(tmp_path / "truth.csv"), "--portraits", str(folder), "--images", str(folder)]
    capsys.readouterr()
    assert run([*command, "--detectors", "haar,mtcnn,nothere", "--out", str(tmp_path / "s"), "--json"]) == 4
    shown = json.loads(capsys.readouterr().out)
    numbers = shown["numbers"]
    assert numbers["mtcnn/truth.csv/ap"]["value"] == 1 and numbers["haar/central face found"]["value"] == 1
    assert numbers["mtcnn/ms 640x480 batch 1"]["value"] > 0 and numbers["mtcnn/parameters"]["value"] > 400_000
    assert numbers["mtcnn/truth.csv/portraits that fill the frame"]["comparisons"] == 3
    assert any("nothere could not be measured" in line for line in shown["warnings"])
    page = (tmp_path / "s" / "report.html").read_text()
    assert "RetinaFace ResNet-50" in page and page.count("data:image/jpeg") >= 2


@pytest.mark.parametrize("detector", ["dlib-hog", "haar", "mtcnn"])
def test_a_detector_that_is_shared_by_threads_gives_what_one_thread_gets(detector: str, portrait: Path) -> None:
    """dlib's detector corrupted the heap when two threads were in it."""
    if detector.startswith("dlib"):
        pytest.importorskip("dlib", reason="dlib is an extra")
    opened = open_detector(detector)
    image = read_image(portrait)
    images = [np.ascontiguousarray(image[shift:, shift:]) for shift in range(0, 40, 10)]
    alone = [opened.detect([one])[0] for one in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda one: opened.detect([one])[0], images * 4))
    for index, faces in enumerate(together):
        assert [face.box for face in faces] == [face.box for face in alone[index % 4]]


class _Here:
    """A pool that works in this process."""

    def __init__(self, *arguments: object, **named: object) -> None:
        pass

    def __enter__(self) -> "_Here":
        return self

    def __exit__(self, *reason: object) -> None:
        pass

    def submit(self, function, *arguments):  # type: ignore[no-untyped-def]
        result = function(*arguments)
        return type("Done", (), {"result": staticmethod(lambda: result)})
