"""Which photographs are the same: the sha256 of their bytes, and a perceptual hash of 64 bits that copies keep.

Owns the hash and the search for near hashes. Decides nothing about people.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.data.encoded import read_encoded
from mien.data.sample import Sample
from mien.faults import describe
from mien.image import decode
from mien.types import Image

HASH_SIDE = 32
"""Pixels along each side of the image that the hash is computed from."""
NEAR = 6
"""Bits of 64 in which the hashes of two copies may differ; see docs/log.md for what that finds."""
FLAT = 2.0
"""An image whose grey levels deviate by less, once it is small, has one tone."""
DECODED = 256
"""Pixels along the longer side down to which an image may be reduced while decoding."""
BLOCK = 2048
"""Hashes that are compared with others at a time."""
CELLS = 2**22
"""Pairs of hashes that share a band and are in memory at a time: aligned faces share their lowest frequencies."""
PAIRS = 2**20
"""Near pairs that are held in memory to be put in order, unless one hash alone has more."""
ROWS = 2**16
"""Hashes whose near pairs are put in order together."""
MANY = 20_000
"""Hashes from which on bands of their bits are compared first."""
MAX_BANDS = 8
"""More bands are so narrow that many hashes share them."""

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What shows whether two photographs are the same.

    Attributes:
        sha256: of the file's bytes.
        phash: the perceptual hash; None for an image of one tone, such as a blank page.
    """

    sha256: str
    phash: int | None


def fingerprint(sample: Sample) -> Fingerprint | str:
    """The fingerprint of a sample, or why it cannot be read."""
    try:
        data = read_encoded(sample)
        image = decode(data, sample.name, longest=DECODED).image
    except Exception as reason:  # noqa: BLE001 - one sample's fault, whatever it is
        return describe(reason, sample.name)
    return Fingerprint(hashlib.sha256(data).hexdigest(), perceptual_hash(image))


def perceptual_hash(image: Image) -> int | None:
    """64 bits that survive scaling, JPEG and small changes of light: the signs of the lowest cosine frequencies.

    The image in grey at 32x32 is transformed by a DCT; the 8x8 lowest frequencies without the constant are compared
    with their median (the pHash of Zauner, 2010, with the constant left out).

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        The bits as a number, or None where the image has one tone.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (HASH_SIDE, HASH_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    if small.std() < FLAT:
        return None
    low = cv2.dct(small)[:8, :8].reshape(-1)
    bits = low > np.median(low[1:])
    bits[0] = False
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def near_hashes(
    a: Sequence[int] | NDArray[np.uint64], b: Sequence[int] | NDArray[np.uint64], max_bits: int
) -> Iterator[tuple[int, int, int]]:
    """All pairs of hashes that differ in at most `max_bits` of 64 bits.

    Yields:
        Place in `a`, place in `b` and the number of differing bits; in the order of `a`, then of `b`. They are found
        as they are asked for, since a set with many copies of one image has more pairs than memory holds.
    """
    one, other = (np.asarray(hashes, np.uint64) for hashes in (a, b))
    if not len(one) or not len(other):
        return
    if min(len(one), len(other)) < MANY or max_bits > MAX_BANDS - 1:
        yield from _one_by_one(one, other, max_bits)
        return
    yield from _in_order(one, other, _bands(other, max_bits), max_bits)


def _one_by_one(a: NDArray[np.uint64], b: NDArray[np.uint64], max_bits: int) -> Iterator[tuple[int, int, int]]:
    """Each hash compared with every other one."""
    import faiss

    index = faiss.IndexBinaryFlat(64)
    index.add(_as_bytes(b))
    for start in range(0, len(a), BLOCK):
        # The radius of faiss is exclusive.
        ends, bits, found = index.range_search(_as_bytes(a[start : start + BLOCK]), max_bits + 1)
        for offset, (first, last) in enumerate(pairwise(ends.tolist())):
            near = sorted(zip(found[first:last].tolist(), bits[first:last].tolist(), strict=True))
            yield from ((start + offset, other, int(differing)) for other, differing in near)


@dataclass(frozen=True, slots=True, eq=False)
class _Band:
    """Some bits of hashes: which, the hashes' order by them, and these bits of each in that order."""

    mask: np.uint64
    order: Places
    keys: NDArray[np.uint64]


def _bands(hashes: NDArray[np.uint64], max_bits: int) -> list[_Band]:
    """The `max_bits` + 1 bands of 64 bits; hashes that differ in no more bits agree in one of them."""
    edges = np.linspace(0, 64, max_bits + 2).astype(int).tolist()
    masks = [np.uint64((1 << high) - (1 << low)) for low, high in pairwise(edges)]
    orders = [np.argsort(hashes & mask, kind="stable") for mask in masks]
    return [_Band(mask, order, hashes[order] & mask) for mask, order in zip(masks, orders, strict=True)]


def _in_order(
    a: NDArray[np.uint64], b: NDArray[np.uint64], bands: Sequence[_Band], max_bits: int
) -> Iterator[tuple[int, int, int]]:
    """The near pairs of some hashes after the other; fewer hashes at a time where they have many pairs."""
    waiting = [(first, min(first + ROWS, len(a))) for first in range(0, len(a), ROWS)][::-1]
    while waiting:
        first, last = waiting.pop()
        parts, held = list[NDArray[np.int64]](), 0
        for part in _by_bands(a[first:last], b, bands, max_bits):
            parts.append(part)
            held += len(part)
            if held > PAIRS and last - first > 1:
                middle = (first + last) // 2
                waiting += [(middle, last), (first, middle)]
                break
        else:
            found = np.concatenate([np.empty((0, 3), np.int64), *parts])
            found[:, 0] += first
            yield from map(tuple, found[np.lexsort((found[:, 1], found[:, 0]))].tolist())


def _by_bands(
    a: NDArray[np.uint64], b: NDArray[np.uint64], bands: Sequence[_Band], max_bits: int
) -> Iterator[NDArray[np.int64]]:
    """Pairs of which one band is equal, as it is in all pairs that differ in at most `max_bits` bits.

    Each pair comes with the first band that is equal: (K, 3) place in `a`, place in `b`, differing bits.
    """
    for number, band in enumerate(bands):
        order = np.argsort(a & band.mask, kind="stable")
        keys = a[order] & band.mask
        cuts = [0, *(np.flatnonzero(np.diff(keys)) + 1).tolist(), len(keys)]
        for start, stop in pairwise(cuts):
            low, high = (int(np.searchsorted(band.keys, keys[start], side)) for side in ("left", "right"))
            same = band.order[low:high]
            step = max(1, CELLS // max(1, len(same)))
            for first in range(start, stop, step):
                own = order[first : min(stop, first + step)]
                yield _in_band(a, own, b, same, max_bits, [earlier.mask for earlier in bands[:number]])


def _in_band(
    a: NDArray[np.uint64],
    own: Places,
    b: NDArray[np.uint64],
    same: Places,
    max_bits: int,
    earlier: Sequence[np.uint64],
) -> NDArray[np.int64]:
    """Near pairs of some places of both sides that agree in no earlier band."""
    differing = a[own][:, None] ^ b[same][None]
    bits = np.bitwise_count(differing)
    x, y = np.nonzero(bits <= max_bits)
    fresh = np.ones(len(x), bool)
    for mask in earlier:
        fresh &= (differing[x, y] & mask) != 0
    return np.column_stack([own[x], same[y], bits[x, y]])[fresh].astype(np.int64)


def _as_bytes(hashes: Sequence[int] | NDArray[np.uint64]) -> NDArray[np.uint8]:
    return np.array(hashes, np.uint64)[:, None].view(np.uint8)
