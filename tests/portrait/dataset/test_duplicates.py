"""The same photograph again: candidates by plain loops, and the look at both on real faces."""

import cv2
import numpy as np
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st

from mien.align import align
from mien.pipeline import array_item
from mien.portrait.dataset.duplicates import (
    AGREE,
    NEAR,
    NEAREST,
    TOGETHER,
    Hashes,
    Same,
    agreement,
    cut_of,
    near,
    same_photographs,
)
from mien.portrait.examine import FACE, Examiner
from mien.types import Image


def as_hashes(hashes: list) -> Hashes:
    return Hashes(
        np.array([one or 0 for one in hashes], np.uint64), np.array([one is not None for one in hashes], bool)
    )


@given(st.lists(st.one_of(st.none(), st.integers(0, 255)), max_size=30), st.integers(0, 8))
def test_near_hashes_are_those_of_a_plain_loop(hashes: list, max_bits: int) -> None:
    rows = list(range(len(hashes)))
    expected = {
        (a, b)
        for a in rows
        for b in rows
        if a < b
        and hashes[a] is not None
        and hashes[b] is not None
        and (hashes[a] ^ hashes[b]).bit_count() <= max_bits
    }
    assert set(near(as_hashes(hashes), np.array(rows, np.int64), max_bits)) == expected


def found(digests: list, images: list, faces: list, folders: list, twins: tuple = (), yes: bool = True) -> set[Same]:
    files = np.array([digests.index(one) if one else -1 for one in digests])
    return set(
        same_photographs(files, as_hashes(images), as_hashes(faces), np.array(folders), twins, lambda a, b: yes)
    )


def test_equal_files_are_told_with_the_first_and_not_looked_at() -> None:
    assert found(["x", "y", "x", "x"], [None] * 4, [None] * 4, [0, 1, 2, 0], yes=False) == {
        Same(0, 2, True), Same(0, 3, True),
    }  # fmt: skip


def test_what_cannot_be_read_is_no_copy() -> None:
    assert found(["", ""], [5, 5], [7, 7], [0, 0]) == set()


def test_folders_and_neighbours_widen_the_search() -> None:
    far, wide = 2**NEAR * 0 + 0b11111111, 0
    apart = found(["a", "b"], [None, None], [far, wide], [0, 1])
    assert apart == set(), "eight bits are too many for strangers"
    assert found(["a", "b"], [None, None], [far, wide], [0, 0]) == {Same(0, 1, False)}
    assert found(["a", "b"], [None, None], [far, wide], [0, 1], ((0, 1),)) == {Same(0, 1, False)}


def test_candidates_that_do_not_agree_are_no_copies() -> None:
    assert found(["a", "b"], [1, 1], [1, 1], [0, 0], yes=False) == set()


def crop(examiner: Examiner, image: Image) -> Image:
    one = examiner.item(array_item("image", image))
    return align(one.portrait.image, one.portrait.face.landmarks, FACE, 112)


def saved(image: Image, quality: int) -> Image:
    return simplejpeg.decode_jpeg(simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality, "RGB"), "RGB")


CHANGES = {
    "saved at quality 40": lambda i: saved(i, 40),
    "half the size": lambda i: cv2.resize(i, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "cut": lambda i: saved(i[20:420, 60:440], 80),
    "brighter": lambda i: np.clip(i * 1.15 + 5, 0, 255).astype(np.uint8),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("who", ["collins", "hopper"])
def test_a_changed_copy_agrees_with_its_original(request, examiner: Examiner, who: str, change: str) -> None:
    image = request.getfixturevalue(who)
    assert agreement(crop(examiner, image), crop(examiner, CHANGES[change](image))) >= AGREE


def test_two_photographs_do_not_agree(examiner: Examiner, collins: Image, hopper: Image) -> None:
    assert agreement(crop(examiner, collins), crop(examiner, hopper)) < 0.7
    assert agreement(crop(examiner, collins), crop(examiner, collins[:, ::-1])) < 0.7


def test_blank_faces_do_not_agree() -> None:
    blank = np.full((112, 112, 3), 90, np.uint8)
    assert agreement(blank, blank) == 0


def test_two_photographs_of_one_person_do_not_agree(examiner: Examiner, data) -> None:
    import tarfile

    from mien.image import decode

    with tarfile.open(data / "lfw" / "lfw-deepfunneled.tar") as archive:
        images = [
            decode(
                archive.extractfile(f"images_deepfunneled/Colin_Powell/Colin_Powell_{n:04d}.jpg").read(), "x"
            ).image
            for n in range(1, 13)
        ]
    crops = [crop(examiner, image) for image in images]
    scores = [agreement(crops[a], crops[b]) for a in range(12) for b in range(a)]
    assert max(scores) < AGREE


def test_a_cut_is_found_without_a_face(collins: Image, hopper: Image) -> None:
    part = saved(collins[60:460, 40:470], 70)
    assert cut_of(collins, part) >= AGREE
    assert cut_of(part, collins) >= AGREE
    assert cut_of(hopper, part) < 0.8


@pytest.mark.parametrize(
    ("bits", "anyone", "one_folder", "neighbours"),
    [(6, True, True, True), (7, False, True, True), (16, False, True, True), (17, False, False, True),
     (22, False, False, True), (23, False, False, False)],
)  # fmt: skip
def test_how_far_hashes_may_differ_depends_on_what_else_is_known(
    bits: int, anyone: bool, one_folder: bool, neighbours: bool
) -> None:
    faces = [0, (1 << bits) - 1]
    same = {Same(0, 1, False)}
    assert found(["a", "b"], [None, None], faces, [0, 1]) == (same if anyone else set())
    assert found(["a", "b"], [None, None], faces, [0, 0]) == (same if one_folder else set())
    assert found(["a", "b"], [None, None], faces, [0, 1], ((0, 1),)) == (same if neighbours else set())


def test_faceless_images_of_one_folder_are_compared_and_blank_ones_are_not() -> None:
    assert found(["a", "b"], [0, 2**40 - 1], [None, 3], [0, 0]) == {Same(0, 1, False)}
    assert found(["a", "b"], [None, 5], [None, 3], [0, 0]) == set()
    assert found(["a", "b"], [0, 2**40 - 1], [None, 3], [0, 1]) == set()


def test_a_folder_of_many_images_without_a_face_does_not_compare_each_with_each() -> None:
    count = 10 * TOGETHER
    hashes = np.random.default_rng(0).integers(0, 2**63, count).tolist()
    hashes[700] = hashes[3] ^ 0b11111110000110000  # a crop of it: nine bits differ
    compared: list[tuple[int, int]] = []

    def agree(a: int, b: int) -> bool:
        compared.append((a, b))
        return (a, b) == (3, 700)

    files, folders = np.arange(count), np.zeros(count, np.int64)
    same = list(same_photographs(files, as_hashes(hashes), as_hashes([None] * count), folders, (), agree))
    assert same == [Same(3, 700, False)]
    assert len(set(compared)) == len(compared) <= NEAREST * count, "not the half million pairs of the folder"


def test_all_faceless_images_of_a_small_folder_are_compared() -> None:
    hashes = np.random.default_rng(1).integers(0, 2**63, TOGETHER).tolist()
    faces = [None if row % 3 == 0 else 2**row % 2**64 for row in range(TOGETHER)]
    pairs = found([str(row) for row in range(TOGETHER)], hashes, faces, [0] * TOGETHER)
    needed = {(a, b) for b in range(TOGETHER) for a in range(b) if a % 3 == 0 or b % 3 == 0}
    assert needed <= {(one.a, one.b) for one in pairs}


def test_two_photographs_of_one_sitting_are_below_the_limit_and_a_poor_copy_is_above(
    examiner: Examiner, hopper: Image
) -> None:
    """The limit is where two photographs of one person from one sitting end (docs/log.md)."""
    points = examiner.item(array_item("image", hopper)).landmarks
    centre, reach = points[3:].mean(axis=0), 0.4 * float(np.linalg.norm(points[1] - points[0]))
    (x1, y1), (x2, y2) = np.rint(centre - reach).astype(int), np.rint(centre + reach).astype(int)
    changed = hopper.copy()
    changed[y1:y2, x1:x2] = changed[y1:y2, x1:x2][::-1]
    crops = [align(image, points, FACE, 112) for image in (hopper, changed, saved(hopper, 25))]
    assert 0.85 < agreement(crops[0], crops[1]) < AGREE
    assert agreement(crops[0], crops[2]) >= AGREE
    assert AGREE == 0.95
