"""The impostor protocol ("inter only"): sets with one image a person, all non-mated comparisons, none left out."""

from mien.evaluate.curve import error_curve
from mien.evaluate.protocols import parts
from mien.evaluate.report import Number, Report
from mien.evaluate.scan import Scan, scan
from mien.evaluate.scorefile import Embedded
from mien.models.card import ModelCard
from mien.scores import UNIT_OF


def compare_people(embedded: Embedded) -> Scan:
    """All comparisons of a set.

    Raises:
        ManifestError: fewer than two subjects, or a sample without one.
    """
    subjects = parts.subject_numbers(embedded)
    return scan(embedded.embeddings, subjects, embedded.origin.metric, strata=parts.strata_of(embedded))


def impostor(embedded: Embedded, card: ModelCard | None = None) -> Report:
    """Evaluate a set of different people.

    Args:
        embedded: one or more samples a subject; mated comparisons are left out.
        card: of the model, whose thresholds are tried on this set.

    Raises:
        ManifestError: fewer than two subjects, or a sample without one.
    """
    compared = compare_people(embedded)
    unit = UNIT_OF[embedded.origin.metric]
    points, table = parts.points_table(compared, unit)
    rows = [row[:3] for row in table.rows]
    table = table.model_copy(update={"columns": table.columns[:3], "rows": tuple(rows)})
    curve = error_curve(compared)
    best = compared.value(float(compared.tail[0]))
    others = (
        parts.card_table(compared, card, embedded.origin.contract, mated=False),
        parts.strata_table(compared, points),
    )
    several = len(embedded) - len(set(embedded.subjects))
    headline = [
        f"{compared.nonmated:,} comparisons of different people, all of them; the most alike: {unit} {best:.4f}.",
        *(f"FMR {point.wanted:g} needs a threshold of {unit} {point.threshold:.4f}." for point in points[-2:]),
    ]
    warnings = parts.duplicate_warnings(embedded)
    if several:
        warnings.append(
            f"{several} samples are further images of a subject; comparisons within a subject are left out."
        )
    return Report(
        protocol="impostor",
        title=f"Impostors: {embedded.origin.source}",
        about=parts.about(embedded),
        headline=tuple(headline),
        numbers={
            "non-mated comparisons": Number(value=compared.nonmated),
            "most alike": Number(value=best, unit=unit),
            **{key: value for key, value in parts.point_numbers(points, unit).items() if not key.startswith("fnmr")},
        },
        tables=(table, *(other for other in others if other)),
        charts=(
            parts.score_chart(compared, points, unit, mated=False),
            parts.fmr_chart(curve, points, unit, mated=False),
        ),
        pairs=(parts.most_similar(embedded, compared, unit),),
        warnings=tuple(warnings),
        made_with=parts.made_with(),
    )
