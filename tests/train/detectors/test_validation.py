"""Sets that a detector is evaluated on while it is trained."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.data.annotated import read_annotated  # noqa: E402
from mien.train.compute.distributed import ALONE, World  # noqa: E402
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
        numbers, sentence = validation.validate(one, network, ALONE)
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


def test_each_process_detects_on_its_share_and_the_first_measures_all(
    scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process evaluated while all others waited."""
    one = validation.DetectionValidation(DetectorEvaluate(name="same", set=scenes))
    network = DETECTORS["scrfd-500m"].build().eval()
    monkeypatch.setattr(validation, "MIN_SCORE", 0.005)
    shares: list[np.ndarray] = []
    monkeypatch.setattr(World, "take_from_first", lambda world, values: None)
    monkeypatch.setattr(World, "gather_rows", lambda world, rows: shares.append(rows) or rows)
    assert validation.validate(one, network, World(1, 3)) == ({}, "")
    for rank in (0, 2):
        validation.validate(one, network, World(rank, 3))
    whole = validation._detect(one, network, ALONE)
    assert len(whole) > len(one.images) and all(len(part) for part in shares)
    assert np.array_equal(np.concatenate([shares[1], shares[0], shares[2]]), whole)
    images, faces = validation._by_image(one, whole)
    assert images == list(one.images)
    direct = validation.detect(network, validation.read_image(images[3].path), (validation.Pass(640),), ALONE.device)
    assert [face.score for face in faces[3]] == [face.score for face in direct]
    assert all(np.array_equal(a.landmarks, b.landmarks) for a, b in zip(faces[3], direct, strict=True))
