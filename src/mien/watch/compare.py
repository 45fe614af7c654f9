"""Compares a track as a whole: with a gallery, and with other tracks. Sets no threshold and collects no samples.

The score of a track is the mean of its samples' scores. An average of exchangeable scores is smaller in convex order
than one of them (Jensen), so strangers reach a threshold above the bulk of their scores no more often with the mean
than with a single sample, for which the threshold was measured. An average of embeddings that is brought to unit
length again has no such property: it raises everybody's scores (benchmarks/results/tracks.json has both).
"""

from collections.abc import Sequence

import numpy as np

from mien.errors import ContractError
from mien.gallery.decide import Candidate, Identification, accepts, identify
from mien.gallery.gallery import Gallery
from mien.gallery.scoping import recall_doubts
from mien.scores import normalize, score_all, similarity
from mien.types import Floats, Score, Threshold
from mien.units import UNIT_OF, ModelMetric

SHORTLIST = 10
"""Subjects that are looked up by the mean embedding and then compared with every sample."""


def track_score(samples: Floats, enrolled: Floats, metric: ModelMetric) -> float:
    """The mean over the samples of the score with the most similar of some embeddings.

    Args:
        samples: (N, D) float32 of a track.
        enrolled: (M, D) float32 of one person.
        metric: of the recognizer.

    Returns:
        In the metric's unit.
    """
    alike = similarity(score_all(samples, enrolled, metric), metric).max(axis=1)
    return float(similarity(float(alike.mean()), metric))


def identify_track(
    gallery: Gallery, samples: Floats, threshold: Threshold, *, count: int = 3, ignore_doubts: bool = False
) -> Identification:
    """Decide who a track is.

    Args:
        gallery: is open.
        samples: (N, D) float32 of the gallery's recognizer, at least one.
        threshold: what decides.
        count: maximum number of candidates.
        ignore_doubts: whether it does not matter what was doubtful of the best subject's sample when it was enrolled.

    Raises:
        ContractError: the threshold was measured for another model than the gallery's.
    """
    identity = gallery.store.identity
    if threshold.contract != identity.contract:
        raise ContractError(
            f"the threshold was measured with contract {threshold.contract}, the gallery has {identity.contract}: "
            f"use {identity.model}"
        )
    query = samples.mean(axis=0, keepdims=True)
    (found,) = gallery.search(normalize(query) if identity.metric == "cosine" else query, max(count, SHORTLIST))
    rescored = [_rescored(gallery, samples, one) for one in found]
    candidates = sorted(
        (one for one in rescored if one is not None),
        key=lambda one: -similarity(one.score.value, identity.metric),
    )[:count]
    best = candidates[0].sample if candidates else None
    kept = () if best is None or ignore_doubts else gallery.store.doubts(np.array([best], np.int64)).get(best, ())
    return identify(candidates, threshold, enrolled=recall_doubts(kept, threshold))


def _rescored(gallery: Gallery, samples: Floats, candidate: Candidate) -> Candidate | None:
    """A candidate with the score of the whole track; None where the subject was removed in the meantime."""
    identity = gallery.store.identity
    enrolled = gallery.store.subject_embeddings(candidate.subject_id)
    if not len(enrolled):
        return None
    score = Score(track_score(samples, enrolled, identity.metric), UNIT_OF[identity.metric], identity.contract)
    return Candidate(candidate.subject, score, candidate.sample, candidate.subject_id)


def most_alike(
    samples: Floats, others: Sequence[Floats], metric: ModelMetric, threshold: Threshold
) -> tuple[int, float] | None:
    """Which of several tracks is the same face as some samples.

    Args:
        samples: (N, D) float32.
        others: the samples of each other track.
        metric: of the recognizer.
        threshold: from which on two tracks show one person.

    Returns:
        Its place and its score; None where none reaches the threshold.
    """
    scores = [track_score(samples, other, metric) for other in others]
    if not scores:
        return None
    best = int(np.argmax([similarity(score, metric) for score in scores]))
    reached = accepts(Score(scores[best], UNIT_OF[metric], threshold.contract), threshold)
    return (best, scores[best]) if reached else None
