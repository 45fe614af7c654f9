"""The verification protocol: a list of pairs, with or without folds."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from mien.data.pairs import OnProblem, Pair, read_pairs
from mien.data.sample import Problem
from mien.data.sources.registry import own_pairs
from mien.errors import ManifestError
from mien.evaluate.distributions import list_separation
from mien.evaluate.list_rates import area_of, equal_error, list_points, share_right
from mien.evaluate.pair_lists import (
    FoldedAccuracy,
    SamplePlaces,
    ScoredPairs,
    folded_accuracy,
    place_pairs,
    roc,
    squared_l2_grid,
)
from mien.evaluate.protocols import sections
from mien.evaluate.protocols.list_sections import (
    fold_table,
    list_det_chart,
    list_scope_table,
    list_score_chart,
    list_table,
    worst_pairs,
)
from mien.evaluate.protocols.protocol import Option, Protocol
from mien.evaluate.protocols.scope_sections import scope_section
from mien.evaluate.report import Number, Report, number
from mien.evaluate.scorefile import Embedded
from mien.evaluate.wording import describe, five_digits, message
from mien.messages import Message
from mien.scores import score_pairs, similarity
from mien.units import unit_text


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

    Example:
        >>> embedded = mien.read_embedded(Path("portraits.parquet"))
        >>> report = mien.evaluate_verification(embedded, pairs=Path("pairs.csv"))
        >>> report.numbers["pairs"].value, report.numbers["pairs without an embedding"].value
        (32.0, 0.0)
    """
    left_out: list[Problem] = []
    name = pairs.name if pairs is not None else Path(embedded.origin.source).name
    listed = known_pairs(embedded, pairs_of(embedded.origin.source, pairs, left_out.append), name, left_out.append)
    report = evaluate_pairs(embedded, listed, name, published_grid=published_grid)
    if not left_out:
        return report
    first = f"{left_out[0].where}: {left_out[0].reason}"
    return report.model_copy(
        update={
            "numbers": {**report.numbers, "pairs left out": Number(value=len(left_out))},
            "warnings": (*report.warnings, message("verification.left-out", count=len(left_out), first=first)),
        }
    )


USABLE = 0.5
"""Minimum share of a list's pairs whose samples the set has; with fewer, another set is meant."""


def known_pairs(embedded: Embedded, pairs: Sequence[Pair], source: str, on_problem: OnProblem) -> list[Pair]:
    """The pairs whose samples the set has; each other pair is a problem.

    Raises:
        ManifestError: most of them name samples that the set does not have.
    """
    places = SamplePlaces(embedded.names, [name for name, _, _ in embedded.failures], embedded.origin.source)
    known: list[Pair] = []
    absent: list[Problem] = []
    for row, pair in enumerate(pairs, start=1):
        faults = [place for place in (places.find(pair.a), places.find(pair.b)) if isinstance(place, str)]
        if faults:
            absent.append(Problem(f"{source}, pair {row}", faults[0]))
        else:
            known.append(pair)
    if len(known) < USABLE * len(pairs):
        raise ManifestError(
            f"{absent[0].where}: {absent[0].reason} ({len(absent)} of {len(pairs)} pairs name what the set lacks)"
        )
    for problem in absent:
        on_problem(problem)
    return known


def pairs_of(source: str, pairs: Path | None, on_problem: OnProblem | None = None) -> list[Pair]:
    """The pairs of a file, or those that a verification set brings itself; see read_pairs."""
    listed = read_pairs(pairs, on_problem) if pairs is not None else own_pairs(Path(source))
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
        ManifestError: the set does not have a name of the list, or all pairs are of one kind.
    """
    scored, places = score_list(embedded, pairs, source)
    unit = unit_text(embedded.origin.metric)
    if published_grid and not embedded.origin.normalized:
        raise ManifestError(
            f"the embeddings of {embedded.origin.model} do not have unit length, which the grid of squared "
            "distances needs"
        )
    curve = roc(scored.scores, scored.mated)
    folded = _folded(scored, published_grid)
    points = list_points(scored)
    lost = int((~np.isfinite(scored.scores)).sum())
    crossing, under = equal_error(scored, curve), area_of(scored, curve)
    flip = similarity(1.0, embedded.origin.metric)
    numbers = {
        "pairs": Number(value=len(pairs)),
        "pairs without an embedding": Number(value=lost),
        "auc": number(under),
        "eer": number(crossing.rate),
        "d'": number(list_separation(scored)),
        **{f"fnmr@{point.wanted:.0e}": number(point.fnmr) for point in points},
        **{f"threshold@{point.wanted:.0e}": Number(value=flip * point.threshold, unit=unit) for point in points},
    }
    if folded is not None:
        numbers["accuracy"] = number(share_right(scored, folded.right))
        numbers["accuracy deviation"] = Number(value=folded.deviation)
    scope = scope_section(embedded)
    compared = list_scope_table(embedded, scored, places, points, flip)
    return Report(
        protocol="verification",
        title=message("verification.title", source=embedded.origin.source, pairs=source),
        about=sections.about(embedded),
        headline=(
            *_accuracy(scored, folded, unit, flip),
            *(message("at-fmr-fnmr", rate=point.wanted, fnmr=describe(point.fnmr)) for point in points[-2:]),
            message(
                "verification.eer",
                eer=describe(crossing.rate),
                unit=unit,
                threshold=flip * crossing.threshold,
                auc=describe(under, five_digits),
            ),
            *scope.headline,
        ),
        numbers=numbers | scope.numbers,
        tables=(
            *((fold_table(folded, unit, flip),) if folded else ()),
            list_table(points, scored, unit, flip),
            *scope.tables,
            *((compared,) if compared else ()),
        ),
        charts=(list_score_chart(scored, unit, flip), list_det_chart(curve)),
        pairs=worst_pairs(embedded, scored, places, unit, flip),
        warnings=(*((message("verification.lost", count=lost),) if lost else ()), *scope.warnings),
        made_with=sections.made_with(),
    )


def _accuracy(scored: ScoredPairs, folded: FoldedAccuracy | None, unit: str, flip: float) -> tuple[Message, ...]:
    if folded is None:
        return ()
    sentence = message(
        "verification.accuracy",
        accuracy=describe(replace(share_right(scored, folded.right), value=folded.mean)),
        deviation=100 * folded.deviation,
        folds=len(folded.folds),
        unit=unit,
        threshold=flip * float(np.mean(folded.thresholds)),
    )
    return (sentence,)


def _folded(scored: ScoredPairs, published_grid: bool) -> FoldedAccuracy | None:
    if len(np.unique(scored.folds)) < 2:
        return None
    return folded_accuracy(scored, squared_l2_grid() if published_grid else None)


def _check(source: str, options: Mapping[str, Any]) -> None:
    pairs_of(source, options["pairs"], lambda problem: None)


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
    rescores=True,
)
