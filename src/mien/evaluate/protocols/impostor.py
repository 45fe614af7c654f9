"""The impostor protocol ("inter only"): sets with one image a person, all non-mated comparisons, none left out."""

from functools import partial
from typing import Annotated

from mien.data.workers import ordered
from mien.evaluate.plain_words import opening
from mien.evaluate.protocols import rate_charts, rate_tables, sections, shown_pairs
from mien.evaluate.protocols.group_sections import group_section
from mien.evaluate.protocols.protocol import Option, Protocol
from mien.evaluate.protocols.scope_sections import scope_section
from mien.evaluate.report import Number, Report
from mien.evaluate.scorefile import Embedded
from mien.evaluate.wording import message
from mien.models.card import ModelCard
from mien.pairwise.all_pairs import PairStatistics, compare_all
from mien.pairwise.operating_points import error_curve
from mien.units import unit_text


def compare_subjects(embedded: Embedded, ray_address: str | None = None) -> PairStatistics:
    """All comparisons of a set, on this machine or on a Ray cluster; see compare_all.

    Raises:
        ManifestError: fewer than two subjects, or a sample without one.
    """
    subjects = sections.subject_numbers(embedded)
    strata = sections.strata_of(embedded)
    elsewhere = None if ray_address is None else partial(ordered, workers=1, ray_address=ray_address)
    return compare_all(embedded.embeddings, subjects, embedded.origin.metric, strata=strata, elsewhere=elsewhere)


def impostor(
    embedded: Embedded,
    *,
    card: ModelCard | None = None,
    ray_address: Annotated[
        str | None,
        Option(help="Compare on a Ray cluster: auto, local or HOST:PORT; the report is the same.", flags=("--ray",)),
    ] = None,
) -> Report:
    """Evaluate a set of different people.

    Args:
        embedded: one or more samples per subject; mated comparisons are left out.
        card: of the model, whose thresholds are tried on this set.
        ray_address: of a Ray cluster (`auto`, `local` or host:port), which compares; None is this machine.

    Raises:
        ManifestError: fewer than two subjects, or a sample without one.
        MissingExtraError: Ray is asked for and not installed.
        WorkerError: the cluster cannot be reached.

    Example:
        >>> report = mien.evaluate_impostors(mien.read_embedded(Path("portraits.parquet")))
        >>> report.numbers["non-mated comparisons"].value
        480.0
    """
    compared = compare_subjects(embedded, ray_address)
    unit = unit_text(embedded.origin.metric)
    points, table = rate_tables.points_table(compared, unit, mated=False)
    curve = error_curve(compared)
    best = compared.value(float(compared.tail[0]))
    others = (
        rate_tables.card_table(compared, card, embedded.origin.contract, mated=False),
        rate_tables.strata_table(compared, points),
    )
    several = len(embedded) - len(set(embedded.subjects))
    warnings = sections.duplicate_warnings(embedded)
    if several:
        warnings.append(message("impostor.several", count=several))
    groups = group_section(compared, points, mated=False)
    scope = scope_section(embedded, compared, points, mated=False)
    return Report(
        protocol="impostor",
        title=message("impostor.title", source=embedded.origin.source),
        about=sections.about(embedded),
        headline=(
            *opening(points),
            message("impostor.compared", comparisons=compared.nonmated, unit=unit, best=best),
            *(
                message("impostor.needs", rate=point.wanted, unit=unit, threshold=point.threshold)
                for point in points[-2:]
            ),
            *scope.headline,
        ),
        numbers={
            "non-mated comparisons": Number(value=compared.nonmated),
            "most alike": Number(value=best, unit=unit),
            **{
                key: value
                for key, value in rate_tables.point_numbers(points, unit).items()
                if not key.startswith("fnmr")
            },
            **groups.numbers,
            **scope.numbers,
        },
        tables=(table, *(other for other in others if other), *groups.tables, *scope.tables),
        charts=(
            rate_charts.score_chart(compared, points, unit, mated=False),
            rate_charts.fmr_chart(curve, points, unit, mated=False),
            *groups.charts,
        ),
        pairs=(shown_pairs.most_similar(embedded, compared, unit),),
        warnings=(*warnings, *scope.warnings),
        made_with=sections.made_with(),
    )


PROTOCOL = Protocol(
    name="impostor",
    run=impostor,
    summary="All comparisons of different people: FMR at every threshold, the most similar pairs, strata.",
    data="one image per person",
    question="How many strangers does a threshold let pass? All comparisons, none sampled.",
    examples=("mien evaluate impostor portraits/ --out report/",),
    rescores=True,
)
