"""TinyFace's protocol on a made-up set in its folders."""

from dataclasses import replace

import numpy as np
import pytest

from mien.errors import ManifestError
from mien.evaluate.protocols.tinyface import tinyface
from mien.evaluate.scorefile import Embedded, Origin
from mien.types import floats


def made(distractors: int = 300, noise: float = 0.9) -> Embedded:
    """60 people with a probe and two images in the gallery, and distractors."""
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(60, 8))
    parts = [("Probe", 1), ("Gallery_Match", 2)]
    rows = [(role, person) for person in range(60) for role, count in parts for _ in range(count)]
    vectors = [centres[person] + generator.normal(0, noise, 8) for _, person in rows]
    vectors += list(generator.normal(size=(distractors, 8)) * 1.3)
    paths = [f"/set/{role}/{k}.jpg" for k, (role, _) in enumerate(rows)]
    paths += [f"/set/Gallery_Distractor/{k}.jpg" for k in range(distractors)]
    size = len(paths)
    return Embedded(
        embeddings=floats(vectors),
        subjects=tuple(str(person) for _, person in rows) + ("",) * distractors,
        paths=tuple(paths),
        records=(-1,) * size,
        names=tuple(paths),
        strata={},
        sha256=("",) * size,
        origin=Origin(contract="c", model="m", metric="cosine", normalized=True, detector="", source="tinyface"),
    )


def test_distractors_lower_the_ranks_and_both_are_printed() -> None:
    report = tinyface(made())
    for k in (1, 5, 20):
        with_them, alone = report.numbers[f"rank-{k}"], report.numbers[f"rank-{k} without distractors"]
        assert with_them.value is not None and alone.value is not None
        assert 0 < with_them.value < alone.value <= 1 and with_them.comparisons == 60
    assert report.numbers["distractors"].value == 300 and len(report.tables[0].rows) == 2
    assert "find the right person first" in report.in_language("en").headline[0]  # type: ignore[operator]


def test_a_probe_without_an_embedding_finds_nobody() -> None:
    whole = made()
    probes = [row for row, path in enumerate(whole.paths) if "/Probe/" in path][:15]
    kept = np.array([row for row in range(len(whole)) if row not in probes])
    lost = [*(whole.paths[row] for row in probes), "/set/Gallery_Match/9.jpg"]
    short = replace(
        whole.take(kept),
        failures=tuple((name, "no face", "") for name in lost),
        failed_subjects=(*(whole.subjects[row] for row in probes), "9"),
        failed={"no face": 16},
    )
    report = tinyface(short)
    assert report.numbers["searches"].value == 60 and report.numbers["searches without an embedding"].value == 15
    assert (report.numbers["rank-20"].value or 0) <= 45 / 60
    assert len(report.warnings) == 2


def test_a_set_without_distractors_is_said_to_be_easier() -> None:
    report = tinyface(made(distractors=0))
    assert "rank-1" not in report.numbers and "rank-1 without distractors" in report.numbers
    assert "153,428" in report.in_language("en").warnings[0]  # type: ignore[operator]


def test_another_set_is_refused() -> None:
    other = made()
    with pytest.raises(ManifestError, match="0 probes and 0 images of the gallery"):
        tinyface(replace(other, paths=tuple(f"/x/{k}.jpg" for k in range(len(other)))))
