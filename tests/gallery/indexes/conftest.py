"""Vectors in clusters, and a plain search that every index is compared with."""

from collections.abc import Callable

import numpy as np
import pytest

from mien.types import floats


def make_world(seed: int, count: int, dimension: int = 32) -> np.ndarray:
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(count // 3 + 1, dimension))
    return floats(centres[generator.integers(0, len(centres), count)] + generator.normal(0, 0.3, (count, dimension)))


def search_plainly(vectors: np.ndarray, query: np.ndarray, metric: str, count: int) -> tuple[list[int], list[float]]:
    rows = []
    for number, vector in enumerate(vectors.astype(float)):
        q = query.astype(float)
        cosine = vector @ q / np.linalg.norm(vector) / np.linalg.norm(q)
        rows.append((-cosine if metric == "cosine" else np.linalg.norm(vector - q), number))
    best = sorted(rows)[:count]
    return [number for _, number in best], [-d if metric == "cosine" else d for d, _ in best]


@pytest.fixture(scope="session")
def world() -> Callable[..., np.ndarray]:
    return make_world


@pytest.fixture(scope="session")
def plain() -> Callable[..., tuple[list[int], list[float]]]:
    return search_plainly
