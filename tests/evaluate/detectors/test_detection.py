"""The detection protocol on annotated images, and WIDER FACE's for a detector and for prediction files."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from scipy.io import savemat

from mien.detect.detector import Detector
from mien.detect.families import open_detector
from mien.errors import ManifestError
from mien.evaluate.detectors.detection import detection, wider_detector, wider_predictions
from mien.evaluate.detectors.predictions import read_predictions
from mien.evaluate.detectors.run import MIN_SCORE
from mien.image import read_image
from mien.progress import Progress


def cells(rows: list) -> np.ndarray:
    out = np.empty((len(rows), 1), object)
    for index, row in enumerate(rows):
        out[index, 0] = row
    return out


@pytest.fixture
def wider(tmp_path: Path, hopper_path: Path) -> tuple[Path, Path]:
    """WIDER FACE's files for two images of one event: Grace Hopper's face, and one that is broken; and the images."""
    truth, images = tmp_path / "truth", tmp_path / "images"
    (images / "0--E").mkdir(parents=True)
    truth.mkdir()
    Pillow.open(hopper_path).save(images / "0--E" / "hopper.jpg")
    (images / "0--E" / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    (images / "0--E" / "stranger.jpg").write_bytes(b"an image that the set does not have")
    found = detection_of(hopper_path)
    boxes = [found[None], np.array([[5, 5, 20, 20]])]
    savemat(
        truth / "wider_face_val.mat",
        {
            "event_list": cells(["0--E"]),
            "file_list": cells([cells(["hopper", "broken"])]),
            "face_bbx_list": cells([cells(boxes)]),
        },
    )
    for subset in ("easy", "medium", "hard"):
        counted = [np.ones((1, 1)), np.zeros((0, 1))]
        savemat(truth / f"wider_{subset}_val.mat", {"gt_list": cells([cells(counted)])})
    return truth, images


def detection_of(path: Path) -> np.ndarray:
    """Left, top, width, height of the one face of an image."""
    box = open_detector("mtcnn").detect([read_image(path)])[0][0].box
    return np.array([box.x1, box.y1, box.width, box.height])


def test_a_detector_is_searched_down_to_low_scores_and_reported_at_its_own(
    annotated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Progress] = []
    scores: list[object] = []

    def opened(name: str, *arguments: Any) -> Detector:
        scores.append(arguments[1])
        return open_detector(name, *arguments)

    monkeypatch.setattr(import_module("mien.evaluate.detectors.detection"), "open_detector", opened)
    found = detection(annotated, detector="mtcnn", on_progress=seen.append)
    assert found.report.numbers["ap"].value == 1 and found.report.about.detector == "mtcnn"
    assert [step.done for step in seen] == [1, 2, 3] and seen[0].stage == "detecting"
    assert len(found.problems) == 6, "five rows of the set, and an image that is broken"
    own = open_detector("mtcnn").min_score
    assert f"At its own threshold of {own:g} it finds" in str(found.report.in_language("en").headline[2])
    assert scores == [MIN_SCORE] == [0.02] and own > MIN_SCORE


def test_the_detector_is_by_default_that_of_the_settings(annotated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_DETECTOR", "haar")
    assert detection(annotated).report.about.detector == "haar"


def test_a_stricter_match_can_be_asked_for(annotated: Path) -> None:
    assert "0.9" in str(detection(annotated, detector="mtcnn", min_iou=0.9).report.in_language("en").about.sentence)
    for wrong in (0.0, 1.0):
        with pytest.raises(ValueError, match="the minimum IoU is between 0 and 1"):
            detection(annotated, min_iou=wrong)


def test_a_set_of_which_no_image_can_be_read_is_an_error(tmp_path: Path, hopper_path: Path) -> None:
    """Its header is whole, so the row is kept until the pixels are decoded."""
    (tmp_path / "a.jpg").write_bytes(hopper_path.read_bytes()[:20_000])
    (tmp_path / "faces.csv").write_text("path,subject,x1,y1,x2,y2\na.jpg,,1,2,30,40\n")
    with pytest.raises(ManifestError, match=r"faces\.csv: none of its images can be read"):
        detection(tmp_path / "faces.csv", detector="haar")


def test_wider_face_for_a_detector_and_for_the_predictions_that_it_wrote(
    wider: tuple[Path, Path], tmp_path: Path
) -> None:
    truth, images = wider
    seen: list[Progress] = []
    run = wider_detector(truth, images, detector="mtcnn", out=tmp_path / "p", on_progress=seen.append)
    assert {name: one.value for name, one in run.result.subsets.items()} == {"easy": 1, "medium": 1, "hard": 1}
    assert run.result.missing == ("0--E/broken",) and run.result.unknown == (), "a stranger is not searched"
    (problem,) = run.problems
    assert problem.where.endswith("broken.jpg") and len(seen) == 2
    assert list(read_predictions(tmp_path / "p").boxes) == [("0--E", "hopper")]
    again = wider_predictions(truth, tmp_path / "p", "one scale")
    assert again.scales == "one scale" and again.problems == ()
    assert again.result.subsets["hard"].value == 1 and again.result.boxes == run.result.boxes


def test_images_in_another_layout_are_refused(wider: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(ManifestError, match="does not hold WIDER FACE's images; give the folder whose folders are"):
        wider_detector(wider[0], tmp_path / "other", detector="haar")
