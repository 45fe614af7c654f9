"""Thresholds measured on a set of subjects: chosen on one half of them, scored on the other.

Owns the protocol of a card's thresholds. Computes embeddings nowhere, decides nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.errors import ManifestError
from mien.evaluate.wording import message
from mien.messages import Message
from mien.models.card import ThresholdRow
from mien.pairwise.all_pairs import PairStatistics, compare_all
from mien.pairwise.operating_points import SHOWN_BY, can_show, subjects_needed
from mien.pairwise.rates_at import fmr_at, fnmr_at, threshold_at
from mien.pairwise.strata import StratumRow, strata_at
from mien.rates import Estimate, Indices
from mien.types import Floats
from mien.units import Metric, threshold_unit

Halves = tuple[PairStatistics, PairStatistics]
"""The half that chooses, and the half that scores."""

RATES = (1e-2, 1e-3, 1e-4)
"""The false match rates that a card has thresholds for, where the data can show them."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Measured thresholds.

    Attributes:
        rows: one for each false match rate, loosest first.
        strata: for each of them, the false match rate within and between strata on the scored half; empty where
            there is one stratum.
        refused: the rates that the data cannot show, each with a sentence.
        subjects: how many chose, and how many scored.
        usual: where the worst group chose, the thresholds for everybody at the same rates, for comparison.
        unheard: where the worst group chose, the rates and groups that are too small to show them.
    """

    rows: tuple[ThresholdRow, ...]
    strata: tuple[tuple[StratumRow, ...], ...]
    refused: dict[float, Message]
    subjects: tuple[int, int]
    usual: tuple[ThresholdRow, ...] = ()
    unheard: tuple[tuple[float, str], ...] = ()


def choose_thresholds(
    embeddings: Floats,
    subjects: Sequence[str],
    metric: Metric,
    data: str,
    rates: Sequence[float] = RATES,
    strata: Sequence[str] | None = None,
    *,
    for_worst: bool = False,
) -> Calibration:
    """Measure thresholds at false match rates.

    The subjects are dealt into two halves at random, so that no subject is in both; see halves_of. All
    non-mated comparisons of the first half choose each threshold; all comparisons of the second half score it.

    Args:
        embeddings: (N, D) float32.
        subjects: N names.
        metric: the model's.
        data: what the samples are, for the protocol.
        rates: false match rates; those that lead a half to expect fewer than 10 false matches are refused, as
            nothing could be said about them.
        strata: N names of strata, or None.
        for_worst: whether each threshold is the one for the stratum that needs the strictest, of those that can show
            the rate on their own; it is chosen and scored within that stratum.

    Raises:
        ManifestError: no rate can be measured on so few subjects, or there are no strata to choose for.
    """
    if for_worst and not strata:
        raise ManifestError(f"{data}: no groups are known, so there is no worst one; give a manifest with a column")
    names, numbers = np.unique(np.asarray(subjects), return_inverse=True)
    if len(names) < 4:
        raise ManifestError(f"{data}: {len(names)} subjects cannot be halved and compared; give at least 4")
    side = halves_of(len(names))[numbers]
    halves = (
        _half(embeddings, numbers, side == 0, metric, strata),
        _half(embeddings, numbers, side == 1, metric, strata),
    )
    groups = _groups(embeddings, numbers, side, metric, strata, data) if for_worst and strata else {}
    deciding = _deciding(groups, rates) if groups else halves
    refused = {rate: _refusal(deciding, rate) for rate in rates if not _shown(deciding, rate)}
    shown = sorted((rate for rate in rates if rate not in refused), reverse=True)
    if not shown:
        raise ManifestError(f"{data}: {refused[max(rates)].text('en')}")
    sizes = (len(names) + 1) // 2, len(names) // 2
    protocol = f"{data}; chosen on {sizes[0]} subjects, scored on {sizes[1]} others"
    usual = [_row(*halves, rate, protocol) for rate in shown if _shown(halves, rate)]
    rows = [_worst_row(groups, halves[1], rate, protocol) for rate in shown] if groups else usual
    crossed = tuple(tuple(strata_at(halves[1], row.value)) if strata else () for row in rows)
    written = tuple(_crossed(row, found) for row, found in zip(rows, crossed, strict=True))
    if not groups:
        return Calibration(written, crossed, refused, sizes)
    before = tuple(_crossed(row, strata_at(halves[1], row.value)) for row in usual)
    unheard = tuple((rate, name) for rate in shown for name, each in groups.items() if not _shown(each, rate))
    return Calibration(written, crossed, refused, sizes, before, unheard)


def _deciding(groups: Mapping[str, Halves], rates: Sequence[float]) -> Halves:
    """The group that has to show a rate: the worst one at the loosest rate, else the largest.

    At a stricter rate that it is too small for, another group would choose, and a looser threshold.
    """
    loosest = max(rates)
    able = {name: halves for name, halves in groups.items() if _shown(halves, loosest)}
    if not able:
        return max(groups.values(), key=lambda halves: halves[0].nonmated)
    return able[_strictest(able, loosest)]


def _strictest(groups: Mapping[str, Halves], rate: float) -> str:
    """The group that needs the strictest threshold for a rate."""
    needed = {name: choosing.similarity(threshold_at(choosing, rate)) for name, (choosing, _) in groups.items()}
    return max(needed, key=lambda name: needed[name])


def _shown(halves: Halves, rate: float) -> bool:
    return all(can_show(half, rate) for half in halves)


def _groups(
    embeddings: Floats, numbers: Indices, side: Indices, metric: Metric, strata: Sequence[str], data: str
) -> dict[str, Halves]:
    """The two halves of each stratum, of those with enough samples to compare at all."""
    stratum = np.asarray(strata)
    found = {
        str(name): (
            _half(embeddings, numbers, (side == 0) & (stratum == name), metric, None),
            _half(embeddings, numbers, (side == 1) & (stratum == name), metric, None),
        )
        for name in np.unique(stratum)
        if all(((side == half) & (stratum == name)).sum() > 1 for half in (0, 1))
    }
    if not found:
        raise ManifestError(f"{data}: no group has two samples in both halves; give more people of each")
    return found


def _worst_row(groups: Mapping[str, Halves], everybody: PairStatistics, rate: float, protocol: str) -> ThresholdRow:
    """The threshold of the stratum that needs the strictest one, with its price for everybody."""
    able = {name: halves for name, halves in groups.items() if _shown(halves, rate)}
    worst = _strictest(able, rate)
    row = _row(*able[worst], rate, f"{protocol}; chosen and scored within the group {worst}, FNMR of everybody")
    missed = fnmr_at(everybody, row.value)
    known = missed.count > 0
    price = {
        "fnmr": _short(missed.value) if known else None,
        "fnmr_interval": _ends(missed) if known else None,
    }
    return row.model_copy(update={"group": worst, **price})


def _crossed(row: ThresholdRow, found: Sequence[StratumRow]) -> ThresholdRow:
    """A row with the rates within and between those strata that have enough people for an interval."""
    known = {f"{one.a} | {one.b}": (_short(one.fmr.value), *ends) for one in found if (ends := _ends(one.fmr))}
    return row.model_copy(update={"strata": known or None})


def _ends(rate: Estimate) -> tuple[float, float] | None:
    return None if rate.interval is None else (_short(rate.interval[0]), _short(rate.interval[1]))


def halves_of(subjects: int) -> Indices:
    """Which half each subject is in: 0 chooses, 1 scores. The same for the same number of subjects.

    Names often alternate in something (a man, a woman), so they are not dealt in their order.
    """
    order = np.random.default_rng(0).permutation(subjects)
    side = np.empty(subjects, np.int64)
    side[order] = np.arange(subjects) % 2
    return side


def _refusal(halves: Sequence[PairStatistics], rate: float) -> Message:
    fewest = min(half.nonmated for half in halves)
    more = 2 * max(subjects_needed(half, rate) for half in halves)
    return message("calibration.refused", rate=float(rate), comparisons=fewest, expected=SHOWN_BY, more=more)


def _half(
    embeddings: Floats, numbers: Indices, inside: NDArray[np.bool_], metric: Metric, strata: Sequence[str] | None
) -> PairStatistics:
    chosen = np.flatnonzero(inside)
    names = [strata[index] for index in chosen.tolist()] if strata else None
    return compare_all(embeddings[chosen], numbers[chosen], metric, strata=names)


def _row(choosing: PairStatistics, scoring: PairStatistics, rate: float, protocol: str) -> ThresholdRow:
    value = threshold_at(choosing, rate)
    false_match, false_non_match = fmr_at(scoring, value), fnmr_at(scoring, value)
    mated = false_non_match.count > 0
    return ThresholdRow(
        value=round(value, 5),
        unit=threshold_unit(scoring.metric),
        fmr=rate,
        fmr_interval=_ends(false_match),
        fmr_measured=_short(false_match.value),
        fnmr=_short(false_non_match.value) if mated else None,
        fnmr_interval=_ends(false_non_match) if mated else None,
        missing_people=max(false_match.missing, false_non_match.missing if mated else 0) or None,
        protocol=protocol,
    )


def _short(value: float) -> float:
    return float(f"{value:.3g}")
