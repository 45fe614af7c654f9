"""Visits of unknown people in groups of one person each, by average linkage as `mien cluster` does. Names nobody."""

from collections.abc import Sequence

import numpy as np

from mien.cluster.linkage import as_linkage, average_linkage, linkage_vectors
from mien.cluster.strictness import strictness
from mien.errors import CardError
from mien.models.card import ModelCard
from mien.settings import load_settings
from mien.types import Floats


def group_visits(visits: Sequence[Floats], card: ModelCard) -> list[list[int]]:
    """Put visits of one person together, by average linkage as `mien cluster` does.

    Args:
        visits: the embeddings of each, (N, D) float32 of the card's model, at least one.
        card: whose thresholds say how alike visits have to be; where it has too few, each visit is alone.

    Returns:
        Places of visits: those of each person, in order of their first.
    """
    if not visits:
        return []
    assert card.embedding is not None
    settings, metric = load_settings(), card.embedding.metric
    try:
        strict = strictness(card, len(visits), settings.verification_fmr, settings.group)
    except CardError:
        return [[place] for place in range(len(visits))]
    start = np.repeat(np.arange(len(visits)), [len(one) for one in visits])
    vectors = linkage_vectors(np.concatenate(visits), metric)
    # Faces of one visit are of one person, and no two others are known to be of different ones.
    owner = average_linkage(vectors, np.arange(len(start)), as_linkage(strict.found, metric), start=start)
    groups = dict[int, list[int]]()
    for place in range(len(visits)):
        groups.setdefault(int(owner[np.flatnonzero(start == place)[0]]), []).append(place)
    return list(groups.values())
