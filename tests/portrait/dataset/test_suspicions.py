"""What suspicions about labels say by their numbers, on embeddings whose truth is known."""

import numpy as np
import pytest

from mien.portrait.dataset.labels import labels_of
from mien.portrait.dataset.suspicions import Merge, Split, Suspect
from mien.types import Floats, floats

PEOPLE, IMAGES, SIZE = 20, 8, 32


@pytest.fixture(scope="module")
def vectors() -> Floats:
    """Unit embeddings of people around random directions, 8 in a row each."""
    draw = np.random.default_rng(4)
    centres = draw.standard_normal((PEOPLE, SIZE))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    rows = np.repeat(centres, IMAGES, axis=0)
    rows = rows + 0.5 * draw.standard_normal(rows.shape) / np.sqrt(SIZE)
    return floats(rows / np.linalg.norm(rows, axis=1, keepdims=True))


PERSON = np.repeat(np.arange(PEOPLE), IMAGES)


def test_a_suspect_names_a_better_folder_and_an_image_in_it(vectors: Floats) -> None:
    folders = PERSON.copy()
    folders[10] = 6
    (one,) = labels_of(vectors, folders, "cosine").suspects()
    assert isinstance(one, Suspect) and (one.row, one.better) == (10, PERSON[10])
    assert folders[one.like] == one.better and one.like != one.row
    assert 0.5 < one.certainty <= 1


def test_a_suspect_like_nobody_shows_an_image_of_its_own_folder(vectors: Floats) -> None:
    strange = vectors.copy()
    strange[10] = floats(np.eye(SIZE)[0])
    (one,) = labels_of(strange, PERSON, "cosine").suspects()
    assert (one.row, one.better) == (10, -1)
    assert PERSON[one.like] == PERSON[10] and one.like != 10


def test_a_split_deals_every_row_of_its_folder(vectors: Floats) -> None:
    folders = np.where(PERSON == PEOPLE - 1, 3, PERSON)
    (one,) = labels_of(vectors, folders, "cosine").splits()
    assert isinstance(one, Split) and one.folder == 3
    assert not set(one.first) & set(one.second)
    assert sorted((*one.first, *one.second)) == np.flatnonzero(folders == 3).tolist()
    assert {len({PERSON[row] for row in part}) for part in (one.first, one.second)} == {1}


def test_a_merge_shows_the_two_rows_that_are_most_alike(vectors: Floats) -> None:
    folders = PERSON.copy()
    folders[:4] = PEOPLE
    (one,) = labels_of(vectors, folders, "cosine").merges()
    assert isinstance(one, Merge) and (one.a, one.b) == (0, PEOPLE)
    assert (folders[one.row_a], folders[one.row_b]) == (0, PEOPLE)
    alike = vectors[4:8] @ vectors[:4].T
    assert vectors[one.row_a] @ vectors[one.row_b] == pytest.approx(alike.max())
