"""Closed-set searches by rank, image by image, as published for TinyFace. Opens no image.

A search is a hit at rank k where one of the k most similar images of the gallery shows the person. Searches in which
several images of one other person are more similar count each of them, unlike mien.evaluate.searches, which ranks
people.
"""

from collections.abc import Sequence

import numpy as np

from mien.rates import Estimate, Indices, rate_of_subjects
from mien.scores import score_all, similarity
from mien.types import Floats
from mien.units import Metric

BLOCK = 128
"""Searches that are scored together: against 160,000 images they take 80 MB."""
NOWHERE = np.iinfo(np.int64).max
"""The rank of a search whose person is not in the gallery."""


def ranks(probes: Floats, people: Indices, gallery: Floats, owners: Indices, metric: Metric) -> Indices:
    """How many images of others are at least as similar as the most similar image of the person.

    Args:
        probes: (P, D) float32.
        people: (P,) numbers of who searches.
        gallery: (G, D) float32.
        owners: (G,) numbers of who is shown; -1 for distractors.
        metric: cosine or l2.

    Returns:
        (P,) 0 where the person comes first; NOWHERE where they are not in the gallery.
    """
    found = np.full(len(probes), NOWHERE)
    for first in range(0, len(probes), BLOCK):
        part = slice(first, first + BLOCK)
        similar = similarity(score_all(probes[part], gallery, metric), metric)
        own = people[part][:, None] == owners[None, :]
        best = np.where(own, similar, -np.inf).max(axis=1)
        better = ((similar >= best[:, None]) & ~own).sum(axis=1)
        found[part] = np.where(np.isfinite(best), better, NOWHERE)
    return found


def hits_at(rank: Indices, people: Indices, wanted: Sequence[int]) -> dict[int, Estimate]:
    """The share of searches that find their person among the first k images, for each k, by subject."""
    who = np.unique(people, return_inverse=True)[1]
    trials = np.bincount(who)
    return {k: rate_of_subjects(np.bincount(who, rank < k), trials) for k in wanted}
