"""Which images of a data set are duplicates, as findings. Opens the candidates and compares them; see duplicates."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.align import align
from mien.data.stored_paths import stored_path
from mien.image import read_photo
from mien.portrait.dataset.duplicates import AGREE, Hashes, Same, agreement, cut_of, same_photographs
from mien.portrait.dataset.findings import Finding
from mien.portrait.dataset.labels import Labels
from mien.portrait.dataset.measurements import Measurements
from mien.portrait.dataset.structure import Entry
from mien.portrait.examine import DECODED, FACE
from mien.types import Image, Photo

FACES = 256
"""Aligned faces that are held to be compared again, 38 KB each."""


def find_duplicates(
    root: Path,
    entries: Sequence[Entry],
    measurements: Measurements,
    folders: NDArray[np.int64],
    label_model: Labels | None,
) -> tuple[NDArray[np.bool_], list[Finding]]:
    """Which rows are duplicates, and the findings.

    Of two equal photographs of one person, the later is a duplicate; of two people's, both are, since nobody knows
    whose the photograph is.

    Args:
        root: the data set's folder.
        entries: its images.
        measurements: with hashes and landmarks.
        folders: (N,) number of each row's identity.
        label_model: neighbours of embeddings, which are further candidates; None without a recognizer.
    """
    images, faces = (Hashes(*measurements.hashes(name)) for name in ("phash", "face_phash"))
    twins = () if label_model is None else label_model.twins()
    candidates = ((int(measurements.rows[a]), int(measurements.rows[b])) for a, b in twins)
    compare = _Comparison(root, entries, measurements)
    is_duplicate, findings = np.zeros(len(entries), bool), list[Finding]()
    for same in same_photographs(measurements.files(), images, faces, folders, candidates, compare.agree):
        if folders[same.a] != folders[same.b]:
            is_duplicate[[same.a, same.b]] = True
            findings.append(_finding("same-photo-two-people", entries, same))
        elif not is_duplicate[same.b]:
            is_duplicate[same.b] = True
            findings.append(_finding("same-file" if same.exact else "near-duplicate", entries, same))
    return is_duplicate, findings


def _finding(kind: str, entries: Sequence[Entry], same: Same) -> Finding:
    pair = entries[same.a].path, entries[same.b].path
    return Finding(kind=kind, place=pair[0], others=(pair[1],), shown=pair)


class _Comparison:
    """Opens two images and says whether they are one photograph."""

    def __init__(self, root: Path, entries: Sequence[Entry], measurements: Measurements) -> None:
        self._root, self._entries = root, entries
        self._measurements = measurements
        # Most candidates of an image are in its own folder and follow each other.
        self._face = lru_cache(maxsize=FACES)(self._aligned)

    def agree(self, a: int, b: int) -> bool:
        """Whether both rows show the same photograph, aligned by their faces where both have one."""
        try:
            points = [self._measurements.landmarks(row) for row in (a, b)]
            if points[0] is None or points[1] is None:
                return cut_of(self._read(a).image, self._read(b).image) >= AGREE
            return agreement(self._face(a), self._face(b)) >= AGREE
        except Exception:  # noqa: BLE001 - whatever is wrong with one of the two, nothing shows that they are equal
            return False

    def _aligned(self, row: int) -> Image:
        """The aligned face of a row that has one."""
        landmarks, photo = self._measurements.landmarks(row), self._read(row)
        assert landmarks is not None
        return align(photo.image, landmarks / np.float32(photo.reduction), FACE, 112)

    def _read(self, row: int) -> Photo:
        return read_photo(self._root / stored_path(self._entries[row].path), longest=DECODED)
