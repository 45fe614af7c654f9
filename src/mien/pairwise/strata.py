"""False match rates within and between strata (groups of people) at a threshold. Chooses no threshold."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.pairwise.all_pairs import PairStatistics
from mien.pairwise.rates_at import accepted, count_at, counts_above, is_kept, match_sums
from mien.rates import Estimate, PairSums, rate_of_pairs

SPREAD = 0.25
"""Squared relative deviation of false match rates among subjects, where it is not known whose the matches are."""


@dataclass(frozen=True, slots=True)
class StratumRow:
    """Non-mated comparisons between two strata at a threshold."""

    a: str
    b: str
    fmr: Estimate


def strata_at(pairs: PairStatistics, threshold: float) -> list[StratumRow]:
    """The false match rate within and between strata; intervals take each stratum's subjects as drawn."""
    similarity = pairs.similarity(threshold)
    rows = []
    exact = is_kept(pairs, similarity)
    count = accepted(pairs, similarity)
    hit = np.sort(pairs.stratum[pairs.tail_samples[:count]], axis=1)
    for index, (a, b) in enumerate(pairs.pair_of):
        total = int(pairs.histogram[index].sum())
        if not total:
            continue
        chosen = (hit[:, 0] == a) & (hit[:, 1] == b)
        wrong = (
            float(chosen.sum()) if exact else float(count_at(counts_above(pairs.histogram[index]), pairs, similarity))
        )
        rate = _stratum_rate(pairs, (a, b), pairs.tail_samples[:count][chosen], wrong, total, exact=exact)
        rows.append(StratumRow(pairs.strata[a], pairs.strata[b], rate))
    return rows


def _stratum_rate(
    pairs: PairStatistics, pair: tuple[int, int], who: NDArray[np.int64], wrong: float, total: int, *, exact: bool
) -> Estimate:
    inside = np.isin(pairs.stratum, pair)
    names, owner = np.unique(pairs.subjects[inside], return_inverse=True)
    samples = np.stack([np.bincount(owner, pairs.stratum[inside] == s, minlength=len(names)) for s in pair])
    others = samples.sum(axis=1, keepdims=True) - samples
    comparisons = samples[0] * others[1] + (samples[1] * others[0] if pair[0] != pair[1] else 0)
    share = wrong / total
    if exact:
        return rate_of_pairs(
            match_sums(np.searchsorted(names, pairs.subjects[who]), samples.max(axis=0), comparisons, float(total))
        )
    # Nobody knows whose the matches are; each subject's are taken to vary as widely as their number.
    by_subject = float(((share * comparisons) ** 2).sum()) * SPREAD
    return rate_of_pairs(
        PairSums(
            subjects=len(names),
            total=float(total),
            wrong=wrong,
            by_subject=by_subject,
            by_pair=total * share * (1 - share),
            involved=len(names),
        )
    )
