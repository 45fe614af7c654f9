"""The mated protocol: several images a person, all mated and all non-mated comparisons in one pass."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np

from mien.errors import ManifestError
from mien.evaluate.all_pairs import PairStatistics, compare_all
from mien.evaluate.distributions import decidability, moments
from mien.evaluate.operating_points import OperatingPoint, equal_error, error_curve
from mien.evaluate.protocols import sections
from mien.evaluate.protocols.protocol import Option, Protocol
from mien.evaluate.report import Number, Report, describe, share
from mien.evaluate.scorefile import Embedded
from mien.models.card import ModelCard
from mien.rates import Indices
from mien.units import UNIT_OF

MAX_SAMPLES = 20
"""Samples per subject that take part, so that a few people with very many do not outvote all others."""


def capped(subjects: Indices, max_samples: int, seed: int) -> Indices:
    """The samples that take part: all of a subject's, or as many as the cap allows, drawn at random."""
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(subjects))
    order = shuffled[np.argsort(subjects[shuffled], kind="stable")]
    starts = np.concatenate([[0], np.flatnonzero(np.diff(subjects[order])) + 1])
    place = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    return np.sort(order[place < max_samples])


def mated(
    embedded: Embedded,
    *,
    max_samples: Annotated[
        int, Option(help="Maximum number of samples per subject.", min=2, flags=("--max-samples", "--most"))
    ] = MAX_SAMPLES,
    seed: Annotated[int, Option(help="Seed for choosing these samples.")] = 0,
    card: ModelCard | None = None,
) -> Report:
    """Evaluate a set with several images per person.

    Args:
        embedded: several samples of some subjects.
        max_samples: samples of each subject that take part; more are left out at random.
        seed: of that choice.
        card: of the model, whose thresholds are tried on this set.

    Raises:
        ManifestError: fewer than two subjects, or none with two samples.
    """
    subjects = sections.subject_numbers(embedded)
    chosen = capped(subjects, max_samples, seed)
    used = embedded.take(chosen)
    compared = compare_all(used.embeddings, subjects[chosen], used.origin.metric, strata=sections.strata_of(used))
    if not len(compared.mated):
        raise ManifestError(
            f"{embedded.origin.source}: no subject has two samples with an embedding, so there are no mated "
            "comparisons; use `mien evaluate impostor`"
        )
    unit = UNIT_OF[used.origin.metric]
    points, table = sections.points_table(compared, unit)
    curve = error_curve(compared)
    crossing = equal_error(compared)
    others = (sections.card_table(compared, card, used.origin.contract), sections.strata_table(compared, points))
    return Report(
        protocol="mated",
        title=f"All comparisons: {embedded.origin.source}",
        about=sections.about(used),
        headline=tuple(_headline(compared, points, crossing, unit)),
        numbers=_numbers(compared, points, crossing, unit),
        tables=(table, *(other for other in others if other)),
        charts=(
            sections.score_chart(compared, points, unit),
            sections.det_chart({used.origin.model: curve}),
            sections.fmr_chart(curve, points, unit, mated=True),
        ),
        pairs=(sections.least_similar(used, compared, unit), sections.most_similar(used, compared, unit)),
        warnings=(*sections.duplicate_warnings(used), *_left_out(subjects, len(chosen), max_samples)),
        made_with=sections.made_with(seed),
    )


def _numbers(
    compared: PairStatistics, points: Sequence[OperatingPoint], crossing: tuple[float, float] | None, unit: str
) -> dict[str, Number]:
    return {
        "mated comparisons": Number(value=len(compared.mated)),
        "non-mated comparisons": Number(value=compared.nonmated),
        "d'": Number(value=decidability(compared.mated, *moments(compared))),
        **({"eer": Number(value=crossing[0])} if crossing else {}),
        **sections.point_numbers(points, unit),
    }


def _headline(
    compared: PairStatistics, points: Sequence[OperatingPoint], crossing: tuple[float, float] | None, unit: str
) -> list[str]:
    lines = [f"{len(compared.mated):,} mated and {compared.nonmated:,} non-mated comparisons."]
    lines += [
        f"At FMR {point.wanted:g} (threshold {unit} {point.threshold:.4f}): FNMR {describe(point.fnmr)}."
        for point in points[-3:]
    ]
    if crossing is not None:
        lines.append(f"Equal error rate {share(crossing[0])} at {unit} {crossing[1]:.4f}.")
    return lines


def _left_out(subjects: Indices, chosen: int, max_samples: int) -> list[str]:
    sentences = []
    if chosen < len(subjects):
        sentences.append(
            f"{len(subjects) - chosen} samples beyond {max_samples} per subject were left out, at random."
        )
    single = int((np.bincount(subjects) == 1).sum())
    if single:
        sentences.append(f"{single} subjects have one sample; they take part in non-mated comparisons alone.")
    return sentences


PROTOCOL = Protocol(
    name="mated",
    run=mated,
    summary="All mated and all non-mated comparisons of a set with several images per person.",
    data="several images per person",
    question="FNMR at FMR, EER and d' over all comparisons.",
    examples=("mien evaluate mated lfw-dlib.parquet --out report/",),
)
