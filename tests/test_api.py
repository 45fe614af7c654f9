"""The Python API takes image arrays and crops, and answers anything else with a sentence."""

import numpy as np
import pytest

import mien
from mien.errors import ImageError, ModelNotFoundError
from mien.types import Box, Face, floats

FACE = Face(Box(0, 0, 40, 40), 1.0, floats([[15, 15], [25, 15], [20, 20], [16, 25], [24, 25]]))

WRONG = {
    "None": None,
    "floats": np.zeros((40, 40, 3)),
    "floats up to 255": np.full((40, 40, 3), 200.0),
    "16 bits": np.zeros((40, 40, 3), np.uint16),
    "grey": np.zeros((40, 40), np.uint8),
    "grey with one channel": np.zeros((40, 40, 1), np.uint8),
    "RGBA": np.zeros((40, 40, 4), np.uint8),
    "channels first": np.zeros((3, 40, 40), np.uint8),
    "a batch": np.zeros((2, 40, 40, 3), np.uint8),
    "empty": np.zeros((0, 40, 3), np.uint8),
    "a path": "portrait.jpg",
    "a list": [[1, 2, 3]],
}


@pytest.mark.parametrize("what", list(WRONG))
def test_what_is_not_an_image_array_is_refused_with_a_remedy(what: str) -> None:
    good = np.zeros((40, 40, 3), np.uint8)
    for call in (
        lambda image: mien.detect_faces(image),
        lambda image: mien.compare_images(good, image),
        lambda image: mien.align_face(image, FACE),
    ):
        with pytest.raises(ImageError, match=r"takes \(H, W, 3\) uint8 RGB") as caught:
            call(WRONG[what])
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "crops",
    [
        np.zeros((150, 150, 3), np.uint8),
        np.zeros((2, 112, 112, 3), np.uint8),
        np.zeros((2, 150, 150, 3)),
        [np.zeros((150, 150), np.uint8)],
        [None],
        None,
        np.zeros((0, 3), np.uint8),
    ],
)
def test_what_is_not_a_batch_of_crops_is_refused(crops: object) -> None:
    with pytest.raises(ImageError, match=r"crops are \(N, 150, 150, 3\) uint8 RGB"):
        mien.embed_crops(crops)  # type: ignore[arg-type]


def test_no_crops_have_no_embeddings() -> None:
    assert mien.embed_crops([]).shape == (0, 128)
    assert mien.embed_crops(np.zeros((0, 150, 150, 3), np.uint8)).shape == (0, 128)


def test_the_settings_name_the_models_that_are_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_RECOGNIZER", "no-such-recognizer")
    monkeypatch.setenv("MIEN_DETECTOR", "no-such-detector")
    with pytest.raises(ModelNotFoundError, match="no-such-recognizer"):
        mien.load_card()
    with pytest.raises(ModelNotFoundError, match="no-such-detector"):
        mien.detect_faces(np.zeros((40, 40, 3), np.uint8))
