"""Which classes take part in a step of partial FC: those of the batch, and a random share of the others.

The choice follows from seed, step and labels alone, so it is the same on any number of processes and on every device.
Each block of 4,096 classes has its share, drawn by a hash of the class's number, where a generator would have to draw
for all classes in one place. Holds no centres. Nothing here waits for the device: how many classes a process gets is
known from the labels, which the host has.
"""

from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from mien.train.compute.order import Indices, mix_seeds
from mien.train.compute.preprocess import send

BLOCK = 4096
"""Classes that are drawn from together; the place in it has 12 bits."""

PLACE_BITS = 12

MASK = 0xFFFFFFFF

IN_BATCH = 1 << 45
"""Lifts the classes of the batch above all others, whose numbers have 44 bits."""

Numbers = TypeVar("Numbers", int, Indices, Tensor)


def scramble(x: Numbers) -> Numbers:
    """A permutation of 32-bit numbers in int64 that looks random (Wellons' hash prospector, 21f0aaad 735a2d97)."""
    x = x ^ (x >> 16)
    x = (x * 0x21F0AAAD) & MASK
    x = x ^ (x >> 15)
    x = (x * 0x735A2D97) & MASK
    return x ^ (x >> 15)


def chances(classes: Numbers, key: int) -> Numbers:
    """Numbers of 44 bits that order classes at random, no two of a block alike.

    Args:
        classes: numbers of classes, int64.
        key: 63 bits of seed and step.
    """
    first = scramble(key & MASK)
    # Keys of neighbouring steps are alike, and unless they are scrambled, their draws are too even.
    second = scramble(first ^ (key >> 32))
    drawn = scramble(scramble((classes + first) & MASK) ^ second)
    return (drawn << PLACE_BITS) | (classes % BLOCK)


def choose_classes(
    shown: Indices, classes: int, rate: float, numbers: tuple[int, int], own: tuple[int, int], device: torch.device
) -> Tensor:
    """Choose the classes of a step that a process has.

    Args:
        shown: the classes of the whole batch, sorted, each once.
        classes: number of all classes.
        rate: share of the classes that take part; in a block of which the batch shows more, those alone take part.
        numbers: seed and step.
        own: first class of the process, and one past the last.
        device: where the choice is needed.

    Returns:
        (C,) int64 classes, sorted, counted from the first of the process; at least one.
    """
    first, last = own
    key = mix_seeds(*numbers)
    blocks = np.arange(first // BLOCK, -(-last // BLOCK))
    counts = np.bincount(shown // BLOCK, minlength=int(blocks[-1]) + 1)[blocks]
    quota = int(rate * BLOCK)
    whole = (blocks * BLOCK >= first) & ((blocks + 1) * BLOCK <= last) & (counts <= quota) & (quota > 0)
    here = [_choose_block(int(block), shown, classes, rate, key) for block in blocks[~whole]]
    found = np.concatenate([np.empty(0, np.int64), *here])
    found = found[(found >= first) & (found < last)]
    if not len(found) and not whole.any():
        # A process without a class would have nothing to compare with.
        found = np.array([first])
    parts = [send(found, device), _choose_whole(blocks[whole], shown, quota, key, device)]
    return (torch.cat(parts) - first).sort().values


def _choose_block(block: int, shown: Indices, classes: int, rate: float, key: int) -> Indices:
    """The classes of one block, on the host: the last block, one that processes share, or one with many shown."""
    every = np.arange(block * BLOCK, min((block + 1) * BLOCK, classes))
    own = shown[np.searchsorted(shown, every[0]) : np.searchsorted(shown, every[-1], side="right")]
    wanted = max(1, int(rate * len(every)))
    if len(own) >= wanted:
        return own
    drawn = chances(every, key)
    drawn[own - every[0]] += IN_BATCH
    return every[np.argpartition(drawn, -wanted)[-wanted:]]


def _choose_whole(blocks: Indices, shown: Indices, quota: int, key: int, device: torch.device) -> Tensor:
    """The classes of whole blocks that one process has, on its device."""
    if not len(blocks):
        return torch.empty(0, dtype=torch.int64, device=device)
    row = np.searchsorted(blocks, shown // BLOCK)
    inside = (row < len(blocks)) & (blocks[np.minimum(row, len(blocks) - 1)] == shown // BLOCK)
    lifted = send((row * BLOCK + shown % BLOCK)[inside], device)
    start = send(blocks * BLOCK, device)[:, None]
    drawn = chances(start + torch.arange(BLOCK, device=device), key)
    drawn.view(-1)[lifted] += IN_BATCH
    return (start + torch.topk(drawn, quota, dim=1).indices).flatten()
