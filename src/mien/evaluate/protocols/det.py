"""The det protocol: any number of systems on the same samples, in one chart of FNMR against FMR, as NIST does."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np

from mien.errors import ManifestError
from mien.evaluate.mated_rates import MAX_SAMPLES, capped, heaviest
from mien.evaluate.plain_words import PLAIN_RATE
from mien.evaluate.protocols import rate_charts, sections
from mien.evaluate.protocols.protocol import Option, Protocol
from mien.evaluate.report import Cell, Number, Report, Table, number
from mien.evaluate.scorefile import Embedded
from mien.evaluate.wording import describe, message, rate_text
from mien.messages import Message
from mien.pairwise.all_pairs import compare_all
from mien.pairwise.operating_points import OperatingPoint, error_curve, operating_points


def det(
    *systems: Embedded,
    max_samples: Annotated[int, Option(help="Maximum number of samples per subject.", min=2)] = MAX_SAMPLES,
    seed: Annotated[int, Option(help="Seed for choosing these samples.")] = 0,
) -> Report:
    """Draw the DET curves of systems on the samples that all of them have.

    Args:
        systems: two or more embedding files of one set.
        max_samples: samples of each subject that take part, the same of all files; see `mien evaluate mated`.
        seed: of that choice.

    Raises:
        ManifestError: a single file, files that share too few samples, or no mated comparisons.

    Example:
        >>> a, b = (mien.read_embedded(Path(name)) for name in ("portraits.parquet", "other.parquet"))
        >>> [series.name for series in mien.evaluate_systems(a, b).charts[0].series]
        ['dlib-resnet', 'mien-r29']
    """
    if len(systems) < 2:
        raise ManifestError("det compares systems: name two or more embedding files of one set")
    used = _shared(systems)
    numbers = sections.subject_numbers(used[0])
    chosen = capped(numbers, max_samples, seed)
    names = _names(used)
    found = {
        name: compare_all(one.embeddings[chosen], numbers[chosen], one.origin.metric)
        for name, one in zip(names, used, strict=True)
    }
    first = next(iter(found.values()))
    if not len(first.mated):
        raise ManifestError(f"{used[0].origin.source} has no mated comparisons, so there is no FNMR to draw")
    points = {name: operating_points(pairs) for name, pairs in found.items()}
    left_out = sum(len(system) for system in systems) - len(systems) * len(used[0])
    beyond = len(numbers) - len(chosen)
    return Report(
        protocol="det",
        title=message("det.systems-title", count=len(systems), source=used[0].origin.source),
        about=sections.about(used[0].take(chosen)),
        headline=(
            message("mated.compared", mated=len(first.mated), nonmated=first.nonmated),
            *_lowest(points),
            heaviest(used[0].take(chosen), first).sentence(max_samples),
        ),
        numbers=_numbers(points),
        tables=(_table(points, systems),),
        charts=(rate_charts.det_chart({name: error_curve(pairs) for name, pairs in found.items()}),),
        warnings=(
            *((message("comparison.left-out", count=left_out),) if left_out else ()),
            *((message("mated.left-out", count=beyond, max_samples=max_samples),) if beyond else ()),
        ),
        made_with=sections.made_with(seed),
    )


def _shared(systems: Sequence[Embedded]) -> list[Embedded]:
    """The systems on the samples that all of them have, in the same order."""
    keys = [list(zip(one.paths, one.records, strict=True)) for one in systems]
    places = [{key: row for row, key in enumerate(own)} for own in keys]
    shared = [key for key in keys[0] if all(key in place for place in places)]
    if len(shared) < 4:
        names = ", ".join(dict.fromkeys(one.origin.source for one in systems))
        raise ManifestError(f"the files of {names} share {len(shared)} samples; embed one set with all systems")
    used = [one.take(np.array([place[key] for key in shared])) for one, place in zip(systems, places, strict=True)]
    if any(one.subjects != used[0].subjects for one in used):
        raise ManifestError("the files give one sample different subjects; embed the same manifest with all systems")
    return used


def _names(systems: Sequence[Embedded]) -> list[str]:
    """The models' names; where two are the same, with the detector, then with a number."""
    names = [one.origin.model for one in systems]
    found_by = [one.origin.detector or "crops" for one in systems]
    for additions in (found_by, [str(place) for place in range(1, len(systems) + 1)]):
        counts = Counter(names)
        names = [
            f"{name} ({addition})" if counts[name] > 1 else name
            for name, addition in zip(names, additions, strict=True)
        ]
    return names


def _lowest(points: Mapping[str, Sequence[OperatingPoint]]) -> tuple[Message, ...]:
    """Who has the lowest FNMR at the strictest rate that all show, down to that of a report's first sentence."""
    common = set.intersection(*({point.wanted for point in own} for own in points.values()))
    if not common:
        return ()
    rate = min((one for one in common if one >= PLAIN_RATE * 0.99), default=max(common))
    best, fnmr = min(
        ((name, point.fnmr) for name, own in points.items() for point in own if point.wanted == rate and point.fnmr),
        key=lambda item: item[1].value,
    )
    return (message("det.lowest", rate=rate, name=best, fnmr=describe(fnmr)),)


def _numbers(points: Mapping[str, Sequence[OperatingPoint]]) -> dict[str, Number]:
    return {
        f"fnmr@{point.wanted:.0e} {name}": number(point.fnmr)
        for name, own in points.items()
        for point in own
        if point.fnmr is not None
    }


def _table(points: Mapping[str, Sequence[OperatingPoint]], systems: Sequence[Embedded]) -> Table:
    rates = sorted({point.wanted for own in points.values() for point in own}, reverse=True)
    rows: list[tuple[Cell, ...]] = []
    for (name, own), system in zip(points.items(), systems, strict=True):
        of = {point.wanted: point.fnmr for point in own}
        rows.append((name, *(describe(of.get(rate)) for rate in rates), sum(system.failed.values())))
    return Table(
        title=message("det.systems-table"),
        columns=(
            message("det.system"),
            *(message("det.at", rate=rate_text(rate)) for rate in rates),
            message("det.not-embedded"),
        ),
        rows=tuple(rows),
        note=message("det.systems-note"),
    )


PROTOCOL = Protocol(
    name="det",
    run=det,
    summary="The DET curves of any number of systems on one set, in one chart.",
    data="embedding files of one set",
    question="FNMR against FMR of many systems in one chart, as NIST draws them.",
    examples=("mien evaluate det lfw-dlib.parquet lfw-mobilefacenet.parquet lfw-r29.parquet --out report/",),
    embedding_files=True,
)
