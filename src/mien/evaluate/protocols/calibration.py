"""The calibration protocol: thresholds chosen on one half of the subjects, scored on the other."""

from collections.abc import Mapping
from typing import Annotated, Any

from mien.errors import ManifestError
from mien.evaluate.mated_rates import MAX_SAMPLES, capped
from mien.evaluate.origins import model_of
from mien.evaluate.protocols import sections
from mien.evaluate.protocols.protocol import Option, Protocol
from mien.evaluate.protocols.rate_tables import STRATA_COLUMNS
from mien.evaluate.protocols.scope_sections import scope_section
from mien.evaluate.report import Number, Report, Table
from mien.evaluate.scorefile import Embedded, Origin
from mien.evaluate.thresholds import RATES, Calibration, choose_thresholds
from mien.evaluate.wording import describe, interval, joined, message, rate_text, score_text, share
from mien.messages import Message, text_of
from mien.messages.figures import without_interval
from mien.models import store
from mien.models.card import ThresholdRow
from mien.models.store import Model
from mien.units import threshold_unit

EVERYBODY, WORST = "everybody", "worst"


def calibrate(
    embedded: Embedded,
    *,
    fmr: Annotated[
        list[float] | None, Option(help="A false match rate; can be repeated (default: 1e-2, 1e-3, 1e-4).")
    ] = None,
    group: Annotated[
        str,
        Option(
            help="Whose false match rate it is: everybody's, or that of the worst group that the manifest knows.",
            flags=("--for",),
        ),
    ] = EVERYBODY,
    max_samples: Annotated[int, Option(help="Maximum number of samples per subject.", min=2)] = MAX_SAMPLES,
    seed: Annotated[int, Option(help="Seed for choosing these samples.")] = 0,
) -> Report:
    """Measure thresholds; the report has them in `thresholds`.

    Args:
        embedded: the set.
        fmr: false match rates, all of which the set must be able to show; None takes those of RATES that it can.
        group: everybody, or worst: the threshold that keeps the rate within the group that needs the strictest one.
        max_samples: samples of each subject that take part; see `mien evaluate mated`.
        seed: of that choice.

    Raises:
        ManifestError: a rate cannot be shown, with the number of subjects that are missing; or no group is known.

    Example:
        >>> report = mien.calibrate(mien.read_embedded(Path("portraits.parquet")), fmr=[0.2])
        >>> [(row.fmr, row.unit) for row in report.thresholds]
        [(0.2, 'L2')]
    """
    rates = tuple(sorted(fmr or RATES, reverse=True))
    subjects = sections.subject_numbers(embedded)
    used = embedded.take(capped(subjects, max_samples, seed))
    found = measure(used, rates, for_worst=group == WORST)
    if fmr and found.refused:
        raise ManifestError(f"{embedded.origin.source}: {text_of(joined(tuple(found.refused.values())), 'en')}")
    report = calibration_report(used, found)
    beyond = len(embedded) - len(used)
    if not beyond:
        return report
    left_out = message("mated.left-out", count=beyond, max_samples=max_samples)
    return report.model_copy(update={"warnings": (*report.warnings, left_out)})


def measure(embedded: Embedded, rates: tuple[float, ...] = RATES, *, for_worst: bool = False) -> Calibration:
    """Thresholds of a set at false match rates; see choose_thresholds.

    Raises:
        ManifestError: none of the rates can be shown, or no group is known.
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
        for_worst=for_worst,
    )


def calibration_report(embedded: Embedded, found: Calibration) -> Report:
    """The report of measured thresholds."""
    origin = embedded.origin
    unit = threshold_unit(origin.metric)
    scope = scope_section(embedded)
    return Report(
        protocol="calibration",
        title=message("calibration.title", source=origin.source),
        about=sections.about(embedded),
        headline=(*(line for row in found.rows for line in _headline(found, row, unit)), *scope.headline),
        numbers=_numbers(found, unit) | scope.numbers,
        tables=(_table(found, unit), *_strata(found), *scope.tables),
        warnings=(
            *sections.duplicate_warnings(embedded),
            *(_disagreement(row) for row in found.rows if _disagrees(row)),
            *found.refused.values(),
            *(message("calibration.unheard", rate=rate, group=name) for rate, name in found.unheard),
            *scope.warnings,
        ),
        thresholds=found.rows,
        made_with=sections.made_with(),
    )


def _disagrees(row: ThresholdRow) -> bool:
    """Whether the wanted rate is outside of what the other half shows."""
    return row.fmr_interval is not None and not row.fmr_interval[0] <= row.fmr <= row.fmr_interval[1]


def _disagreement(row: ThresholdRow) -> Message:
    return message("calibration.disagrees", rate=row.fmr, measured=_ends(row))


def _headline(found: Calibration, row: ThresholdRow, unit: str) -> list[Message]:
    if row.group is None:
        return [message("calibration.row", rate=row.fmr, unit=unit, threshold=row.value, ends=_ends(row))]
    said = message(
        "calibration.row-worst",
        rate=row.fmr,
        group=row.group,
        unit=unit,
        threshold=row.value,
        ends=_ends(row),
    )
    before = next((one for one in found.usual if one.fmr == row.fmr), None)
    if before is None or before.fnmr is None or row.fnmr is None:
        return [said]
    within = (before.strata or {}).get(f"{row.group} | {row.group}")
    if within is None:
        return [said]
    price = message(
        "calibration.price",
        group=row.group,
        threshold=before.value,
        passed=share(within[0]),
        before=share(before.fnmr),
        after=share(row.fnmr),
    )
    return [said, price]


def write_to_card(report: Report, origin: Origin, recognizer: str | None = None) -> Model:
    """Write a report's thresholds on the card of the model that made the embeddings.

    Raises:
        CardError: the store has a different model under its name.
    """
    model = model_of(origin, recognizer)
    return store.rewrite_card(model, model.card.model_copy(update={"thresholds": report.thresholds}))


def _ends(row: ThresholdRow) -> Message:
    if row.fmr_interval is None:
        known = row.fmr if row.fmr_measured is None else row.fmr_measured
        return without_interval(share(known), row.missing_people or 1)
    if row.fmr_measured is not None:
        return interval(row.fmr_measured, *row.fmr_interval)
    low, high = (share(end) for end in row.fmr_interval)
    return message("ends", low=low, high=high)


def _numbers(found: Calibration, unit: str) -> dict[str, Number]:
    numbers = {}
    for row in found.rows:
        key = f"{row.fmr:.0e}"
        numbers[f"threshold@{key}"] = Number(value=row.value, unit=unit)
        numbers[f"fmr@{key}"] = Number(
            value=row.fmr if row.fmr_measured is None else row.fmr_measured,
            **_interval(row.fmr_interval, row),
        )
        if row.fnmr is not None:
            numbers[f"fnmr@{key}"] = Number(value=row.fnmr, **_interval(row.fnmr_interval, row))
    return numbers


def _interval(ends: tuple[float, float] | None, row: ThresholdRow) -> dict[str, Any]:
    return {"missing_people": row.missing_people} if ends is None else {"low": ends[0], "high": ends[1]}


def _table(found: Calibration, unit: str) -> Table:
    rows = []
    for row in found.rows:
        misses = message("calibration.no-mated")
        if row.fnmr is not None:
            ends, missing = row.fnmr_interval, row.missing_people or 1
            misses = interval(row.fnmr, *ends) if ends else without_interval(share(row.fnmr), missing)
        rows.append((rate_text(row.fmr), score_text(row.value), _ends(row), misses))
    return Table(
        title=message("calibration.table"),
        columns=(
            message("column.wanted-fmr"),
            message("column.threshold", unit=unit),
            message("calibration.fmr"),
            message("calibration.fnmr"),
        ),
        rows=tuple(rows),
        note=message("calibration.note", chosen=found.subjects[0], scored=found.subjects[1]),
    )


def _strata(found: Calibration) -> list[Table]:
    return [
        Table(
            title=message("calibration.strata", rate=row.fmr),
            columns=STRATA_COLUMNS,
            rows=tuple((s.a, s.b, describe(s.fmr), s.fmr.count) for s in strata),
        )
        for row, strata in zip(found.rows, found.strata, strict=True)
        if strata
    ]


def _check(source: str, options: Mapping[str, Any]) -> None:
    wrong = [rate for rate in options["fmr"] or () if not 0 < rate < MAX_RATE]
    if options["group"] not in (EVERYBODY, WORST):
        raise ManifestError(f"--for is {EVERYBODY} or {WORST}, not {options['group']}")
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
        "mien evaluate calibrate people.parquet --for worst --card",
    ),
    check=_check,
    measures_thresholds=True,
)
