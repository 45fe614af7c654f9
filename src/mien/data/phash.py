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


def near_hashes(a: Sequence[int], b: Sequence[int], max_bits: int) -> Iterator[tuple[int, int, int]]:
    """All pairs of hashes that differ in at most `max_bits` of 64 bits.

    Yields:
        Place in `a`, place in `b` and the number of differing bits; in the order of `a`, then of `b`.
    """
    import faiss

    if not len(a) or not len(b):
        return
    index = faiss.IndexBinaryFlat(64)
    index.add(_as_bytes(b))
    for start in range(0, len(a), BLOCK):
        # The radius of faiss is exclusive.
        ends, bits, found = index.range_search(_as_bytes(a[start : start + BLOCK]), max_bits + 1)
        for offset, (first, last) in enumerate(pairwise(ends.tolist())):
            near = sorted(zip(found[first:last].tolist(), bits[first:last].tolist(), strict=True))
            yield from ((start + offset, other, int(differing)) for other, differing in near)


def _as_bytes(hashes: Sequence[int]) -> NDArray[np.uint8]:
    return np.array(hashes, np.uint64)[:, None].view(np.uint8)
