"""Of two faces in one image, the one that the label is about."""

import numpy as np
import pytest

from mien.data.vectors import in_memory
from mien.portrait.dataset.choose_faces import choose_faces
from mien.types import Floats, floats

PEOPLE, IMAGES, SIZE = 30, 8, 32


def people(noise: float = 0.6, seed: int = 0) -> tuple[Floats, np.ndarray]:
    """Unit embeddings of people around random directions."""
    draw = np.random.default_rng(seed)
    centres = draw.standard_normal((PEOPLE, SIZE))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    folders = np.repeat(np.arange(PEOPLE), IMAGES)
    vectors = centres[folders] + noise * draw.standard_normal((len(folders), SIZE)) / np.sqrt(SIZE)
    return floats(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)), folders


def chosen_of(first: Floats, rows: np.ndarray, second: Floats, second_rows: list[int], folders: np.ndarray) -> Floats:
    found = choose_faces(in_memory(first), rows, in_memory(second), np.array(second_rows), folders, "cosine")
    return found.rows(np.arange(len(found)))


def test_of_two_faces_the_one_of_the_folder_is_taken() -> None:
    vectors, folders = people()
    rows = np.arange(len(folders))
    first = vectors.copy()
    first[10] = vectors[100]
    chosen = chosen_of(first, rows, vectors[[10, 30]], [10, 30], folders)
    assert chosen[10] == pytest.approx(vectors[10])
    swapped = chosen_of(vectors, rows, vectors[[200]], [10], folders)
    assert swapped[10] == pytest.approx(vectors[10]), "another person's face is not taken"
