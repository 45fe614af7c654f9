"""Label noise on embeddings whose truth is known."""

import numpy as np
import pytest

from mien.portrait.dataset.labels import Labels
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


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_right_labels_are_left_alone(metric: str) -> None:
    labels = Labels(*people(), metric)
    assert labels.suspects() == []
    assert labels.splits() == []
    assert labels.merges() == []


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_swapped_labels_are_found_with_whom_they_are(metric: str) -> None:
    vectors, folders = people()
    changed = folders.copy()
    rows = [3, 50, 120, 200]
    changed[rows] = (folders[rows] + 7) % PEOPLE
    found = Labels(vectors, changed, metric).suspects()
    assert {one.row for one in found} == set(rows)
    assert all(one.better == folders[one.row] for one in found)
    assert all(changed[one.like] == folders[one.row] for one in found)
    assert [one.certainty for one in found] == sorted((one.certainty for one in found), reverse=True)


def test_a_stranger_is_found_and_nobody_is_named() -> None:
    vectors, folders = people()
    vectors[17] = floats(np.random.default_rng(9).standard_normal(SIZE))
    found = Labels(vectors, folders, "cosine").suspects()
    assert [one.row for one in found] == [17]
    assert found[0].better == -1


def test_two_people_in_one_folder_are_told_apart() -> None:
    vectors, folders = people()
    changed = np.where(folders == 5, 4, folders)
    numbers = np.unique(changed, return_inverse=True)[1]
    (split,) = Labels(vectors, numbers, "cosine").splits()
    assert {frozenset(split.first), frozenset(split.second)} == {
        frozenset(np.flatnonzero(folders == 4)), frozenset(np.flatnonzero(folders == 5)),
    }  # fmt: skip


def test_one_person_in_two_folders_is_found() -> None:
    vectors, folders = people()
    changed = folders.copy()
    changed[np.flatnonzero(folders == 9)[:4]] = PEOPLE
    (merge,) = Labels(vectors, changed, "cosine").merges()
    assert (merge.a, merge.b) == (9, PEOPLE)
    assert {folders[merge.row_a], folders[merge.row_b]} == {9}


def test_the_share_of_right_comparisons_is_learned() -> None:
    vectors, folders = people()
    clean = Labels(vectors, folders, "cosine").evidence
    draw, changed = np.random.default_rng(1), folders.copy()
    rows = draw.choice(len(folders), len(folders) // 4, replace=False)
    changed[rows] = draw.integers(0, PEOPLE, len(rows))
    noisy = Labels(vectors, changed, "cosine").evidence
    assert clean.share > 0.95
    assert noisy.share == pytest.approx(0.75**2, abs=0.12)
    assert noisy.same == pytest.approx(clean.same, abs=0.05)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_images_are_no_error(count: int) -> None:
    vectors, _ = people()
    labels = Labels(vectors[:count], np.arange(count), "cosine")
    assert labels.suspects() == labels.splits() == labels.merges() == []
