"""The order of the crops of an epoch: natural, capped per class, or balanced over classes. Reads no crop."""

import numpy as np

from mien.data.pack import STRETCH
from mien.train.compute.order import Indices

MIXED = 32
"""Stretches of a pack that are shuffled together: about 250 MB of crops, which the system keeps in memory."""


def mixed(chosen: Indices, generator: np.random.Generator) -> Indices:
    """A random order in which neighbours come from a few stretches, so that a disk reads on.

    A pack's own order is random already; its stretches are dealt into groups, and each group is shuffled.
    """
    stretches = [chosen[first : first + STRETCH] for first in range(0, len(chosen), STRETCH)]
    dealt = generator.permutation(len(stretches))
    groups = [dealt[first : first + MIXED] for first in range(0, len(dealt), MIXED)]
    return np.concatenate([generator.permutation(np.concatenate([stretches[i] for i in group])) for group in groups])


def capped(labels: Indices, limit: int, generator: np.random.Generator) -> Indices:
    """At most `limit` crops of each class, drawn at random, in their order."""
    shuffled = generator.permutation(len(labels))
    grouped = shuffled[np.argsort(labels[shuffled], kind="stable")]
    counts = np.bincount(labels)
    rank = np.arange(len(grouped)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.sort(grouped[rank < limit])


def balanced(labels: Indices, generator: np.random.Generator) -> Indices:
    """As many draws as there are crops: each draws a class, then one of its crops."""
    grouped = np.argsort(labels, kind="stable")
    counts = np.bincount(labels)
    starts = np.cumsum(counts) - counts
    drawn = generator.integers(0, len(counts), len(labels))
    return np.asarray(grouped[starts[drawn] + (generator.random(len(labels)) * counts[drawn]).astype(np.int64)])
