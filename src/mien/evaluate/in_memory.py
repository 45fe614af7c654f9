"""Protocols for a model that is a function of crops: a network in training, an exported file, anything.

A training loop hands in `embed(crops)` and gets the same numbers as `mien evaluate` gives for the exported model.
Opens no model and no engine.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import numpy as np

from mien.errors import ManifestError
from mien.evaluate.scorefile import Embedded, Origin, require_usable
from mien.types import Floats, Image, floats
from mien.units import Metric

Embed = Callable[[Image], Floats]
"""(N, size, size, 3) uint8 RGB crops to (N, D) float32 embeddings."""

BATCH = 128


def embed_all(embed: Embed, crops: Iterable[Image], batch: int = BATCH) -> Floats:
    """Embed crops in batches: (N, D) float32; the last batch may be smaller."""
    queue, parts = iter(crops), []
    while some := list(islice(queue, batch)):
        parts.append(floats(embed(np.stack(some))))
    return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)


def embedded_of(
    vectors: Floats, subjects: Sequence[str], metric: Metric = "cosine", name: str = "in training"
) -> Embedded:
    """Embeddings in memory as a set for any protocol.

    Args:
        vectors: (N, D) float32.
        subjects: one name for each; empty where it is not known.
        metric: how the embeddings are compared.
        name: of the model, for the report.

    Raises:
        ManifestError: another number of embeddings than of subjects, or one that cannot be compared.
    """
    if len(vectors) != len(subjects):
        raise ManifestError(f"{len(vectors)} crops came with {len(subjects)} subjects; give one for each")
    places = tuple(f"crop {index}" for index in range(len(vectors)))
    require_usable(vectors, places, metric)
    return Embedded(
        embeddings=vectors,
        subjects=tuple(subjects),
        paths=places,
        records=(-1,) * len(vectors),
        names=places,
        strata={},
        sha256=("",) * len(vectors),
        origin=Origin(
            contract="in training",
            model=name,
            metric=metric,
            normalized=metric == "cosine",
            detector="",
            source=name,
        ),
    )


def mirrored(embed: Embed) -> Embed:
    """A model that adds the embedding of the mirror image to a crop's own."""
    return lambda batch: floats(embed(batch) + embed(np.ascontiguousarray(batch[:, :, ::-1])))
