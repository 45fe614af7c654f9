"""Protocols for a model that is a function of crops: a network in training, an exported file, anything.

A training loop hands in `embed(crops)` and gets the same numbers as `mien evaluate` gives for the exported model.
Opens no model and no engine.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import numpy as np

from mien.data.bins import VerificationBin
from mien.data.pairs import numbered_pairs
from mien.errors import ManifestError
from mien.evaluate.scorefile import Embedded, Origin, require_usable
from mien.evaluate.verification import FoldedAccuracy, ScoredPairs, folded_accuracy, squared_l2_grid
from mien.image import decode
from mien.scores import score_pairs
from mien.types import Floats, Image, Metric, floats

Embed = Callable[[Image], Floats]
"""(N, size, size, 3) uint8 RGB crops to (N, D) float32 embeddings."""

BATCH = 128


def embed_all(embed: Embed, crops: Iterable[Image], batch: int = BATCH) -> Floats:
    """Embed crops in batches: (N, D) float32; the last batch may be smaller."""
    queue, parts = iter(crops), []
    while some := list(islice(queue, batch)):
        parts.append(floats(embed(np.stack(some))))
    return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)


def embedded_by(
    embed: Embed,
    crops: Iterable[Image],
    subjects: Sequence[str],
    metric: Metric = "cosine",
    name: str = "in training",
) -> Embedded:
    """Embed a set for any protocol of mien.evaluate.protocols.

    Args:
        embed: the model.
        crops: (size, size, 3) uint8 RGB each, such as Pack.crops.
        subjects: one name for each crop.
        metric: how the embeddings are compared.
        name: of the model, for the report.

    Raises:
        ManifestError: another number of crops than of subjects, or an embedding that cannot be compared.
    """
    return embedded_of(embed_all(embed, crops), subjects, metric, name)


def embedded_of(
    vectors: Floats, subjects: Sequence[str], metric: Metric = "cosine", name: str = "in training"
) -> Embedded:
    """Embeddings that are there already, for any protocol; see embedded_by.

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
    origin = Origin("in training", name, metric, metric == "cosine", "", name)
    return Embedded(vectors, tuple(subjects), places, (-1,) * len(vectors), places, {}, ("",) * len(vectors), origin)


def bin_accuracy(
    embed: Embed, pairs: VerificationBin, *, mirror: bool = True, published_grid: bool = True
) -> FoldedAccuracy:
    """Accuracy over ten folds on a `.bin` set, as the field reports it while training.

    Args:
        embed: the model; embeddings are compared by cosine.
        pairs: see mien.data.bins.
        mirror: whether the embeddings of a crop and of its mirror image are added, as published numbers do.
        published_grid: whether thresholds come from the grid of squared distances that published numbers used.
    """
    crops = (decode(data, f"image {index}").image for index, data in enumerate(pairs.images))
    vectors = embed_all(mirrored(embed) if mirror else embed, crops)
    scores = score_pairs(vectors[0::2], vectors[1::2], "cosine")
    folds = np.array([pair.fold for pair in numbered_pairs(pairs.mated.tolist())])
    listed = ScoredPairs(scores, pairs.mated, folds, np.full((len(scores), 2), -1))
    return folded_accuracy(listed, squared_l2_grid() if published_grid else None)


def mirrored(embed: Embed) -> Embed:
    """A model that adds the embedding of the mirror image to a crop's own."""
    return lambda batch: floats(embed(batch) + embed(np.ascontiguousarray(batch[:, :, ::-1])))
