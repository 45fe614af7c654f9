"""One pair of images has one score, whichever way it takes through the house."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from mien import api
from mien.detect.families import open_detector
from mien.gallery.enrolment import enrol
from mien.gallery.identification import identify
from mien.gallery.verification import compare
from mien.image import read_image
from mien.models.options import EngineOptions
from mien.types import Image

SAME = 1e-3
"""How far two scores of one pair may be apart."""
ROUNDING = 0.03
"""How far apart the embeddings of bf16 and f32 may leave them."""
REDUCED = 0.15
"""How far a JPEG of 2,560 pixels or more, reduced while it is decoded, may be from its own pixels as an array: the
most that was seen in 70 photographs. A difference of a sixth of a grey level is enough for MTCNN to keep another box,
and landmarks follow, so that no imitation of libjpeg's reduction brings them together (docs/log.md)."""


def save(image: Image, path: Path, width: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    height = round(image.shape[0] * width / image.shape[1])
    kind = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_CUBIC
    Pillow.fromarray(cv2.resize(image, (width, height), interpolation=kind)).save(path, quality=92, compress_level=1)
    return path


@pytest.mark.parametrize("widths", [(300, 512), (1400, 700), (1800, 2100)])
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_files_arrays_and_galleries_give_one_score(
    tmp_path: Path, collins: Image, hopper: Image, widths: tuple[int, int], suffix: str
) -> None:
    """Enrolled among images of other sizes, compared alone, read first, and in another precision."""
    enrolled = save(collins, tmp_path / "people" / "Collins" / f"1.{suffix}", widths[0])
    probe = save(hopper, tmp_path / f"probe.{suffix}", widths[1])
    for number, width in enumerate((widths[1], 333, 640, 333)):
        save(hopper[: 600 - 40 * number], tmp_path / "people" / "Hopper" / f"{number}.{suffix}", width)
    by_file = compare(enrolled, probe).decision.score.value
    by_array = api.compare_images(read_image(enrolled), read_image(probe)).score.value
    enrol(tmp_path / "people.gallery", tmp_path / "people")
    image = identify(tmp_path / "people.gallery", [probe, enrolled]).images[0]
    by_gallery = next(one.score.value for one in image.people[0].candidates if one.subject == "Collins")
    assert by_array == pytest.approx(by_file, abs=SAME)
    assert by_gallery == pytest.approx(by_file, abs=SAME)
    exact = compare(enrolled, probe, options=EngineOptions(precision="f32")).decision.score.value
    assert exact == pytest.approx(by_file, abs=ROUNDING)


def test_a_large_array_is_averaged_down_like_a_file_that_is_not_jpeg(tmp_path: Path, hopper: Image) -> None:
    path = save(hopper, tmp_path / "large.png", 3000)
    other = save(hopper, tmp_path / "other.png", 500)
    by_array = api.compare_images(read_image(path), read_image(other)).score.value
    assert by_array == pytest.approx(compare(path, other).decision.score.value, abs=SAME)


def test_a_jpeg_of_2560_pixels_and_its_array_differ_by_no_more_than_is_stated(
    tmp_path: Path, collins: Image, hopper: Image
) -> None:
    """Below that size a JPEG is decoded in full, and the scores are equal (above)."""
    other = save(hopper, tmp_path / "other.png", 500)
    for number, image in enumerate((collins, hopper)):
        path = save(image, tmp_path / f"{number}.jpg", 2600)
        by_array = api.compare_images(read_image(path), read_image(other)).score.value
        by_file = compare(path, other).decision.score.value
        assert by_array == pytest.approx(by_file, abs=REDUCED)


@pytest.mark.real
def test_faces_are_found_at_the_same_places_alone_and_together_and_in_any_default_precision(data: Path) -> None:
    files = sorted((data / "celeba" / "img_celeba").glob("*.jpg"))[:24]
    images = [read_image(path) for path in files]
    together = open_detector(options=EngineOptions(streams=2)).detect(images)
    single = open_detector(options=EngineOptions(precision="f32"))
    assert sum(len(faces) for faces in together) >= 24
    for image, faces in zip(images, together, strict=True):
        alone = single.detect([image])[0]
        assert len(alone) == len(faces)
        for a, b in zip(alone, faces, strict=True):
            assert np.abs(a.landmarks - b.landmarks).max() < 0.05
