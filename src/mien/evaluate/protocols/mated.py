"""The mated protocol: several images per person, all mated and all non-mated comparisons in one pass."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np

from mien.errors import ManifestError
from mien.evaluate.distributions import separation
from mien.evaluate.mated_rates import MAX_SAMPLES, capped, fnmr_over_people, fnmr_with_failures, heaviest
from mien.evaluate.plain_words import opening
from mien.evaluate.protocols import rate_charts, rate_tables, sections, shown_pairs
from mien.evaluate.protocols.discard_sections import discard_section
from mien.evaluate.protocols.group_sections import group_section
from mien.evaluate.protocols.protocol import Option, Protocol
from mien.evaluate.protocols.scope_sections import scope_section
from mien.evaluate.report import Number, Report, Table, number
from mien.evaluate.scorefile import Embedded
from mien.evaluate.wording import describe, message, rate_text
from mien.messages import Message
from mien.models.card import ModelCard
from mien.pairwise.all_pairs import PairStatistics, compare_all
from mien.pairwise.operating_points import Crossing, OperatingPoint, equal_error, error_curve
from mien.rates import Estimate, Indices
from mien.units import unit_text


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

    Example:
        >>> report = mien.evaluate_mated(mien.read_embedded(Path("portraits.parquet")))
        >>> report.numbers["mated comparisons"].value, report.numbers["fmr@1e-01"].value
        (16.0, 0.1)
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
    unit = unit_text(used.origin.metric)
    points, table = rate_tables.points_table(compared, unit)
    system = {point.wanted: fnmr_with_failures(compared, point.wanted, used, max_samples) for point in points}
    curve = error_curve(compared)
    crossing = equal_error(compared)
    others = (
        rate_tables.card_table(compared, card, used.origin.contract),
        rate_tables.strata_table(compared, points),
    )
    groups = group_section(compared, points)
    scope = scope_section(used, compared, points)
    discard = discard_section(used, compared, points)
    return Report(
        protocol="mated",
        title=message("mated.title", source=embedded.origin.source),
        about=sections.about(used),
        headline=(
            *opening(points),
            *_headline(compared, points, crossing, unit),
            *_weights(used, compared, points, system, max_samples),
            *scope.headline,
        ),
        numbers=_numbers(compared, points, crossing, unit)
        | _other_numbers(compared, points, system)
        | groups.numbers
        | scope.numbers
        | discard.numbers,
        tables=(
            table,
            _people_table(compared, points, system),
            *(other for other in others if other),
            *groups.tables,
            *scope.tables,
            *discard.tables,
        ),
        charts=(
            rate_charts.score_chart(compared, points, unit),
            rate_charts.det_chart({used.origin.model: curve}),
            rate_charts.fmr_chart(curve, points, unit, mated=True),
            *groups.charts,
            *discard.charts,
        ),
        pairs=(shown_pairs.least_similar(used, compared, unit), shown_pairs.most_similar(used, compared, unit)),
        warnings=(
            *sections.duplicate_warnings(used),
            *_left_out(subjects, len(chosen), max_samples),
            *scope.warnings,
        ),
        made_with=sections.made_with(seed),
    )


def _numbers(
    compared: PairStatistics, points: Sequence[OperatingPoint], crossing: Crossing | None, unit: str
) -> dict[str, Number]:
    return {
        "mated comparisons": Number(value=len(compared.mated)),
        "non-mated comparisons": Number(value=compared.nonmated),
        "d'": number(separation(compared)),
        **({"eer": number(crossing.rate)} if crossing else {}),
        **rate_tables.point_numbers(points, unit),
    }


def _headline(
    compared: PairStatistics, points: Sequence[OperatingPoint], crossing: Crossing | None, unit: str
) -> list[Message]:
    lines = [message("mated.compared", mated=len(compared.mated), nonmated=compared.nonmated)]
    lines += [
        message(
            "at-fmr-threshold-fnmr",
            rate=point.wanted,
            unit=unit,
            threshold=point.threshold,
            fnmr=describe(point.fnmr),
        )
        for point in points[-3:]
    ]
    if crossing is not None:
        lines.append(message("mated.eer", eer=describe(crossing.rate), unit=unit, threshold=crossing.threshold))
    return lines


def _weights(
    used: Embedded,
    compared: PairStatistics,
    points: Sequence[OperatingPoint],
    system: Mapping[float, Estimate],
    max_samples: int,
) -> list[Message]:
    """Who weighs most, and what images without an embedding cost."""
    lines = [heaviest(used, compared).sentence(max_samples)]
    if used.failed_subjects and points:
        rate = points[-1].wanted
        lines.append(
            message("mated.with-failures", count=len(used.failed_subjects), rate=rate, fnmr=describe(system[rate]))
        )
    return lines


def _other_numbers(
    compared: PairStatistics, points: Sequence[OperatingPoint], system: Mapping[float, Estimate]
) -> dict[str, Number]:
    people = {
        f"fnmr over people@{point.wanted:.0e}": number(fnmr_over_people(compared, point.threshold))
        for point in points
    }
    return people | {f"fnmr with failures@{rate:.0e}": number(found) for rate, found in system.items()}


def _people_table(
    compared: PairStatistics, points: Sequence[OperatingPoint], system: Mapping[float, Estimate]
) -> Table:
    return Table(
        title=message("mated.people"),
        columns=(
            message("column.wanted-fmr"),
            message("column.fnmr-on-set"),
            message("mated.over-people"),
            message("mated.including-failures"),
        ),
        rows=tuple(
            (
                rate_text(point.wanted),
                describe(point.fnmr),
                describe(fnmr_over_people(compared, point.threshold)),
                describe(system[point.wanted]),
            )
            for point in points
        ),
        note=message("mated.people-note"),
    )


def _left_out(subjects: Indices, chosen: int, max_samples: int) -> list[Message]:
    found = []
    if chosen < len(subjects):
        found.append(message("mated.left-out", count=len(subjects) - chosen, max_samples=max_samples))
    single = int((np.bincount(subjects) == 1).sum())
    if single:
        found.append(message("mated.single", count=single))
    return found


PROTOCOL = Protocol(
    name="mated",
    run=mated,
    summary="All mated and all non-mated comparisons of a set with several images per person.",
    data="several images per person",
    question="FNMR at FMR, EER and d' over all comparisons.",
    examples=("mien evaluate mated lfw-dlib.parquet --out report/",),
    rescores=True,
)
