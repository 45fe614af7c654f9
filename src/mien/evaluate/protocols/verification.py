"""The verification protocol: a list of pairs, with or without folds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from mien.data.pairs import Pair, read_pairs
from mien.data.sources.registry import own_pairs
from mien.errors import ManifestError
from mien.evaluate.distributions import decidability
from mien.evaluate.pair_lists import (
    FoldedAccuracy,
    ListPoint,
    Roc,
    ScoredPairs,
    area,
    equal_error_rate,
    folded_accuracy,
    list_points,
    pairs_needed,
    place_pairs,
    roc,
    squared_l2_grid,
)
from mien.evaluate.protocols import sections
from mien.evaluate.protocols.protocol import Option, Protocol
from mien.evaluate.report import Chart, Number, Pairs, Report, Series, Table, describe, number, share, thin
from mien.evaluate.scorefile import Embedded
from mien.scores import score_pairs, similarity
from mien.units import UNIT_OF


def score_list(embedded: Embedded, pairs: Sequence[Pair], source: str) -> tuple[ScoredPairs, np.ndarray]:
    """Score a list of pairs.

    Returns:
        The scores, and (P, 2) sample numbers, -1 where a sample has no embedding.

    Raises:
        ManifestError: a name that the set does not have.
    """
    wanted = [(pair.a, pair.b, f"{source}, pair {number}") for number, pair in enumerate(pairs, start=1)]
    failed = [name for name, _, _ in embedded.failures]
    places = place_pairs(embedded.names, failed, wanted, embedded.origin.source)
    known = (places >= 0).all(axis=1)
    scores = np.full(len(pairs), -np.inf, np.float32)
    a, b = embedded.embeddings[places[known, 0]], embedded.embeddings[places[known, 1]]
    values = score_pairs(a, b, embedded.origin.metric)
    scores[known] = similarity(values, embedded.origin.metric)
    numbers = np.unique(np.asarray(embedded.subjects), return_inverse=True)[1]
    unknown = np.array([not subject for subject in embedded.subjects])
    subjects = np.where(places >= 0, np.where(unknown[places], -1, numbers[places]), -1)
    truth = np.array([pair.mated for pair in pairs])
    folds = np.array([pair.fold for pair in pairs], np.int64)
    return ScoredPairs(scores, truth, folds, subjects.astype(np.int64)), places


def verification(
    embedded: Embedded,
    *,
    pairs: Annotated[
        Path | None, Option(help="List of pairs: LFW's pairs.txt, or CSV with the columns a, b, mated, fold.")
    ] = None,
    published_grid: Annotated[
        bool, Option(help="Choose thresholds from the grid that published accuracies used.")
    ] = False,
) -> Report:
    """Evaluate a list of pairs; a `.bin` set brings its own.

    Args:
        embedded: the samples.
        pairs: the file of the list; None takes the pairs of the `.bin` set that was embedded.
        published_grid: see evaluate_pairs.

    Raises:
        ManifestError: there is no list; see evaluate_pairs and mien.data.pairs.
    """
    listed = pairs_of(embedded.origin.source, pairs)
    name = pairs.name if pairs is not None else Path(embedded.origin.source).name
    return evaluate_pairs(embedded, listed, name, published_grid=published_grid)


def pairs_of(source: str, pairs: Path | None) -> list[Pair]:
    """The pairs of a file, or those that a verification set brings itself."""
    listed = read_pairs(pairs) if pairs is not None else own_pairs(Path(source))
    if listed is None:
        raise ManifestError(
            "--pairs is needed: LFW's pairs.txt, or a CSV with the columns a, b, mated and optionally fold"
        )
    return listed


def evaluate_pairs(embedded: Embedded, pairs: Sequence[Pair], source: str, *, published_grid: bool = False) -> Report:
    """Evaluate pairs in memory.

    Args:
        embedded: the samples.
        pairs: the list.
        source: its name, for messages.
        published_grid: choose the folds' thresholds from the field's grid of squared distances, which published
            accuracies used, instead of between any two scores.

    Raises:
        ManifestError: a name that the set does not have, or one kind of pair alone.
    """
    scored, places = score_list(embedded, pairs, source)
    unit = UNIT_OF[embedded.origin.metric]
    if published_grid and not embedded.origin.normalized:
        raise ManifestError(f"{embedded.origin.model} gives no unit length; the grid of squared distances needs it")
    curve = roc(scored.scores, scored.mated)
    folded = _folded(scored, published_grid)
    points = list_points(scored)
    lost = int((~np.isfinite(scored.scores)).sum())
    rate, place = equal_error_rate(curve)
    flip = similarity(1.0, embedded.origin.metric)
    numbers = {
        "pairs": Number(value=len(pairs)),
        "pairs without an embedding": Number(value=lost),
        "auc": Number(value=area(curve)),
        "eer": Number(value=rate),
        **_separation(scored),
        **{f"fnmr@{point.wanted:.0e}": number(point.fnmr) for point in points},
        **{f"threshold@{point.wanted:.0e}": Number(value=flip * point.threshold, unit=unit) for point in points},
    }
    headline = []
    if folded is not None:
        numbers["accuracy"] = Number(value=folded.mean)
        numbers["accuracy deviation"] = Number(value=folded.deviation)
        limit = flip * float(np.mean(folded.thresholds))
        headline.append(
            f"Accuracy {100 * folded.mean:.2f}% ± {100 * folded.deviation:.2f}% over {len(folded.folds)} folds, "
            f"at {unit} {limit:.4f} on average."
        )
    headline += [f"At FMR {point.wanted:g}: FNMR {describe(point.fnmr)}." for point in points[-2:]]
    headline.append(f"Equal error rate {share(rate)} at {unit} {flip * place:.4f}; AUC {area(curve):.5f}.")
    warnings = [f"{lost} pairs have a sample without an embedding; each counts as an error."] if lost else []
    return Report(
        protocol="verification",
        title=f"Verification: {embedded.origin.source}, {source}",
        about=sections.about(embedded),
        headline=tuple(headline),
        numbers=numbers,
        tables=(*((_fold_table(folded, unit, flip),) if folded else ()), _point_table(points, scored, unit, flip)),
        charts=(_score_chart(scored, unit, flip), _roc_chart(curve)),
        pairs=_worst(embedded, scored, places, unit, flip),
        warnings=tuple(warnings),
        made_with=sections.made_with(),
    )


def _folded(scored: ScoredPairs, published_grid: bool) -> FoldedAccuracy | None:
    if len(np.unique(scored.folds)) < 2:
        return None
    return folded_accuracy(scored, squared_l2_grid() if published_grid else None)


def _separation(scored: ScoredPairs) -> dict[str, Number]:
    known = np.isfinite(scored.scores)
    mated, other = scored.scores[known & scored.mated], scored.scores[known & ~scored.mated]
    return {"d'": Number(value=decidability(mated, float(other.mean()), float(other.var())))}


def _fold_table(folded: FoldedAccuracy, unit: str, flip: float) -> Table:
    return Table(
        title="Folds",
        columns=("fold", "accuracy", f"threshold, {unit}"),
        rows=tuple(
            (index + 1, f"{100 * accuracy:.2f}%", f"{flip * limit:.4f}")
            for index, (accuracy, limit) in enumerate(zip(folded.folds, folded.thresholds, strict=True))
        ),
        note="Each fold is scored at the threshold that is best on all others.",
    )


def _point_table(points: Sequence[ListPoint], scored: ScoredPairs, unit: str, flip: float) -> Table:
    nonmated = int((~scored.mated).sum())
    rows = [
        (f"{point.wanted:g}", f"{flip * point.threshold:.4f}", describe(point.fmr), describe(point.fnmr))
        for point in points
    ]
    missing = points[-1].wanted / 10 if points else 0.1
    words = f"cannot be shown by {nonmated:,} non-mated pairs; it takes {pairs_needed(missing):,}"
    return Table(
        title="Thresholds at false match rates",
        columns=("wanted FMR", f"threshold, {unit}", "FMR on this list", "FNMR on this list"),
        rows=(*rows, (f"{missing:g}", words, None, None)),
        note="Intervals of 95% by subject, or by pair where subjects are not known. All comparisons of a set show "
        "lower rates: `mien evaluate mated`.",
    )


def _score_chart(scored: ScoredPairs, unit: str, flip: float) -> Chart:
    known = np.isfinite(scored.scores)
    values = flip * scored.scores
    low, high = float(values[known].min()), float(values[known].max())
    series = []
    for name, chosen in (("non-mated", ~scored.mated), ("mated", scored.mated)):
        counts, edges = np.histogram(values[known & chosen], 80, (low, high), density=True)
        series.append(Series(name=name, x=tuple(edges.tolist()), y=tuple(counts.tolist())))
    return Chart(
        name="scores", title="Scores", kind="histogram", x_label=unit, y_label="density", series=tuple(series)
    )


def _roc_chart(curve: Roc) -> Chart:
    chosen = thin(curve.fmr.tolist())
    return Chart(
        name="det",
        title="DET",
        kind="det",
        x_label="false match rate",
        y_label="false non-match rate",
        series=(
            Series(
                name="all pairs",
                x=tuple(float(curve.fmr[i]) for i in chosen),
                y=tuple(float(1 - curve.tmr[i]) for i in chosen),
            ),
        ),
    )


def _worst(embedded: Embedded, scored: ScoredPairs, places: np.ndarray, unit: str, flip: float) -> tuple[Pairs, ...]:
    known = np.isfinite(scored.scores)
    found = []
    for title, chosen, sign in (
        ("The least similar mated pairs", known & scored.mated, 1),
        ("The most similar non-mated pairs", known & ~scored.mated, -1),
    ):
        rows = np.flatnonzero(chosen)
        rows = rows[np.argsort(sign * scored.scores[rows], kind="stable")][: sections.SHOWN_PAIRS // 2]
        found.append(
            Pairs(
                title=title,
                unit=unit,
                rows=tuple(
                    sections.pair_row(
                        embedded, int(places[row, 0]), int(places[row, 1]), flip * float(scored.scores[row])
                    )
                    for row in rows.tolist()
                ),
            )
        )
    return tuple(found)


def _check(source: str, options: Mapping[str, Any]) -> None:
    pairs_of(source, options["pairs"])


PROTOCOL = Protocol(
    name="verification",
    run=verification,
    summary="Accuracy over folds, FNMR at FMR, EER, AUC and d' on a list of pairs; `.bin` sets bring their own.",
    data="a list of pairs",
    question="Accuracy over folds as in papers; `.bin` sets as they are.",
    examples=(
        "mien evaluate verification lfw.parquet --pairs pairs.txt --out report/",
        "mien evaluate verification agedb_30.bin --recognizer mobilefacenet --out report/",
    ),
    check=_check,
)
