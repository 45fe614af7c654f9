"""Crops to embeddings: mirror averaging, normalization, batches, and recognition of real people."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mien.api import align_face, compare_images, detect_faces, embed_crops
from mien.errors import CardError, ImageError
from mien.library.import_model import ModelHints, import_model
from mien.models import store
from mien.models.options import EngineOptions
from mien.recognize.recognizer import Recognizer
from mien.types import Image

Make = Callable[..., bytes]
EXACT = EngineOptions(precision="f32")


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_mirror_and_normalization_by_hand(make_recognizer: Make, mirror: bool, metric: str) -> None:
    hints = ModelHints(colour="RGB", metric=metric, mirror=mirror)
    model = store.save(*import_model(make_recognizer(), "net-mirror", hints))
    crops = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), np.uint8)
    session = model.session(options=EXACT)
    expected = session.run(crops)[0]
    if mirror:
        expected = (expected + session.run(crops[:, :, ::-1])[0]) / 2
    if metric == "cosine":
        expected = expected / np.linalg.norm(expected, axis=1, keepdims=True)
    assert np.allclose(Recognizer(model, EXACT).embed(crops), expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_any_number_of_crops(make_recognizer: Make) -> None:
    network = Recognizer(store.save(*import_model(make_recognizer(), "net-many", ModelHints(colour="RGB"))), EXACT)
    crops = np.random.default_rng(1).integers(0, 256, (70, 112, 112, 3), np.uint8)
    together = network.embed(crops)
    assert together.shape == (70, 64) and together.dtype == np.float32
    assert np.allclose(network.embed(crops[40:41]), together[40:41], atol=1e-4)
    assert network.embed([]).shape == (0, 64)


@pytest.mark.parametrize(("mirror", "batches"), [(False, [32, 32, 6]), (True, [64, 64, 12])])
def test_crops_go_through_the_network_32_at_a_time(
    make_recognizer: Make, mirror: bool, batches: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    hints = ModelHints(colour="RGB", mirror=mirror)
    network = Recognizer(store.save(*import_model(make_recognizer(), "net-batches", hints)), EXACT)
    inner, seen = network._session, list[int]()

    class Counting:
        def run(self, images: Image) -> list[np.ndarray]:
            seen.append(len(images))
            return inner.run(images)

    monkeypatch.setattr(network, "_session", Counting())
    network.embed(np.zeros((70, 112, 112, 3), np.uint8))
    assert seen == batches


def test_a_detector_is_not_a_recognizer() -> None:
    with pytest.raises(CardError, match="is a detector; name a recognizer"):
        Recognizer(store.load("mtcnn"))


def test_the_same_person_is_near_and_another_far(collins: Image, hopper: Image) -> None:
    def embedding(image: Image) -> np.ndarray:
        return embed_crops([align_face(image, detect_faces(image)[0])])[0]

    one, mirrored, other = embedding(collins), embedding(collins[:, ::-1].copy()), embedding(hopper)
    assert np.linalg.norm(one - mirrored) < 0.15 < 0.6 < np.linalg.norm(one - other)


def test_compare_decides(collins: Image, hopper: Image) -> None:
    darker = (collins * 0.6).astype(np.uint8)
    assert compare_images(collins, darker).outcome == "match"
    verdict = compare_images(collins, hopper, fmr=1e-4)
    assert verdict.outcome == "no match" and verdict.score.unit == "L2" and verdict.threshold.fmr == 1e-4
    with pytest.raises(ImageError, match="the second image shows no face"):
        compare_images(collins, np.zeros((100, 100, 3), np.uint8))


@pytest.mark.real
def test_lfw_pairs_are_told_apart(data: Path) -> None:
    """The first 60 pairs of View 2: at least 57 right at the card's threshold for FMR 1e-3."""
    import tarfile

    from mien.image import decode

    lines = (data / "lfw" / "pairs.txt").read_text().splitlines()[1:]
    pairs = [line.split() for line in [*lines[:30], *lines[300:330]]]
    wanted = {f"{p[0]}_{int(p[1]):04d}" for p in pairs} | {f"{p[-2]}_{int(p[-1]):04d}" for p in pairs if len(p) == 4}
    wanted |= {f"{p[0]}_{int(p[2]):04d}" for p in pairs if len(p) == 3}
    images = {}
    with tarfile.open(data / "lfw" / "lfw-deepfunneled.tar") as tar:
        for member in tar:
            if Path(member.name).stem in wanted:
                images[Path(member.name).stem] = decode(tar.extractfile(member).read(), member.name).image  # type: ignore[union-attr]
    right = 0
    for p in pairs:
        first = images[f"{p[0]}_{int(p[1]):04d}"]
        second = images[f"{p[-2]}_{int(p[-1]):04d}" if len(p) == 4 else f"{p[0]}_{int(p[2]):04d}"]
        right += (compare_images(first, second).outcome == "match") is (len(p) == 3)
    assert right >= 57
