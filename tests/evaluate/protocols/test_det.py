"""The DET curves of several systems in one chart."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mien.errors import ManifestError
from mien.evaluate.protocols.det import det
from mien.evaluate.protocols.mated import mated
from mien.evaluate.scorefile import Embedded
from mien.types import floats

Make = Callable[..., Embedded]


def system(embedded: Embedded, model: str, noise: float, seed: int) -> Embedded:
    generator = np.random.default_rng(seed)
    vectors = floats(embedded.embeddings + generator.normal(0, noise, embedded.embeddings.shape))
    return replace(embedded, embeddings=vectors, origin=replace(embedded.origin, model=model, contract=model))


def test_each_system_has_its_line_and_its_own_rates(make_embedded: Make) -> None:
    embedded = make_embedded()
    systems = [system(embedded, f"model-{k}", 0.2 * k, k) for k in range(9)]
    report = det(*systems)
    assert [series.name for series in report.charts[0].series] == [f"model-{k}" for k in range(9)]
    assert len(report.tables) == 1 and len(report.tables[0].rows) == 9
    for one in systems[::4]:
        alone = mated(one)
        for rate in ("1e-01", "1e-02"):
            assert report.numbers[f"fnmr@{rate} {one.origin.model}"] == alone.numbers[f"fnmr@{rate}"]
    assert "Lowest FNMR at FMR 0.001: model-0" in str(report.in_language("en").headline[1])


def test_only_samples_of_all_systems_count_and_the_others_are_counted(make_embedded: Make) -> None:
    embedded = make_embedded()
    short = system(embedded, "b", 0.1, 1).take(np.arange(3, len(embedded)))
    report = det(embedded, short)
    assert report.about.samples == len(embedded) - 3
    assert "3 samples" in str(report.in_language("en").warnings[0])


def test_systems_of_one_name_are_told_apart(make_embedded: Make) -> None:
    embedded = make_embedded()
    other = replace(embedded, origin=replace(embedded.origin, detector="scrfd"))
    names = [series.name for series in det(embedded, other, other).charts[0].series]
    assert names == ["a-model (mtcnn)", "a-model (scrfd) (2)", "a-model (scrfd) (3)"]


def test_what_cannot_be_drawn_is_refused(make_embedded: Make) -> None:
    embedded = make_embedded()
    with pytest.raises(ManifestError, match="name two or more"):
        det(embedded)
    with pytest.raises(ManifestError, match="share 0 samples"):
        det(embedded, replace(embedded, paths=tuple(f"/other{path}" for path in embedded.paths)))
    with pytest.raises(ManifestError, match="different subjects"):
        det(embedded, replace(embedded, subjects=embedded.subjects[::-1]))
    single = make_embedded(max_samples=1)
    with pytest.raises(ManifestError, match="no mated comparisons"):
        det(single, single)
