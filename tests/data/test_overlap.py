"""The same photographs and the same faces in two sets."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.data.overlap import FaceVectors, same_faces, same_photographs
from mien.data.phash import Fingerprint, fingerprint
from mien.data.sample import Sample
from mien.types import Image, floats


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
    b = [Fingerprint("y", 0b1000), Fingerprint("z", (1 << 7) - 1 << 40)]
    assert [(o.a, o.b, o.value) for o in same_photographs(a, b)] == [(0, 0, 2.0)]
    edge = [Fingerprint("u", 0), Fingerprint("v", 0b1111111 << 20)], [Fingerprint("w", 0b111111)]
    assert [(o.a, o.b, o.value) for o in same_photographs(*edge)] == [(0, 0, 6.0)]
    edge = [Fingerprint("u", 0)], [Fingerprint("w", 0b1111111)]
    assert not list(same_photographs(*edge)), "six bits are near, seven are not"


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
