"""Who and what is in two data sets at once: the same photographs, nearly the same ones, and the same faces.

Exact photographs are found by the sha256 of their bytes, near-duplicates by a perceptual hash, faces by embeddings
and a threshold with a known false match rate. Computes no embeddings and decides nothing about people: two subjects
beyond the threshold are a suspicion, and the false match rate times the pairs of subjects says how many chance makes
at most.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import cv2
import faiss
import numpy as np
from numpy.typing import NDArray

from mien.data.encoded import read_encoded
from mien.data.manifest import Sample
from mien.errors import ImageError
from mien.image import decode
from mien.scores import score_all
from mien.types import Floats, Image, Metric

HASH_SIDE = 32
"""Pixels of the picture that the perceptual hash looks at."""
NEAR = 6
"""Bits of 64 in which two perceptual hashes may differ; see docs/log.md for what that finds."""
FLAT = 2.0
"""A picture whose levels deviate by less, once it is small, has one tone."""
BLOCK = 2048

Kind = Literal["exact", "near", "same face"]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells whether two photographs are the same: sha256 of the bytes, and a perceptual hash of 64 bits.

    A picture of one tone, such as a blank page, has no perceptual hash: None.
    """

    sha256: str
    phash: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Embedded samples: (N, D) float32, and (N,) numbers of their subjects."""

    embeddings: Floats
    subjects: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Overlap:
    """A row of set A and a row of set B that belong together.

    Attributes:
        kind: exact, near or same face; the first that holds.
        a: the row in A.
        b: the row in B.
        value: 0 for exact, differing bits for near, the median score of their subjects for a face.
    """

    kind: Kind
    a: int
    b: int
    value: float


def fingerprint(sample: Sample) -> Fingerprint | str:
    """The fingerprint of a sample, or why it cannot be read."""
    try:
        data = read_encoded(sample)
        image = decode(data, sample.name, longest=256).image
    except ImageError as reason:
        return str(reason)
    return Fingerprint(hashlib.sha256(data).hexdigest(), perceptual_hash(image))


def perceptual_hash(image: Image) -> int | None:
    """64 bits that survive scaling, JPEG and small changes of light: the signs of the lowest cosine frequencies.

    The picture in grey at 32x32 is transformed by a DCT; the 8x8 lowest frequencies without the constant are compared
    with their median (the pHash of Zauner, 2010, with the constant left out).

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        The bits as a number, or None where the picture has one tone.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (HASH_SIDE, HASH_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    if small.std() < FLAT:
        return None
    low = cv2.dct(small)[:8, :8].reshape(-1)
    bits = low > np.median(low[1:])
    bits[0] = False
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def same_photographs(a: Sequence[Fingerprint | str], b: Sequence[Fingerprint | str]) -> Iterator[Overlap]:
    """Pairs of rows that are the same photograph, exactly or nearly."""
    known: dict[str, list[int]] = {}
    for index, one in enumerate(b):
        if isinstance(one, Fingerprint):
            known.setdefault(one.sha256, []).append(index)
    exact = set()
    for index, one in enumerate(a):
        for other in known.get(one.sha256, []) if isinstance(one, Fingerprint) else []:
            exact.add((index, other))
            yield Overlap("exact", index, other, 0.0)
    (rows, hashes), (others, other_hashes) = _hashes(a), _hashes(b)
    for place, other, bits in near_hashes(hashes, other_hashes, NEAR):
        row, column = rows[place], others[other]
        if (row, column) not in exact:
            yield Overlap("near", row, column, float(bits))


def _hashes(marks: Sequence[Fingerprint | str]) -> tuple[list[int], list[int]]:
    """Rows with a perceptual hash, and these hashes."""
    known = [(i, one.phash) for i, one in enumerate(marks) if isinstance(one, Fingerprint) and one.phash is not None]
    return [row for row, _ in known], [phash for _, phash in known]


def near_hashes(a: Sequence[int], b: Sequence[int], most: int) -> Iterator[tuple[int, int, int]]:
    """Places of hashes in `a` and in `b` that differ in at most so many of 64 bits, and in how many; all pairs.

    In the order of `a`, then of `b`.
    """
    if not len(a) or not len(b):
        return
    index = faiss.IndexBinaryFlat(64)
    index.add(_as_bytes(b))
    for start in range(0, len(a), BLOCK):
        # The radius of faiss is exclusive.
        ends, bits, found = index.range_search(_as_bytes(a[start : start + BLOCK]), most + 1)
        for offset, (first, last) in enumerate(pairwise(ends.tolist())):
            near = sorted(zip(found[first:last].tolist(), bits[first:last].tolist(), strict=True))
            yield from ((start + offset, other, int(differing)) for other, differing in near)


def _as_bytes(hashes: Sequence[int]) -> NDArray[np.uint8]:
    return np.array(hashes, np.uint64)[:, None].view(np.uint8)


def same_faces(a: Faces, b: Faces, metric: Metric, threshold: float) -> Iterator[Overlap]:
    """Pairs of subjects, half of whose comparisons match at a threshold in the metric's unit.

    Single comparisons of large sets match by chance, and one in ten thousand is a great many; two people of whom half
    of all comparisons match are rarely two.

    Args:
        a: the samples of one set.
        b: those of the other.
        metric: cosine or l2.
        threshold: accepted at or beyond it.

    Yields:
        For each pair of subjects its most similar rows, and the median score.
    """
    flip = np.float32(1 if metric == "cosine" else -1)
    order = np.argsort(b.subjects, kind="stable")
    vectors, starts = b.embeddings[order], np.flatnonzero(np.diff(b.subjects[order], prepend=-1))
    ends = np.append(starts[1:], len(order))
    for subject in np.unique(a.subjects):
        rows = np.flatnonzero(a.subjects == subject)
        similar = flip * score_all(a.embeddings[rows], vectors, metric)
        best = np.maximum.reduceat(similar.max(axis=0), starts)
        for group in np.flatnonzero(best >= flip * threshold):
            scores = similar[:, starts[group] : ends[group]]
            middle = float(np.median(scores))
            if middle >= flip * threshold:
                row, column = np.unravel_index(int(np.argmax(scores)), scores.shape)
                yield Overlap("same face", int(rows[row]), int(order[starts[group] + column]), float(flip) * middle)
