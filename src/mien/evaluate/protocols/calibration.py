"""The calibration protocol: thresholds chosen on one half of the subjects, scored on the other."""

from collections.abc import Mapping
from typing import Annotated, Any

from mien.errors import ManifestError
from mien.evaluate.origins import model_of
from mien.evaluate.protocols import sections
from mien.evaluate.protocols.protocol import Option, Protocol
from mien.evaluate.report import Number, Report, Table, describe, share
from mien.evaluate.scorefile import Embedded, Origin
from mien.evaluate.thresholds import RATES, Calibration, choose_thresholds
from mien.models import store
from mien.models.card import ThresholdRow
from mien.models.store import Model
from mien.units import UNIT_OF


def calibrate(
    embedded: Embedded,
    *,
    fmr: Annotated[
        list[float] | None, Option(help="A false match rate; can be repeated (default: 1e-2, 1e-3, 1e-4).")
    ] = None,
) -> Report:
    """Measure thresholds; the report has them in `thresholds`.

    Args:
        embedded: the set.
        fmr: false match rates, all of which the set must be able to show; None takes those of RATES that it can.

    Raises:
        ManifestError: a rate cannot be shown, with the number of subjects that are missing.
    """
    rates = tuple(sorted(fmr or RATES, reverse=True))
    found = measure(embedded, rates)
    if fmr and found.refused:
        raise ManifestError(f"{embedded.origin.source}: {'; '.join(found.refused.values())}")
    return calibration_report(embedded, found)


def measure(embedded: Embedded, rates: tuple[float, ...] = RATES) -> Calibration:
    """Thresholds of a set at false match rates.

    Raises:
        ManifestError: none of the rates can be shown.
    """
    sections.subject_numbers(embedded)
    origin = embedded.origin
    seen = f"detector {origin.detector}" if origin.detector else "crops as they are"
    return choose_thresholds(
        embedded.embeddings,
        embedded.subjects,
        origin.metric,
        f"{origin.source}, {len(embedded)} samples, {seen}",
        rates,
        sections.strata_of(embedded),
    )


def calibration_report(embedded: Embedded, found: Calibration) -> Report:
    """The report of measured thresholds."""
    origin = embedded.origin
    unit = UNIT_OF[origin.metric]
    return Report(
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
        thresholds=found.rows,
        made_with=sections.made_with(),
    )


def write_to_card(report: Report, origin: Origin, recognizer: str | None = None) -> Model:
    """Write a report's thresholds on the card of the model that made the embeddings.

    Raises:
        CardError: the store has a different model under its name.
    """
    model = model_of(origin, recognizer)
    return store.rewrite_card(model, model.card.model_copy(update={"thresholds": report.thresholds}))


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


def _check(source: str, options: Mapping[str, Any]) -> None:
    wrong = [rate for rate in options["fmr"] or () if not 0 < rate < MAX_RATE]
    if wrong:
        raise ManifestError(f"--fmr must be between 0 and {MAX_RATE:g}, such as 1e-3, not {wrong[0]:g}")


MAX_RATE = 0.5
"""A threshold that lets half of all strangers pass decides nothing."""

PROTOCOL = Protocol(
    name="calibrate",
    run=calibrate,
    summary="Choose thresholds on half of the subjects, and score them on the other half.",
    data="any set with at least 4 people",
    question="A threshold, chosen on half of the people and scored on the other half, for a card or a gallery.",
    examples=(
        "mien evaluate calibrate portraits/ --fmr 1e-3 --fmr 1e-4 --card --out report/",
        "mien evaluate calibrate staff.parquet --gallery staff.gallery --out report/",
    ),
    check=_check,
    measures_thresholds=True,
)
