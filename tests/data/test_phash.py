"""The perceptual hash: what copies keep of it, and near ones."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.data import phash
from mien.data.overlap import same_photographs
from mien.data.phash import Fingerprint, fingerprint, perceptual_hash
from mien.data.sample import Sample
from mien.types import Image


def bits(a: int | None, b: int | None) -> int:
    assert a is not None and b is not None
    return (a ^ b).bit_count()


def test_pictures_of_one_tone_are_like_nothing() -> None:
    assert perceptual_hash(np.full((50, 60, 3), 40, np.uint8)) is None
    blank = [Fingerprint("x", None)]
    assert not list(same_photographs(blank, [Fingerprint("y", None)]))


def test_the_hash_survives_what_copies_go_through(collins: Image, hopper: Image) -> None:
    mark = perceptual_hash(collins)
    half = cv2.resize(collins, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", collins, [cv2.IMWRITE_JPEG_QUALITY, 25])
    worn = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    lighter = np.clip(collins.astype(int) + 20, 0, 255).astype(np.uint8)
    for copy in (half, worn, lighter, np.clip(collins * 0.8, 0, 255).astype(np.uint8)):
        assert bits(mark, perceptual_hash(copy)) <= 6
    for other in (hopper, collins[:, ::-1].copy(), collins[100:, :350].copy()):
        assert bits(mark, perceptual_hash(other)) > 12


def test_a_file_that_fails_oddly_is_a_sentence(collins_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object, **__: object) -> None:
        raise MemoryError

    assert isinstance(fingerprint(Sample(collins_path, "x")), Fingerprint)
    monkeypatch.setattr("mien.data.phash.decode", exhausted)
    assert str(fingerprint(Sample(collins_path, "x"))).startswith(f"{collins_path} needs more memory")


@pytest.mark.parametrize("max_bits", [0, 3, 6])
def test_many_hashes_have_the_near_ones_that_a_plain_loop_finds(
    monkeypatch: pytest.MonkeyPatch, max_bits: int
) -> None:
    monkeypatch.setattr(phash, "MANY", 0)
    monkeypatch.setattr(phash, "CELLS", 9)
    draw = np.random.default_rng(max_bits)
    a = draw.integers(0, 2**64, 20, np.uint64)
    # Copies with some bits turned, which may be in one band or in several.
    turned = [sum(1 << int(bit) for bit in draw.choice(64, count, replace=False)) for count in range(12)]
    b = np.array([int(a[n % 4]) ^ one for n, one in enumerate(turned)], np.uint64)
    expected = [
        (x, y, (int(a[x]) ^ int(b[y])).bit_count())
        for x in range(len(a))
        for y in range(len(b))
        if (int(a[x]) ^ int(b[y])).bit_count() <= max_bits
    ]
    assert list(phash.near_hashes(a, b, max_bits)) == expected and expected


def test_hashes_that_share_a_band_are_not_all_compared_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Aligned faces share their lowest frequencies: a tenth of a million may be in one band."""
    monkeypatch.setattr(phash, "MANY", 0)
    monkeypatch.setattr(phash, "CELLS", 64)
    compared, in_band = list[int](), phash._in_band

    def counting(a: np.ndarray, own: np.ndarray, b: np.ndarray, same: np.ndarray, *rest: object) -> np.ndarray:
        compared.append(len(own) * len(same))
        return in_band(a, own, b, same, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(phash, "_in_band", counting)
    # 50 hashes with the same 56 higher bits and none alike in the lowest 8.
    hashes = np.arange(50, dtype=np.uint64) + np.uint64(7 << 40)
    found = list(phash.near_hashes(hashes, hashes, 6))
    expected = [(x, y, (x ^ y).bit_count()) for x in range(50) for y in range(50) if (x ^ y).bit_count() <= 6]
    assert found == expected and max(compared) <= 64


def test_many_copies_of_one_image_have_more_pairs_than_memory_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """300 equal hashes have 90,000 pairs: they are found as they are asked for, and come in order."""
    for name, value in (("MANY", 0), ("PAIRS", 1000), ("ROWS", 128), ("CELLS", 500)):
        monkeypatch.setattr(phash, name, value)
    compared, in_band = list[int](), phash._in_band

    def counting(*given: object) -> np.ndarray:
        compared.append(1)
        return in_band(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(phash, "_in_band", counting)
    hashes = np.full(300, 12345, np.uint64)
    pairs = phash.near_hashes(hashes, hashes, 6)
    assert [next(pairs) for _ in range(3)] == [(0, 0, 0), (0, 1, 0), (0, 2, 0)]
    assert len(compared) < 60, "a few blocks, not all of them"
    rest = [(a, b) for a, b, _ in pairs]
    assert rest == [(a, b) for a in range(300) for b in range(300)][3:]
