"""What the protocols' reports share: who was evaluated, charts and tables of error rates, pairs to look at."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np

from mien.errors import ManifestError
from mien.evaluate.all_pairs import PairStatistics
from mien.evaluate.operating_points import ErrorCurve, OperatingPoint, can_show, operating_points, subjects_needed
from mien.evaluate.rates_at import fmr_at, fnmr_at
from mien.evaluate.report import Chart, Number, PairRow, Pairs, Series, Subject, Table, describe, number, too_few
from mien.evaluate.score_blocks import BINS
from mien.evaluate.scorefile import Embedded
from mien.evaluate.strata import strata_at
from mien.models.card import ModelCard
from mien.rates import Indices
from mien.types import Floats
from mien.units import UNIT_OF

SHOWN_PAIRS = 24
ASKED = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
"""False match rates that a report speaks of, whether the set can show them or not."""


def made_with(seed: int | None = None) -> dict[str, str]:
    """What made the report."""
    made = {"mien": version("mien"), "numpy": np.__version__, "python": platform.python_version()}
    blas = os.environ.get("OPENBLAS_CORETYPE")
    if blas:
        made["OPENBLAS_CORETYPE"] = blas
    if seed is not None:
        made["seed"] = str(seed)
    return made


def about(embedded: Embedded) -> Subject:
    """Who was evaluated."""
    origin = embedded.origin
    return Subject(
        model=origin.model,
        contract=origin.contract,
        unit=UNIT_OF[origin.metric],
        source=origin.source,
        detector=origin.detector,
        samples=len(embedded),
        subjects=len(set(embedded.subjects)),
        not_embedded=dict(embedded.failed),
    )


def subject_numbers(embedded: Embedded, *, min_subjects: int = 2) -> Indices:
    """The subjects as numbers.

    Raises:
        ManifestError: a sample without a subject, or fewer subjects than the protocol needs.
    """
    if "" in embedded.subjects:
        first = embedded.subjects.index("")
        raise ManifestError(f"{embedded.names[first]} has no subject, and this protocol needs one")
    names, numbers = np.unique(np.asarray(embedded.subjects), return_inverse=True)
    if len(names) < min_subjects:
        raise ManifestError(
            f"{embedded.origin.source} has {len(names)} subjects with an embedding; at least {min_subjects} "
            "are needed"
        )
    return numbers.astype(np.int64)


def strata_of(embedded: Embedded) -> list[str] | None:
    """The stratum of each sample, its known columns crossed; None where the set knows none."""
    columns = [values for values in embedded.strata.values() if any(values)]
    if not columns:
        return None
    return [" ".join(value or "unknown" for value in row) for row in zip(*columns, strict=True)]


def duplicate_warnings(embedded: Embedded) -> list[str]:
    """Sentences on photographs that stand under two subjects, which make false non-mated comparisons."""
    first: dict[str, int] = {}
    clashes = []
    for index, digest in enumerate(embedded.sha256):
        earlier = first.setdefault(digest, index) if digest else index
        if embedded.subjects[earlier] != embedded.subjects[index]:
            clashes.append((earlier, index))
    if not clashes:
        return []
    a, b = clashes[0]
    return [
        f"{len(clashes)} photographs stand under two subjects, such as {embedded.paths[a]} ({embedded.subjects[a]}) "
        f"and {embedded.paths[b]} ({embedded.subjects[b]}): their comparisons count as non-mated and raise the false "
        "match rate; mend the set"
    ]


def point_numbers(points: Sequence[OperatingPoint], unit: str) -> dict[str, Number]:
    """threshold@, fmr@ and fnmr@ of each point."""
    numbers = {}
    for point in points:
        key = f"{point.wanted:.0e}"
        low, high = sorted(point.threshold_interval)
        numbers[f"threshold@{key}"] = Number(value=point.threshold, low=low, high=high, unit=unit)
        numbers[f"fmr@{key}"] = number(point.fmr)
        if point.fnmr is not None:
            numbers[f"fnmr@{key}"] = number(point.fnmr)
    return numbers


def points_table(pairs: PairStatistics, unit: str) -> tuple[list[OperatingPoint], Table]:
    """Thresholds at false match rates; rates that the set cannot show say what is missing."""
    points = operating_points(pairs)
    rows: list[tuple[str | float | int | None, ...]] = []
    for point in points:
        low, high = sorted(point.threshold_interval)
        rows.append(
            (
                f"{point.wanted:g}",
                f"{point.threshold:.4f} ({low:.4f} to {high:.4f})",
                describe(point.fmr),
                describe(point.fnmr),
            )
        )
    missing = [rate for rate in ASKED if not can_show(pairs, rate)]
    rows += [
        (f"{rate:g}", too_few(rate, pairs.nonmated, subjects_needed(pairs, rate)), None, None) for rate in missing[:1]
    ]
    return points, Table(
        title="Thresholds at false match rates",
        columns=("wanted FMR", f"threshold, {unit}", "FMR on this set", "FNMR on this set"),
        rows=tuple(rows),
        note="Intervals of 95% by subject. The threshold is chosen and scored on the same samples here: `mien "
        "evaluate calibrate` scores it on other subjects.",
    )


def card_table(pairs: PairStatistics, card: ModelCard | None, contract: str, *, mated: bool = True) -> Table | None:
    """What the thresholds on the model's card do on this set."""
    if card is None or not card.thresholds or card.contract != contract:
        return None
    rows = []
    for row in card.thresholds:
        fnmr = fnmr_at(pairs, row.value) if mated and len(pairs.mated) else None
        rows.append((f"{row.fmr:g}", f"{row.value:.4f}", describe(fmr_at(pairs, row.value)), describe(fnmr)))
    return Table(
        title="The card's thresholds on this set",
        columns=("FMR on the card", f"threshold, {UNIT_OF[pairs.metric]}", "FMR here", "FNMR here"),
        rows=tuple(rows),
        note=f"The card measured them on: {card.thresholds[0].protocol}.",
    )


def strata_table(pairs: PairStatistics, points: Sequence[OperatingPoint]) -> Table | None:
    """False match rates within and between strata at the strictest threshold that the set can show."""
    if len(pairs.strata) < 2 or not points:
        return None
    point = next((p for p in reversed(points) if p.wanted >= 1e-4), points[-1])
    rows = [(row.a, row.b, describe(row.fmr), row.fmr.count) for row in strata_at(pairs, point.threshold)]
    return Table(
        title=f"Strata, at the threshold for FMR {point.wanted:g} over all",
        columns=("stratum", "against", "FMR", "comparisons"),
        rows=tuple(rows),
        note="One threshold for all: a stratum with a higher rate is less well protected.",
    )


def score_chart(pairs: PairStatistics, points: Sequence[OperatingPoint], unit: str, *, mated: bool = True) -> Chart:
    """Histograms of non-mated and, where wanted, mated scores."""
    edges = pairs.low + np.arange(-1, BINS) * pairs.width
    counts = pairs.histogram.sum(axis=0).astype(np.float64)
    series = [_histogram("non-mated", edges, counts, pairs)]
    if mated and len(pairs.mated):
        low, high = float(min(pairs.mated.min(), edges[0])), float(max(pairs.mated.max(), edges[-1]))
        mated_counts, mated_edges = np.histogram(pairs.mated, 80, (low, high))
        series.append(_histogram("mated", mated_edges, mated_counts.astype(np.float64), pairs))
    marks = tuple((point.threshold, f"FMR {point.wanted:g}") for point in points[:4])
    return Chart(
        name="scores",
        title="Scores",
        kind="histogram",
        x_label=unit,
        y_label="density",
        series=tuple(series),
        marks=marks,
        caption="Densities; the dashed lines are the thresholds at false match rates.",
    )


def _histogram(name: str, edges: np.ndarray, counts: np.ndarray, pairs: PairStatistics) -> Series:
    """A histogram as densities, without the empty ends, in the metric's unit."""
    filled = np.flatnonzero(counts)
    first, last = (int(filled[0]), int(filled[-1]) + 1) if len(filled) else (0, len(counts))
    counts, edges = counts[first:last], edges[first : last + 1]
    density = counts / max(1.0, counts.sum()) / np.diff(edges)
    if pairs.metric == "l2":
        edges, density = -edges[::-1], density[::-1]
    return Series(name=name, x=tuple(edges.tolist()), y=tuple(density.tolist()))


def fmr_chart(curve: ErrorCurve, points: Sequence[OperatingPoint], unit: str, *, mated: bool) -> Chart:
    """Error rates against the threshold, with their bands."""
    x = tuple(curve.thresholds.tolist())
    series = [Series(name="FMR", x=x, y=_column(curve.fmr, 0), low=_column(curve.fmr, 1), high=_column(curve.fmr, 2))]
    if mated:
        series.append(
            Series(
                name="FNMR", x=x, y=_column(curve.fnmr, 0), low=_column(curve.fnmr, 1), high=_column(curve.fnmr, 2)
            )
        )
    return Chart(
        name="rates",
        title="Error rates against the threshold",
        kind="fmr",
        x_label=f"threshold, {unit}",
        y_label="rate",
        series=tuple(series),
        marks=tuple((point.threshold, f"FMR {point.wanted:g}") for point in points[:5]),
        caption="Bands of 95% by subject.",
    )


def _column(values: np.ndarray, index: int) -> tuple[float, ...]:
    return tuple(values[:, index].tolist())


def det_chart(curves: dict[str, ErrorCurve]) -> Chart:
    """Detection error trade-off: FNMR against FMR on normal-deviate axes."""
    return Chart(
        name="det",
        title="DET",
        kind="det",
        x_label="false match rate",
        y_label="false non-match rate",
        series=tuple(
            Series(
                name=name,
                x=_column(curve.fmr, 0),
                y=_column(curve.fnmr, 0),
                low=_column(curve.fnmr, 1),
                high=_column(curve.fnmr, 2),
            )
            for name, curve in curves.items()
        ),
        caption="Normal-deviate axes, so that normal scores give a straight line; the band is FNMR's.",
    )


def pair_row(embedded: Embedded, a: int, b: int, score: float, note: str = "") -> PairRow:
    """Two samples with where their pictures are; the score is in the metric's unit."""
    return PairRow(
        score=score,
        a=embedded.paths[a],
        b=embedded.paths[b],
        subject_a=embedded.subjects[a],
        subject_b=embedded.subjects[b],
        record_a=embedded.records[a],
        record_b=embedded.records[b],
        note=note,
    )


def pair_rows(embedded: Embedded, pairs: PairStatistics, scores: Floats, samples: Indices) -> list[PairRow]:
    """Pairs of all comparisons; those of one and the same file say so."""
    rows = []
    for score, (a, b) in zip(scores.tolist(), samples.tolist(), strict=True):
        same = embedded.sha256[a] and embedded.sha256[a] == embedded.sha256[b]
        rows.append(pair_row(embedded, a, b, pairs.value(score), "the same file" if same else ""))
    return rows


def most_similar(embedded: Embedded, pairs: PairStatistics, unit: str) -> Pairs:
    """The most similar non-mated pairs: people who are in the set twice, wrong labels, or look-alikes."""
    return Pairs(
        title="The most similar people",
        unit=unit,
        rows=tuple(pair_rows(embedded, pairs, pairs.tail[:SHOWN_PAIRS], pairs.tail_samples[:SHOWN_PAIRS])),
        note="Look at them: a person who is in the set under two names is no false match, and raises the rate.",
    )


def least_similar(embedded: Embedded, pairs: PairStatistics, unit: str) -> Pairs:
    """The least similar mated pairs: wrong labels, bad photographs, or what the model cannot do."""
    order = np.argsort(pairs.mated, kind="stable")[:SHOWN_PAIRS]
    return Pairs(
        title="The least similar pictures of one person",
        unit=unit,
        rows=tuple(pair_rows(embedded, pairs, pairs.mated[order], pairs.mated_samples[order])),
        note="Look at them: a wrong label is no false non-match, and raises the rate.",
    )
