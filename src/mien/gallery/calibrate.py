"""Thresholds measured on a set of subjects: chosen on one half of them, scored on the other.

Owns the protocol of a card's thresholds. Computes embeddings nowhere, decides nothing.
"""

from collections.abc import Sequence

import numpy as np

from mien.errors import GalleryError
from mien.models.card import ThresholdRow
from mien.rates import Comparisons, Indices, compare_all, fmr_at, fnmr_at, threshold_at
from mien.scores import UNIT_OF
from mien.types import Floats, Metric

RATES = (1e-2, 1e-3, 1e-4)
"""The false match rates that a card has thresholds for, where the data can show them."""


def calibrate(
    embeddings: Floats, subjects: Sequence[str], metric: Metric, data: str, rates: Sequence[float] = RATES
) -> list[ThresholdRow]:
    """Measure thresholds at false match rates.

    The subjects, sorted by name, are dealt alternately into two halves, so that no subject is in both. All
    non-mated pairs of the first half choose each threshold; all pairs of the second half score it.

    Args:
        embeddings: (N, D) float32.
        subjects: N names.
        metric: the model's.
        data: what the samples are, for the protocol.
        rates: false match rates; those that a half has fewer than 10 expected false matches for are left
            out, as nothing could be said about them.

    Raises:
        GalleryError: no rate can be measured on so few subjects.
    """
    names, numbers = np.unique(np.asarray(subjects), return_inverse=True)
    halves = [_half(embeddings, numbers, parity, metric, max(rates)) for parity in (0, 1)]
    rows = [
        _row(
            halves,
            rate,
            metric,
            f"{data}; chosen on {(len(names) + 1) // 2} subjects, scored on {len(names) // 2} others",
        )
        for rate in rates
        if all(half is not None and rate * half.nonmated >= 10 for half in halves)
    ]
    if not rows:
        raise GalleryError(
            f"{len(names)} subjects are too few for a threshold at a false match rate of {max(rates):g}: "
            f"at least {_needed(max(rates))} are needed"
        )
    return rows


def _needed(rate: float) -> int:
    """Subjects with one sample each, whose halves have 10 expected false matches."""
    return 2 * int(np.ceil((1 + np.sqrt(1 + 80 / rate)) / 2))


def _half(embeddings: Floats, numbers: Indices, parity: int, metric: Metric, worst: float) -> Comparisons | None:
    chosen = numbers % 2 == parity
    if len(np.unique(numbers[chosen])) < 2:
        return None
    return compare_all(embeddings[chosen], numbers[chosen] // 2, metric, worst_fmr=min(1.0, worst * 10))


def _row(halves: Sequence[Comparisons | None], rate: float, metric: Metric, protocol: str) -> ThresholdRow:
    choosing, scoring = halves
    assert choosing is not None and scoring is not None
    value = threshold_at(choosing, rate)
    false_match, false_non_match = fmr_at(scoring, value), fnmr_at(scoring, value)
    mated = false_non_match.comparisons > 0
    return ThresholdRow(
        value=round(value, 5),
        unit=UNIT_OF[metric],
        fmr=rate,
        fmr_interval=(_short(false_match.low), _short(false_match.high)),
        fnmr=_short(false_non_match.value) if mated else None,
        fnmr_interval=(_short(false_non_match.low), _short(false_non_match.high)) if mated else None,
        protocol=protocol,
    )


def _short(value: float) -> float:
    return float(f"{value:.3g}")
