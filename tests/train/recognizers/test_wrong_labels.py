"""Wrong labels are found by their angle from the dominant centre of their class, whoever is in the majority."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.data.manifest import tabulate  # noqa: E402
from mien.data.pack import Pack  # noqa: E402
from mien.data.prepare import prepare  # noqa: E402
from mien.data.sample import Sample  # noqa: E402
from mien.data.shards import encode_crop  # noqa: E402
from mien.scores import normalize  # noqa: E402
from mien.train.recognizers.teacher_cache import TaughtPack  # noqa: E402
from mien.train.recognizers.wrong_labels import WrongLabels, dominant_centre, judge_labels  # noqa: E402

NUMBERS = 256


def people(count: int, crops: int, spread: float = 0.03) -> np.ndarray:
    """(count, crops, D) embeddings of unit length around a direction for each person."""
    generator = np.random.default_rng(3)
    centres = normalize(generator.normal(size=(count, NUMBERS)).astype(np.float32))
    noise = generator.normal(size=(count, crops, NUMBERS)) * spread
    return normalize((centres[:, None] + noise).reshape(-1, NUMBERS).astype(np.float32)).reshape(count, crops, -1)


def taught(vectors: np.ndarray) -> TaughtPack:
    return TaughtPack(Path("none"), len(vectors), [vectors.astype(np.float16)])


def test_flipped_labels_are_found_with_the_class_that_they_belong_to() -> None:
    everyone = people(12, 20)
    vectors, labels = everyone.reshape(-1, NUMBERS), np.repeat(np.arange(12), 20)
    generator = np.random.default_rng(0)
    flipped = generator.choice(len(labels), 60, replace=False)
    right = labels.copy()
    labels[flipped] = (labels[flipped] + generator.integers(1, 12, 60)) % 12
    found = judge_labels(taught(vectors), labels, 75)
    assert set(found.wrong) == set(flipped) and found.judged == 12
    assert (found.nearest == right[found.wrong]).all()
    # Angles again, by hand, for a few of them.
    for crop in found.wrong[:5]:
        own = vectors[(labels == labels[crop]) & (right == labels[crop])].astype(np.float16).astype(np.float64)
        centre = own.sum(axis=0) / np.linalg.norm(own.sum(axis=0))
        expected = np.degrees(np.arccos(vectors[crop].astype(np.float64) @ centre))
        assert found.angles[crop] == pytest.approx(expected, abs=0.1)


def test_the_centre_is_that_of_the_larger_group_not_the_mean_of_both() -> None:
    one, two = people(2, 30)
    mixed = np.concatenate([one[:20], two[:14]])
    centre = dominant_centre(mixed, 75)
    assert float(centre @ normalize(one[:20].mean(axis=0)[None])[0]) > 0.999


def test_classes_of_one_or_two_crops_are_not_judged() -> None:
    one, two = people(2, 4)
    vectors = np.concatenate([one, two[:2]])
    found = judge_labels(taught(vectors), np.array([0, 0, 0, 0, 1, 1]), 75)
    assert found.judged == 1 and len(found.wrong) == 0
    assert np.isnan(found.angles[4:]).all() and np.isfinite(found.angles[:4]).all()


def test_nothing_wrong_is_an_empty_list() -> None:
    found = judge_labels(taught(people(3, 5).reshape(-1, NUMBERS)), np.repeat(np.arange(3), 5), 75)
    assert found.wrong.shape == found.nearest.shape == found.nearest_angles.shape == (0,)


def test_each_wrong_crop_says_how_far_it_is_and_from_whom(tmp_path: Path) -> None:
    samples = []
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(encode_crop(np.full((112, 112, 3), 9, np.uint8), 90))
        samples.append(Sample(tmp_path / f"{number}.jpg", ("an", "an", "binh")[number], aligned=True))
    prepare(tabulate(samples, tmp_path, "set"), tmp_path / "pack")
    pack = Pack(tmp_path / "pack")
    an = int(np.flatnonzero(pack.labels == pack.subjects.index("an"))[0])
    labels = {name: pack.subjects.index(name) for name in ("an", "binh")}

    def details(nearest: str, angle: float) -> dict[int, str]:
        return WrongLabels(
            angles=np.full(3, 81.2, np.float32),
            wrong=np.array([an]),
            nearest=np.array([labels[nearest]]),
            nearest_angles=np.array([angle], np.float32),
            judged=2,
        ).details(pack)

    assert details("binh", 20.4) == {an: "81 degrees from its class, 20 from binh"}
    assert details("an", 81.2) == {an: "81 degrees from its class, and no other is nearer"}
