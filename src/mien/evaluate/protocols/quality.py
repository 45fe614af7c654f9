"""The quality protocol: does a measure of quality find the images that will not match? Error versus discard."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import numpy as np

from mien.errors import ManifestError
from mien.evaluate.discard import LIMIT, DiscardCurve, discard_curve
from mien.evaluate.mated_rates import MAX_SAMPLES, capped, heaviest
from mien.evaluate.protocols import sections
from mien.evaluate.protocols.protocol import Option, Protocol
from mien.evaluate.qualities import qualities
from mien.evaluate.report import Chart, Number, Report, Series, Table, number
from mien.evaluate.scorefile import Embedded
from mien.evaluate.wording import describe, message, score_text, share
from mien.messages import Message
from mien.pairwise.all_pairs import compare_all
from mien.pairwise.operating_points import RATES, can_show
from mien.pairwise.rates_at import threshold_at
from mien.units import unit_text

SHOWN = (0.05, 0.1, 0.2)
"""Shares whose rates are in the table."""


def quality(
    embedded: Embedded,
    *,
    quality: Annotated[
        list[str] | None,
        Option(
            help="A column of numbers, more is better, or NAME:lower; can be repeated. Default: all that are known."
        ),
    ] = None,
    measures: Annotated[
        Path | None, Option(help="A table with a column `path` and measures, such as images.csv of `mien audit`.")
    ] = None,
    fmr: Annotated[float, Option(help="False match rate at which the threshold is fixed.", min=0.0)] = 1e-3,
    max_samples: Annotated[int, Option(help="Maximum number of samples per subject.", min=2)] = MAX_SAMPLES,
    seed: Annotated[int, Option(help="Seed for choosing these samples.")] = 0,
) -> Report:
    """Evaluate measures of quality by the errors that they would have kept out.

    Args:
        embedded: a set with several samples of some subjects.
        quality: names; None takes the norm, the detector's score and the aspects of scope, as far as they are known.
        measures: a table with further measures.
        fmr: of the fixed threshold, where the set can show it; else the strictest rate that it can show.
        max_samples: samples of each subject that take part; see `mien evaluate mated`.
        seed: of that choice.

    Raises:
        ManifestError: no mated comparisons, no rate that can be shown, or a quality that is not there.

    Example:
        >>> report = mien.evaluate_quality(mien.read_embedded(Path("portraits.parquet")), quality=["norm"], fmr=0.1)
        >>> report.numbers["fnmr@discard=0"].comparisons
        16
    """
    numbers = sections.subject_numbers(embedded)
    chosen = capped(numbers, max_samples, seed)
    used = embedded.take(chosen)
    found = qualities(used, quality or (), measures)
    pairs = compare_all(used.embeddings, numbers[chosen], used.origin.metric)
    shown = [rate for rate in RATES if can_show(pairs, rate) and rate >= fmr * 0.999]
    if not len(pairs.mated) or not shown:
        raise ManifestError(
            f"{embedded.origin.source} has {len(pairs.mated)} mated and {pairs.nonmated} non-mated comparisons, too "
            "few for a threshold; error versus discard needs several people with several images each"
        )
    threshold = threshold_at(pairs, shown[-1])
    curves = {name: discard_curve(pairs, values, threshold) for name, values in found.items()}
    ranked = dict(sorted(curves.items(), key=lambda item: -item[1].gain if item[1].gain == item[1].gain else 0))
    unit = unit_text(used.origin.metric)
    return Report(
        protocol="quality",
        title=message("quality.title", source=embedded.origin.source),
        about=sections.about(used),
        headline=(
            *_headline(ranked),
            message("quality.fixed", rate=shown[-1], unit=unit, threshold=threshold),
            heaviest(used, pairs).sentence(max_samples),
        ),
        numbers=_numbers(ranked),
        tables=(_table(ranked),),
        charts=(_chart(ranked),),
        warnings=tuple(
            message("quality.left-out", name=name, count=curve.left_out)
            for name, curve in ranked.items()
            if curve.left_out
        ),
        made_with=sections.made_with(seed),
    )


def _headline(curves: Mapping[str, DiscardCurve]) -> tuple[Message, ...]:
    name, best = next(iter(curves.items()))
    start, end = best.fnmr[0], best.fnmr[_place(best, 0.1)]
    if best.gain != best.gain:
        return (message("quality.no-errors", comparisons=start.count),)
    return (message("quality.best", name=name, start=describe(start), end=describe(end)),)


def _place(curve: DiscardCurve, wanted: float) -> int:
    return int(np.argmin(np.abs(curve.shares - wanted)))


def _numbers(curves: Mapping[str, DiscardCurve]) -> dict[str, Number]:
    found: dict[str, Number] = {}
    for name, curve in curves.items():
        found[f"pauc {name}"] = number(curve.area)
        found[f"gain {name}"] = Number(value=curve.gain)
        for wanted in SHOWN:
            found[f"fnmr@discard={wanted:g} {name}"] = number(curve.fnmr[_place(curve, wanted)])
    first = next(iter(curves.values()))
    return found | {"fnmr@discard=0": number(first.fnmr[0])}


def _table(curves: Mapping[str, DiscardCurve]) -> Table:
    return Table(
        title=message("quality.table"),
        columns=(
            message("quality.measure"),
            message("quality.at-start"),
            *(message("quality.at", share=share(wanted)) for wanted in SHOWN),
            message("quality.area"),
            message("quality.gain"),
        ),
        rows=tuple(
            (
                name,
                describe(curve.fnmr[0]),
                *(describe(curve.fnmr[_place(curve, wanted)]) for wanted in SHOWN),
                describe(curve.area),
                None if curve.gain != curve.gain else score_text(curve.gain),
            )
            for name, curve in curves.items()
        ),
        note=message("quality.note", limit=share(LIMIT)),
    )


def _chart(curves: Mapping[str, DiscardCurve]) -> Chart:
    first = next(iter(curves.values()))
    shares = tuple(first.shares.tolist())
    lines = [
        Series(name=name, x=shares, y=tuple(rate.value for rate in curve.fnmr)) for name, curve in curves.items()
    ]
    ideal = Series(name=message("quality.ideal"), x=shares, y=tuple(first.ideal.tolist()))
    return Chart(
        name="discard",
        title=message("quality.chart"),
        kind="line",
        x_label=message("quality.share-axis"),
        y_label=message("det.fnmr"),
        series=(*lines, ideal),
        caption=message("quality.caption"),
    )


PROTOCOL = Protocol(
    name="quality",
    run=quality,
    summary="Error versus discard: which measure of quality finds the images that will not match.",
    data="several images per person, and measures of their quality",
    question="FNMR when the worst images are discarded, for each measure of quality.",
    examples=("mien evaluate quality lfw-dlib.parquet --measures audit/images.csv --quality norm --out report/",),
    rescores=True,
)
