"""The most similar non-mated comparisons so far, kept while threads compare all others. Compares nothing itself."""

import threading
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mien.rates import Indices
from mien.types import Floats


@dataclass(slots=True, kw_only=True)
class BestPairs:
    """The most similar non-mated comparisons so far; shared by the threads.

    Attributes:
        keep: how many are wanted.
        bound: every comparison above this similarity is kept.
    """

    keep: int
    bound: float
    scores: list[Floats] = field(default_factory=list)
    pairs: list[NDArray[np.int32]] = field(default_factory=list)
    held: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, scores: Floats, pairs: NDArray[np.int32]) -> None:
        """Add comparisons: (K,) similarities and (K, 2) samples."""
        with self.lock:
            self.scores.append(scores)
            self.pairs.append(pairs)
            self.held += len(scores)
            if self.held > 3 * self.keep:
                self._prune()

    def _prune(self) -> None:
        scores, pairs = np.concatenate(self.scores), np.concatenate(self.pairs)
        limit = float(np.partition(scores, len(scores) - self.keep)[len(scores) - self.keep])
        # Ties with the limit go, so that everything above the bound is there.
        chosen = scores > limit
        self.bound = max(self.bound, limit)
        self.scores, self.pairs, self.held = [scores[chosen]], [pairs[chosen]], int(chosen.sum())

    def sorted(self) -> tuple[Floats, Indices]:
        """The similarities, best first, and which samples they compare."""
        # What is kept depends on all comparisons alone, not on the order in which they came.
        if self.held >= self.keep:
            self._prune()
        if not self.held:
            return np.empty(0, np.float32), np.empty((0, 2), np.int64)
        scores, pairs = np.concatenate(self.scores), np.concatenate(self.pairs).astype(np.int64)
        above = scores > self.bound
        scores, pairs = scores[above], pairs[above]
        # Threads finish in any order, so ties are put in the order of the samples.
        first = np.argsort(pairs[:, 0] << 32 | pairs[:, 1])
        order = first[np.argsort(-scores[first], kind="stable")]
        return scores[order], pairs[order]
