"""Embedded sets without a network."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mien.evaluate.scorefile import Embedded, Origin
from mien.types import floats

ORIGIN = Origin(
    contract="c0ffee", model="a-model", metric="cosine", normalized=True, detector="mtcnn", source="made-set"
)


@pytest.fixture(scope="session")
def make_embedded(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Embedded]:
    """Builds a set of subjects with 1 to 4 samples; sample k of subject n is called `sNNN/k.jpg`."""
    folder = tmp_path_factory.mktemp("pictures")

    def make(seed: int = 0, subjects: int = 120, most: int = 4, noise: float = 0.5, **changes: object) -> Embedded:
        generator = np.random.default_rng(seed)
        numbers = np.repeat(np.arange(subjects), generator.integers(1, most + 1, subjects))
        centres = generator.normal(size=(subjects, 12))
        vectors = floats(centres[numbers] + generator.normal(0, noise, (len(numbers), 12)))
        names = [f"s{number:04d}" for number in numbers]
        count: dict[str, int] = {}
        paths = []
        for name in names:
            count[name] = count.get(name, 0) + 1
            paths.append(str(folder / name / f"{count[name]}.jpg"))
        parts: dict[str, object] = {
            "embeddings": vectors,
            "subjects": tuple(names),
            "paths": tuple(paths),
            "records": (-1,) * len(names),
            "names": tuple(paths),
            "strata": {"age_group": tuple("child" if n % 4 == 0 else "adult" for n in numbers)},
            "sha256": tuple(str(number) for number in range(len(names))),
            "origin": ORIGIN,
        }
        return Embedded(**(parts | changes))  # type: ignore[arg-type]

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "report"
