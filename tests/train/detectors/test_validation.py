"""Sets that a detector is evaluated on while it is trained."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.data.annotated import read_annotated  # noqa: E402
from mien.train.detectors import validation  # noqa: E402
from mien.train.detectors.recipe import DetectorEvaluate  # noqa: E402
from mien.train.detectors.registry import DETECTORS  # noqa: E402
from mien.types import Box, Face, Faces  # noqa: E402


def test_perfect_faces_have_full_precision_and_none_has_none(scenes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = validation.DetectionValidation(DetectorEvaluate(name="same", set=scenes))
    network, images = DETECTORS["scrfd-500m"].build().train(), iter(())

    def perfect(*arguments: object) -> Faces:
        image = next(images)
        faces = zip(image.boxes, image.landmarks, strict=True)
        return tuple(Face(Box(*map(float, box)), 0.9, points) for box, points in faces)

    for found, ap, error in ((perfect, 1.0, 0.0), (lambda *arguments: (), 0.0, None)):
        images = iter(read_annotated(scenes).images)
        monkeypatch.setattr(validation, "detect", found)
        numbers, sentence = validation.validate(one, network, torch.device("cpu"))
        assert numbers["same/ap"] == pytest.approx(ap) and numbers["same/recall"] == pytest.approx(ap)
        assert numbers["same/landmark error"] == error
        assert f"AP {ap:.3f}, {100 * ap:.1f}% of faces above 32 pixels at 0.1 false boxes per image" in sentence
        assert network.training


@pytest.mark.parametrize("name", ["scrfd-500m", "retinaface-mnet025"])
def test_a_network_in_training_is_decoded_as_its_file_would_be(name: str) -> None:
    network = DETECTORS[name].build().eval()
    image = np.random.default_rng(0).integers(0, 256, (100, 130, 3), np.uint8)
    faces = validation.detect(network, image, (validation.Pass(128),), torch.device("cpu"))
    assert all(face.score >= validation.MIN_SCORE for face in faces)
