"""The same photographs and the same faces in two sets."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.data.manifest import tabulate
from mien.data.overlap import FaceVectors, same_faces, same_photographs
from mien.data.phash import NEAR, Fingerprint, fingerprint, perceptual_hash
from mien.data.sample import Sample
from mien.data.split import split
from mien.errors import ManifestError
from mien.types import Image, floats


def bits(a: int | None, b: int | None) -> int:
    assert a is not None and b is not None
    return (a ^ b).bit_count()


def test_pictures_of_one_tone_are_like_nothing() -> None:
    assert perceptual_hash(np.full((50, 60, 3), 40, np.uint8)) is None
    blank = [Fingerprint("x", None)]
    assert not list(same_photographs(blank, [Fingerprint("y", None)]))


def test_the_hash_survives_what_copies_go_through(collins: Image, hopper: Image) -> None:
    mark = perceptual_hash(collins)
    half = cv2.resize(collins, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", collins, [cv2.IMWRITE_JPEG_QUALITY, 25])
    worn = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    lighter = np.clip(collins.astype(int) + 20, 0, 255).astype(np.uint8)
    for copy in (half, worn, lighter, np.clip(collins * 0.8, 0, 255).astype(np.uint8)):
        assert bits(mark, perceptual_hash(copy)) <= NEAR
    for other in (hopper, collins[:, ::-1].copy(), collins[100:, :350].copy()):
        assert bits(mark, perceptual_hash(other)) > 2 * NEAR


def test_exact_and_near_copies_are_found(tmp_path: Path, collins: Image, hopper: Image) -> None:
    def save(name: str, image: Image) -> Sample:
        cv2.imwrite(str(tmp_path / name), image[:, :, ::-1])
        return Sample(tmp_path / name, "x")

    a = [save("a.png", collins), save("b.png", hopper), Sample(tmp_path / "gone.png", "x")]
    b = [save("c.jpg", collins[:, ::1]), save("d.png", collins), save("e.png", hopper[200:, 200:])]
    marks = [[fingerprint(sample) for sample in side] for side in (a, b)]
    assert isinstance(marks[0][2], str) and "gone.png does not exist" in marks[0][2]
    found = {(one.kind, one.a, one.b) for one in same_photographs(*marks)}
    assert found == {("exact", 0, 1), ("near", 0, 0)}


def test_near_is_counted_in_bits() -> None:
    a = [Fingerprint("x", 0b1011), "unreadable"]
    b = [Fingerprint("y", 0b1000), Fingerprint("z", (1 << NEAR + 1) - 1 << 40)]
    assert [(o.a, o.b, o.value) for o in same_photographs(a, b)] == [(0, 0, 2.0)]


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_same_faces_against_plain_loops(metric: str) -> None:
    """Two subjects belong together when the median of all their comparisons matches."""
    generator = np.random.default_rng(0)
    people = generator.normal(size=(12, 6))
    who_a, who_b = generator.integers(0, 9, 40), generator.integers(5, 12, 30)
    a, b = (floats(people[who] + generator.normal(0, 0.3, (len(who), 6))) for who in (who_a, who_b))
    limit = 0.75 if metric == "cosine" else 1.3
    wanted = {}
    for i in set(who_a):
        for j in set(who_b):
            scores = {}
            for p in np.flatnonzero(who_a == i):
                for q in np.flatnonzero(who_b == j):
                    cosine = a[p] @ b[q] / np.linalg.norm(a[p]) / np.linalg.norm(b[q])
                    scores[int(p), int(q)] = cosine if metric == "cosine" else -np.linalg.norm(a[p] - b[q])
            middle = np.median(list(scores.values()))
            if (middle >= limit) if metric == "cosine" else (-middle <= limit):
                wanted[max(scores, key=lambda pair: scores[pair])] = abs(middle)
    found = {(o.a, o.b): o.value for o in same_faces(FaceVectors(a, who_a), FaceVectors(b, who_b), metric, limit)}
    assert found.keys() == wanted.keys() and len(found) >= 3
    for pair, value in found.items():
        assert value == pytest.approx(wanted[pair], abs=1e-4)
    assert sum(who_a[p] == who_b[q] for p, q in found) >= 2, "the same people are among them"


def test_a_split_is_by_subject_and_stable() -> None:
    samples = [Sample(Path(f"/x/{n}.jpg"), f"s{n // 3}") for n in range(600)]
    parts = split(tabulate(samples, Path("/x"), "x"), {"train": 0.8, "test": 0.2})
    train, test = (set(part.subjects) for part in parts.values())
    assert not train & test and len(train) + len(test) == 200 and 140 <= len(train) <= 180
    assert len(parts["train"]) == 3 * len(train)
    fewer = split(tabulate(samples[:300], Path("/x"), "x"), {"train": 0.8, "test": 0.2})
    assert set(fewer["train"].subjects) == train & {f"s{n}" for n in range(100)}, "nobody moves when others leave"
    assert set(split(tabulate(samples, Path("/x"), "x"), {"train": 0.8, "test": 0.2}, 1)["train"].subjects) != train


def test_splits_that_make_no_sense_are_refused() -> None:
    few = tabulate([Sample(Path("/x/a.jpg"), "a")], Path("/x"), "few")
    with pytest.raises(ManifestError, match="do not add up to 1"):
        split(few, {"train": 0.8, "test": 0.3})
    with pytest.raises(ManifestError, match="would be empty: 1 subjects are too few"):
        split(few, {"train": 0.5, "test": 0.5})
    with pytest.raises(ManifestError, match="row 2 has no subject"):
        split(tabulate([Sample(Path("/x/a.jpg"), "")], Path("/x"), "few"), {"train": 0.5, "test": 0.5})
