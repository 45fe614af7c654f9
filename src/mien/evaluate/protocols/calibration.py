"""The calibration protocol: thresholds chosen on one half of the subjects, scored on the other."""

from collections.abc import Sequence

from mien.evaluate.protocols import sections
from mien.evaluate.report import Number, Report, Table, describe, share
from mien.evaluate.scorefile import Embedded
from mien.evaluate.thresholds import RATES, Calibration, calibrate
from mien.models.card import ThresholdRow
from mien.scores import UNIT_OF


def calibration(embedded: Embedded, rates: Sequence[float] = RATES) -> tuple[Calibration, Report]:
    """Measure thresholds and report on them.

    Raises:
        ManifestError: none of the rates can be shown.
    """
    sections.subject_numbers(embedded)
    origin = embedded.origin
    seen = f"detector {origin.detector}" if origin.detector else "crops as they are"
    found = calibrate(
        embedded.embeddings,
        embedded.subjects,
        origin.metric,
        f"{origin.source}, {len(embedded)} samples, {seen}",
        rates,
        sections.strata_of(embedded),
    )
    unit = UNIT_OF[origin.metric]
    return found, Report(
        protocol="calibration",
        title=f"Thresholds: {origin.source}",
        about=sections.about(embedded),
        headline=tuple(
            f"FMR {row.fmr:g}: accept at {unit} {row.value:.4f} or better; on other subjects that let {_ends(row)} "
            "of the strangers pass."
            for row in found.rows
        ),
        numbers=_numbers(found, unit),
        tables=(_table(found, unit), *_strata(found)),
        warnings=(*found.refused.values(), *sections.duplicate_warnings(embedded)),
        made_with=sections.made_with(),
    )


def _ends(row: ThresholdRow) -> str:
    assert row.fmr_interval is not None
    return f"{share(row.fmr_interval[0], row.fmr)} to {share(row.fmr_interval[1], row.fmr)}"


def _numbers(found: Calibration, unit: str) -> dict[str, Number]:
    numbers = {}
    for row in found.rows:
        assert row.fmr_interval is not None
        key = f"{row.fmr:.0e}"
        numbers[f"threshold@{key}"] = Number(value=row.value, unit=unit)
        numbers[f"fmr@{key}"] = Number(value=row.fmr, low=row.fmr_interval[0], high=row.fmr_interval[1])
        if row.fnmr is not None and row.fnmr_interval is not None:
            numbers[f"fnmr@{key}"] = Number(value=row.fnmr, low=row.fnmr_interval[0], high=row.fnmr_interval[1])
    return numbers


def _table(found: Calibration, unit: str) -> Table:
    rows = []
    for row in found.rows:
        misses = "no mated comparisons"
        if row.fnmr is not None and row.fnmr_interval is not None:
            low, high = (share(end, row.fnmr) for end in row.fnmr_interval)
            misses = f"{share(row.fnmr)} ({low} to {high})"
        rows.append((f"{row.fmr:g}", f"{row.value:.4f}", _ends(row), misses))
    return Table(
        title="Thresholds",
        columns=("wanted FMR", f"threshold, {unit}", "FMR on other subjects, 95%", "FNMR on other subjects"),
        rows=tuple(rows),
        note=f"Chosen on {found.subjects[0]} subjects, scored on {found.subjects[1]} others.",
    )


def _strata(found: Calibration) -> list[Table]:
    return [
        Table(
            title=f"Strata at the threshold for FMR {row.fmr:g}",
            columns=("stratum", "against", "FMR", "comparisons"),
            rows=tuple((s.a, s.b, describe(s.fmr), s.fmr.count) for s in strata),
        )
        for row, strata in zip(found.rows, found.strata, strict=True)
        if strata
    ]
