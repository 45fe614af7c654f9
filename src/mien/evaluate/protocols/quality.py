"""The quality protocol: does a measure of quality find the images that will not match? Error versus discard."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from mien.errors import ManifestError
from mien.evaluate.discard import DiscardCurve
from mien.evaluate.mated_rates import MAX_SAMPLES, capped, heaviest
from mien.evaluate.protocols import sections
from mien.evaluate.protocols.discard_sections import (
    curve_numbers,
    curves_chart,
    curves_table,
    place_of,
    ranked_curves,
)
from mien.evaluate.protocols.protocol import Option, Protocol
from mien.evaluate.qualities import qualities
from mien.evaluate.report import Report
from mien.evaluate.scorefile import Embedded
from mien.evaluate.wording import describe, message
from mien.messages import Message
from mien.pairwise.all_pairs import compare_all
from mien.pairwise.operating_points import RATES, can_show
from mien.pairwise.rates_at import threshold_at
from mien.units import unit_text


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
    ranked = ranked_curves(pairs, found, threshold)
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
        numbers=curve_numbers(ranked),
        tables=(curves_table(ranked),),
        charts=(curves_chart(ranked),),
        warnings=tuple(
            message("quality.left-out", name=name, count=curve.left_out)
            for name, curve in ranked.items()
            if curve.left_out
        ),
        made_with=sections.made_with(seed),
    )


def _headline(curves: Mapping[str, DiscardCurve]) -> tuple[Message, ...]:
    name, best = next(iter(curves.items()))
    start, end = best.fnmr[0], best.fnmr[place_of(best, 0.1)]
    if best.gain != best.gain:
        return (message("quality.no-errors", comparisons=start.count),)
    return (message("quality.best", name=name, start=describe(start), end=describe(end)),)


PROTOCOL = Protocol(
    name="quality",
    run=quality,
    summary="Error versus discard: which measure of quality finds the images that will not match.",
    data="several images per person, and measures of their quality",
    question="FNMR when the worst images are discarded, for each measure of quality.",
    examples=("mien evaluate quality lfw-dlib.parquet --measures audit/images.csv --quality norm --out report/",),
    rescores=True,
)
