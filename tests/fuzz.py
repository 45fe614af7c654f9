"""Damaged copies of a file, for the tests of every format that is read. Seeded, so that a failure can be repeated."""

from collections.abc import Callable, Iterator
from random import Random

RUN = 1024
"""Maximum length of a run of bytes that is zeroed, doubled or taken out."""


def mutants(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Damaged copies of some bytes: zeroed runs, cut ends, flipped bits, changed lengths, doubled and missing runs.

    Args:
        data: a whole file.
        count: how many copies.
        seed: the same seed gives the same copies.
    """
    chance = Random(seed)
    for place in range(count):
        copy = data
        # Every kind comes in turn; every third copy is damaged twice.
        for step in range(2 if place % 3 == 2 else 1):
            copy = KINDS[(place + step * chance.randrange(len(KINDS))) % len(KINDS)](copy, chance)
        yield copy


def _zeroed(data: bytes, chance: Random) -> bytes:
    start, end = _run(data, chance)
    return data[:start] + bytes(end - start) + data[end:]


def _cut(data: bytes, chance: Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _flipped(data: bytes, chance: Random) -> bytes:
    copy = bytearray(data)
    for _ in range(min(len(data), chance.randint(1, 8))):
        copy[chance.randrange(len(copy))] ^= 1 << chance.randrange(8)
    return bytes(copy)


def _lengthened(data: bytes, chance: Random) -> bytes:
    """A number of two, four or eight bytes is exchanged, most often near the head, where the lengths are."""
    width = chance.choice((2, 4, 8))
    start = chance.randrange(max(1, min(len(data), chance.choice((64, 512, len(data))))))
    value = chance.choice((0, 1, 2 ** (8 * width) - 1, 2 ** (8 * width - 1), 2 ** (8 * width - 1) - 1))
    return data[:start] + value.to_bytes(width, chance.choice(("little", "big"))) + data[start + width :]


def _doubled(data: bytes, chance: Random) -> bytes:
    start, end = _run(data, chance)
    return data[:end] + data[start:]


def _shortened(data: bytes, chance: Random) -> bytes:
    start, end = _run(data, chance)
    return data[:start] + data[end:]


def _run(data: bytes, chance: Random) -> tuple[int, int]:
    start = chance.randrange(len(data) + 1)
    return start, min(len(data), start + chance.randint(1, RUN))


KINDS: tuple[Callable[[bytes, Random], bytes], ...] = (_zeroed, _cut, _flipped, _lengthened, _doubled, _shortened)
"""Every kind of damage; a new one is one function and one entry."""
