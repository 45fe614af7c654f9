"""Label noise on embeddings whose truth is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.data import vectors
from mien.data.vectors import VectorRows, in_memory
from mien.portrait.dataset import labels
from mien.portrait.dataset.labels import Labels, certainty_of, labels_of
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
    found = labels_of(*people(), metric)
    assert found.suspects() == []
    assert found.splits() == []
    assert found.merges() == []


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_swapped_labels_are_found_with_whom_they_are(metric: str) -> None:
    vectors, folders = people()
    changed = folders.copy()
    rows = [3, 50, 120, 200]
    changed[rows] = (folders[rows] + 7) % PEOPLE
    found = labels_of(vectors, changed, metric).suspects()
    assert {one.row for one in found} == set(rows)
    assert all(one.better == folders[one.row] for one in found)
    assert all(changed[one.like] == folders[one.row] for one in found)
    assert [one.certainty for one in found] == sorted((one.certainty for one in found), reverse=True)


def test_a_stranger_is_found_and_nobody_is_named() -> None:
    vectors, folders = people()
    vectors[17] = floats(np.random.default_rng(9).standard_normal(SIZE))
    found = labels_of(vectors, folders, "cosine").suspects()
    assert [one.row for one in found] == [17]
    assert found[0].better == -1


def test_two_people_in_one_folder_are_told_apart() -> None:
    vectors, folders = people()
    changed = np.where(folders == 5, 4, folders)
    numbers = np.unique(changed, return_inverse=True)[1]
    (split,) = labels_of(vectors, numbers, "cosine").splits()
    assert {frozenset(split.first), frozenset(split.second)} == {
        frozenset(np.flatnonzero(folders == 4)), frozenset(np.flatnonzero(folders == 5)),
    }  # fmt: skip


def test_one_person_in_two_folders_is_found() -> None:
    vectors, folders = people()
    changed = folders.copy()
    changed[np.flatnonzero(folders == 9)[:4]] = PEOPLE
    (merge,) = labels_of(vectors, changed, "cosine").merges()
    assert (merge.a, merge.b) == (9, PEOPLE)
    assert {folders[merge.row_a], folders[merge.row_b]} == {9}


def test_the_share_of_right_comparisons_is_learned() -> None:
    vectors, folders = people()
    clean = labels_of(vectors, folders, "cosine").evidence
    draw, changed = np.random.default_rng(1), folders.copy()
    rows = draw.choice(len(folders), len(folders) // 4, replace=False)
    changed[rows] = draw.integers(0, PEOPLE, len(rows))
    noisy = labels_of(vectors, changed, "cosine").evidence
    assert clean.share > 0.95
    assert noisy.share == pytest.approx(0.75**2, abs=0.12)
    assert noisy.same == pytest.approx(clean.same, abs=0.05)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_images_are_no_error(count: int) -> None:
    vectors, _ = people()
    found = labels_of(vectors[:count], np.arange(count), "cosine")
    assert found.suspects() == found.splits() == found.merges() == []


def test_the_seed_decides_which_comparisons_are_drawn_and_nothing_else() -> None:
    vectors, folders = people()
    one, same, other = (labels_of(vectors, folders, "cosine", seed) for seed in (0, 0, 1))
    assert one.evidence == same.evidence
    assert one.evidence != other.evidence
    assert one.evidence.same == pytest.approx(other.evidence.same, abs=0.02)


def test_of_a_large_folder_a_random_part_stands_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert labels.LARGEST == 400
    monkeypatch.setattr(labels, "LARGEST", 5)
    vectors, folders = people()
    found = labels_of(vectors, folders, "cosine")
    assert [len(rows) for rows in found.members] == [5] * PEOPLE
    assert all((folders[rows] == number).all() for number, rows in enumerate(found.members))


def test_large_folders_do_not_speak_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """One folder of 80 images of two people in equal parts, among 30 pure ones: half of its comparisons are wrong."""
    vectors, folders = people()
    draw = np.random.default_rng(3)
    centres = draw.standard_normal((2, SIZE))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    mixed = centres[np.arange(80) % 2] + 0.6 * draw.standard_normal((80, SIZE)) / np.sqrt(SIZE)
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    whole = floats(np.concatenate([vectors, mixed])), np.append(folders, np.full(80, PEOPLE))
    limited = labels_of(*whole, "cosine").evidence.share
    monkeypatch.setattr(labels, "PAIRS_WITHIN", 10_000)
    unlimited = labels_of(*whole, "cosine").evidence.share
    assert limited == pytest.approx((30 * 28 + 100) / (30 * 28 + 200), abs=0.04)
    assert unlimited < limited - 0.1


@pytest.mark.parametrize(
    ("own", "elsewhere", "certainty"),
    [(0.0, 0.0, 0.011), (-4.5, -8.0, 0.5), (-4.5, 4.5, 0.989), (8.0, 8.0, 0.011), (-8.0, 0.0, 0.971)],
)
def test_most_labels_are_right_before_anything_is_seen(own: float, elsewhere: float, certainty: float) -> None:
    assert certainty_of(own, elsewhere) == pytest.approx(certainty, abs=0.001)


def test_only_a_clear_better_person_is_named() -> None:
    assert (labels.NAMED, labels.NEIGHBOURS) == (2.0, 24)
    vectors, folders = people()
    vectors[17] = floats(vectors[40] + 1.2 * np.random.default_rng(9).standard_normal(SIZE) / np.sqrt(SIZE))
    vectors[17] /= np.linalg.norm(vectors[17])
    (one,) = [s for s in labels_of(vectors, folders, "cosine").suspects() if s.row == 17]
    assert one.better in (-1, int(folders[40]))


def test_folders_that_are_alike_but_not_as_alike_as_each_is_in_itself_are_two_people() -> None:
    """Two relatives: their images are more alike than strangers', yet each is closer to its own."""
    draw = np.random.default_rng(0)
    vectors, folders = people()
    base = vectors[folders == 9].mean(axis=0)
    relative = base / np.linalg.norm(base) + 0.9 * draw.standard_normal(SIZE) / np.sqrt(SIZE)
    images = relative / np.linalg.norm(relative) + 0.35 * draw.standard_normal((IMAGES, SIZE)) / np.sqrt(SIZE)
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    found = labels_of(
        floats(np.concatenate([vectors, images])), np.append(folders, np.full(IMAGES, PEOPLE)), "cosine"
    )
    assert found.merges() == []
    assert len(found.merges(0.0)) >= 1, "they are candidates"


def test_people_whom_the_recognizer_confuses_are_not_said_to_be_one_person() -> None:
    """Eight people around one direction, three images each: any two are as alike as one person, and so are others."""
    draw = np.random.default_rng(5)
    vectors, folders = people()
    middle = draw.standard_normal(SIZE)
    middle /= np.linalg.norm(middle)
    centres = middle + 0.25 * draw.standard_normal((8, SIZE)) / np.sqrt(SIZE)
    images = np.repeat(centres, 2, axis=0) + 0.4 * draw.standard_normal((16, SIZE)) / np.sqrt(SIZE)
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    numbers = np.append(folders, PEOPLE + np.repeat(np.arange(8), 2))
    changed = numbers.copy()
    changed[np.flatnonzero(folders == 9)[:4]] = PEOPLE + 8
    found = labels_of(floats(np.concatenate([vectors, images])), changed, "cosine")
    assert [(one.a, one.b) for one in found.merges()] == [(9, PEOPLE + 8)]
    (group,) = found.confused()
    assert set(group.folders) <= set(range(PEOPLE, PEOPLE + 8)) and len(group.folders) >= 3
    assert changed[group.row_a] != changed[group.row_b]


def test_the_larger_a_set_the_surer_two_folders_must_be_to_be_one_person() -> None:
    """Among ten times as many people, ten times as many strangers look alike by chance."""
    assert labels.RARE == 10
    vectors, folders = people()
    changed = folders.copy()
    changed[np.flatnonzero(folders == 9)[:1]] = PEOPLE
    found = labels_of(vectors, changed, "cosine")
    (merge,) = [one for one in found.merges(0.0) if (one.a, one.b) == (9, PEOPLE)]
    rows = [found.groups[folder][0] for folder in (9, PEOPLE)]
    scores = found.scores(*rows)
    odds = min(3.0, scores.size**0.5) * float(found.evidence.of(scores).mean()) - np.log(10 * (PEOPLE + 1))
    assert merge.certainty == pytest.approx(1 / (1 + np.exp(-odds)), abs=1e-4)


def test_a_folder_that_holds_together_is_not_split_on_a_slight_suspicion() -> None:
    """Of a person in two looks, the images of either look are closer, yet not as far as two people are."""
    vectors, folders = people()
    draw = np.random.default_rng(2)
    looks = vectors[folders == 4].mean(axis=0) + np.outer(
        np.repeat([1.0, -1.0], IMAGES // 2), 0.53 * draw.standard_normal(SIZE) / np.sqrt(SIZE)
    )
    images = looks + 0.25 * draw.standard_normal((IMAGES, SIZE)) / np.sqrt(SIZE)
    vectors[folders == 4] = images / np.linalg.norm(images, axis=1, keepdims=True)
    found = labels_of(vectors, folders, "cosine")
    assert found.splits() == []
    assert [split.folder for split in found.splits(0.2)] == [4], "it is suspected, but not surely enough"


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_embeddings_in_files_and_small_blocks_give_the_same_findings(
    metric: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    array, folders = people()
    changed = folders.copy()
    changed[[3, 50, 120]] = (folders[[3, 50, 120]] + 7) % PEOPLE
    changed[np.flatnonzero(folders == 9)[:4]] = PEOPLE
    held = labels_of(array, changed, metric)
    expected = (held.suspects(), held.splits(), held.merges(0.0), held.confused(), list(held.twins()))
    monkeypatch.setattr(labels, "ASKED", 50)
    monkeypatch.setattr(labels, "DRAWN", 999)
    monkeypatch.setattr(vectors, "BLOCK", 40 * 4 * SIZE)
    rows = VectorRows(SIZE, tmp_path, held=0)
    rows.append(array)
    filed = Labels(rows, changed, metric, scratch=tmp_path)
    found = (filed.suspects(), filed.splits(), filed.merges(0.0), filed.confused(), list(filed.twins()))
    assert expected[0] and expected[2] and expected[4]
    for one, other in zip(found, expected, strict=True):
        assert plain(one) == plain(other)


def plain(findings: list) -> list:
    """Findings with certainties that the order of sums does not change."""
    return [replace(one, certainty=round(one.certainty, 4)) if hasattr(one, "certainty") else one for one in findings]


def test_the_nearest_rows_are_those_of_a_plain_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "ASKED", 7)
    monkeypatch.setattr(vectors, "BLOCK", 11 * 4 * 5)
    array = floats(np.random.default_rng(0).normal(size=(40, 5)))
    found = labels.nearest_rows(in_memory(array), 6, "l2")
    for row, nearest in enumerate(found.tolist()):
        far = [float(np.linalg.norm(array[row] - array[other])) for other in range(40)]
        assert nearest == sorted(range(40), key=far.__getitem__)[:6]
