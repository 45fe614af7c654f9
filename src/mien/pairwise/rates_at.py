"""FMR and FNMR of all comparisons of a set at a threshold, with intervals by subject; and the threshold for an FMR.

Thresholds are in the metric's unit. Among the comparisons that were kept, counts are exact; below them the histogram
is interpolated, whose bins are a sixteenth of a standard deviation wide. Says nothing of which rates a set can show.
"""

import numpy as np
from numpy.typing import NDArray

from mien.pairwise.all_pairs import PairStatistics
from mien.pairwise.score_blocks import BINS
from mien.rates import Estimate, PairCounts, rate_of_pairs, rate_of_subjects
from mien.types import Floats


def threshold_at(pairs: PairStatistics, fmr: float) -> float:
    """The loosest threshold whose false match rate is at most `fmr`, in the metric's unit.

    Among the kept comparisons it is half way between the last that may match and the first that may not.

    Raises:
        ValueError: there are too few non-mated comparisons to have a single match at that rate.
    """
    allowed = int(fmr * pairs.nonmated + 1e-9)
    if allowed < 1:
        raise ValueError(f"{pairs.nonmated} non-mated comparisons cannot show a false match rate of {fmr:g}")
    if allowed < len(pairs.tail):
        return pairs.value(place_between(pairs.tail, allowed))
    above = counts_above(pairs.histogram.sum(axis=0))
    # It falls from bin to bin; the place where it crosses the wanted count, counted in bins.
    place = float(np.interp(-float(fmr * pairs.nonmated), -above, np.arange(BINS + 1)))
    return pairs.value(pairs.low + (place - 1) * pairs.width)


def place_between(scores: Floats, allowed: int) -> float:
    """The loosest threshold that accepts at most so many scores; between two of them, never on one.

    Args:
        scores: (K,) similarities, best first; more than `allowed`.
        allowed: how many may be accepted. Of equal scores all or none are.
    """
    while allowed and scores[allowed - 1] == scores[allowed]:
        allowed -= 1
    if not allowed:
        return float(np.nextafter(scores[0], np.float32(np.inf)))
    return (float(scores[allowed - 1]) + float(scores[allowed])) / 2


def counts_above(histogram: NDArray[np.int64]) -> NDArray[np.float64]:
    """(..., 257) comparisons at or above the lower edge of each bin."""
    counts = np.cumsum(histogram[..., ::-1], axis=-1)[..., ::-1]
    return np.concatenate([counts, np.zeros((*counts.shape[:-1], 1), counts.dtype)], axis=-1).astype(np.float64)


def count_at(above: NDArray[np.float64], pairs: PairStatistics, similarity: float) -> NDArray[np.float64]:
    """`above` at any similarity, interpolated."""
    place = np.clip((similarity - pairs.low) / pairs.width + 1, 0, BINS)
    whole = min(int(place), BINS - 1)
    part = place - whole
    return np.asarray(above[..., whole] * (1 - part) + above[..., whole + 1] * part, np.float64)


def fmr_at(pairs: PairStatistics, threshold: float) -> Estimate:
    """The false match rate at a threshold in the metric's unit, with its interval by subject."""
    similarity = pairs.similarity(threshold)
    who, samples = kept_matches(pairs, similarity)
    total, comparisons = float(pairs.nonmated), comparisons_of(samples)
    if not total:
        return Estimate(float("nan"), 0.0, 1.0, 0)
    if not is_kept(pairs, similarity):
        return _in_bulk(pairs, similarity, comparisons, len(samples))
    return rate_of_pairs(count_matches(who, samples, comparisons, total))


def kept_matches(pairs: PairStatistics, similarity: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(K, 2) the subjects of each kept comparison that is accepted, and (S,) the samples of each subject."""
    _, dense = np.unique(pairs.subjects, return_inverse=True)
    return dense[pairs.tail_samples[: accepted(pairs, similarity)]], np.bincount(dense).astype(np.float64)


def comparisons_of(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """(S,) non-mated comparisons in which each subject takes part, by its samples."""
    return np.asarray(samples * (samples.sum() - samples), np.float64)


def is_kept(pairs: PairStatistics, similarity: float) -> bool:
    """Whether all non-mated comparisons that a threshold accepts are among the kept ones."""
    return len(pairs.tail) == pairs.nonmated or similarity > pairs.bound


def accepted(pairs: PairStatistics, similarity: float) -> int:
    """How many of the kept comparisons are accepted; in double precision, as a threshold is between scores."""
    return int(np.searchsorted(-pairs.tail, -np.float64(similarity), side="right"))


def count_matches(
    who: NDArray[np.int64], samples: NDArray[np.float64], comparisons: NDArray[np.float64], total: float
) -> PairCounts:
    """Matches and comparisons of some subjects.

    Args:
        who: (K, 2) subjects of each match.
        samples: (S,) samples of each subject.
        comparisons: (S,) comparisons in which each subject takes part.
        total: comparisons in all.
    """
    share = len(who) / total
    return PairCounts(
        subjects=len(samples),
        total=total,
        wrong=len(who),
        matches=np.bincount(who.reshape(-1), minlength=len(samples)).astype(np.float64),
        comparisons=comparisons,
        by_pair=squares(who, np.ones(len(who)), share, samples),
    )


def squares(who: NDArray[np.int64], worth: NDArray[np.float64], rate: float, samples: NDArray[np.float64]) -> float:
    """Sum over pairs of subjects of r^2, where r is what the pair's matches are worth less what is expected.

    Args:
        who: (K, 2) subjects of each match.
        worth: (K,) what each counts.
        rate: what each comparison is expected to count.
        samples: (S,) samples of each subject.
    """
    subjects = len(samples)
    key = np.minimum(who[:, 0], who[:, 1]) * subjects + np.maximum(who[:, 0], who[:, 1])
    found, place = np.unique(key, return_inverse=True)
    each = np.bincount(place, worth, minlength=len(found))
    expected = samples[found // subjects] * samples[found % subjects]
    everywhere = (float((samples**2).sum()) ** 2 - float((samples**4).sum())) / 2
    return float((each**2).sum()) - 2 * rate * float((each * expected).sum()) + rate**2 * everywhere


def _in_bulk(pairs: PairStatistics, similarity: float, comparisons: NDArray[np.float64], subjects: int) -> Estimate:
    """Counts from the histogram; how much subjects differ, from those that were drawn."""
    total = float(pairs.nonmated)
    wrong = float(count_at(counts_above(pairs.histogram.sum(axis=0)), pairs, similarity))
    share = wrong / total
    drawn = np.searchsorted(np.unique(pairs.subjects), pairs.drawn)
    return rate_of_pairs(
        PairCounts(
            subjects=subjects,
            total=total,
            wrong=wrong,
            matches=count_at(counts_above(pairs.drawn_histogram), pairs, similarity),
            comparisons=comparisons[drawn],
            by_pair=total * share * (1 - share),
        )
    )


def fnmr_at(pairs: PairStatistics, threshold: float) -> Estimate:
    """The false non-match rate at a threshold in the metric's unit, with its interval by subject."""
    return rate_of_subjects(*misses_by_subject(pairs, threshold))


def misses_by_subject(pairs: PairStatistics, threshold: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(S,) false non-matches and mated comparisons of each subject, in the order of the subjects' numbers."""
    _, dense = np.unique(pairs.subjects, return_inverse=True)
    owner, subjects = dense[pairs.mated_samples[:, 0]], int(dense.max()) + 1
    missed = pairs.mated < np.float64(pairs.similarity(threshold))
    return np.bincount(owner[missed], minlength=subjects), np.bincount(owner, minlength=subjects)
