"""The comparison protocol: two models or two runs on the same set, paired by subject."""

from typing import Annotated

import numpy as np

from mien.errors import ManifestError
from mien.evaluate.differences import ComparedPoint, compare
from mien.evaluate.mated_rates import MAX_SAMPLES, capped, fnmr_with_failures, heaviest
from mien.evaluate.protocols import rate_charts, sections
from mien.evaluate.protocols.protocol import Option, Protocol
from mien.evaluate.report import Number, Report, Table
from mien.evaluate.scorefile import Embedded
from mien.evaluate.wording import describe, message, rate_text
from mien.messages import Message
from mien.pairwise.all_pairs import compare_all
from mien.pairwise.operating_points import can_show, error_curve


def comparison(
    a: Embedded,
    b: Embedded,
    *,
    max_samples: Annotated[int, Option(help="Maximum number of samples per subject.", min=2)] = MAX_SAMPLES,
    seed: Annotated[int, Option(help="Seed for choosing these samples.")] = 0,
) -> Report:
    """Compare two embedding files of one set, on the samples that both have.

    Args:
        a: one.
        b: the other.
        max_samples: samples of each subject that take part, the same of both files; see `mien evaluate mated`.
        seed: of that choice.

    Raises:
        ManifestError: they share no samples, or there are no mated comparisons.

    Example:
        >>> a = mien.read_embedded(Path("portraits.parquet"))
        >>> b = mien.embed_set(Path("portraits"), Path("other.parquet"), recognizer="mien-r29")
        >>> mien.evaluate_models(a, b).numbers["fnmr difference@1e-01"].comparisons
        16
    """
    place = {key: index for index, key in enumerate(_keys(b))}
    shared = [(index, place[key]) for index, key in enumerate(_keys(a)) if key in place]
    if len(shared) < 4:
        raise ManifestError(
            f"{a.origin.source} and {b.origin.source} share {len(shared)} samples; embed one set with both"
        )
    one, two = (side.take(np.array(rows)) for side, rows in zip((a, b), zip(*shared, strict=True), strict=True))
    numbers = sections.subject_numbers(one)
    if one.subjects != two.subjects:
        raise ManifestError("the two files give one sample different subjects; embed the same manifest with both")
    chosen = capped(numbers, max_samples, seed)
    beyond, numbers = len(numbers) - len(chosen), numbers[chosen]
    one, two = one.take(chosen), two.take(chosen)
    scans = [compare_all(side.embeddings, numbers, side.origin.metric) for side in (one, two)]
    points = compare(scans[0], scans[1])
    names = _names(a, b)
    left_out = len(a) + len(b) - 2 * len(shared)
    return Report(
        protocol="comparison",
        title=message("comparison.title", a=names[0], b=names[1], source=a.origin.source),
        about=sections.about(one),
        headline=(*(_sentence(point, names) for point in points), heaviest(one, scans[0]).sentence(max_samples)),
        numbers=_numbers(points),
        tables=(_table(points, names), *_systems((a, b), points, names, max_samples, seed)),
        charts=(rate_charts.det_chart({name: error_curve(found) for name, found in zip(names, scans, strict=True)}),),
        warnings=(
            *((message("comparison.left-out", count=left_out),) if left_out else ()),
            *((message("mated.left-out", count=beyond, max_samples=max_samples),) if beyond else ()),
        ),
        made_with=sections.made_with(seed),
    )


def _keys(embedded: Embedded) -> list[tuple[str, int]]:
    return list(zip(embedded.paths, embedded.records, strict=True))


def _names(a: Embedded, b: Embedded) -> tuple[str, str]:
    one, two = a.origin, b.origin
    if one.model != two.model:
        return one.model, two.model
    return f"A ({one.model}, {one.detector or 'crops'})", f"B ({two.model}, {two.detector or 'crops'})"


def _sentence(point: ComparedPoint, names: tuple[str, str]) -> Message:
    return message(
        "comparison.change",
        rate=point.wanted,
        change=point.difference.words,
        a=names[0],
        b=names[1],
        verdict=point.difference.verdict(*names),
    )


def _numbers(points: list[ComparedPoint]) -> dict[str, Number]:
    return {
        f"fnmr difference@{p.wanted:.0e}": Number(
            value=p.difference.value,
            low=None if p.difference.missing else p.difference.low,
            high=None if p.difference.missing else p.difference.high,
            missing_people=p.difference.missing or None,
            comparisons=p.fnmr[0].count,
        )
        for p in points
    }


def _table(points: list[ComparedPoint], names: tuple[str, str]) -> Table:
    return Table(
        title=message("comparison.table"),
        columns=(
            message("column.fmr"),
            *(message("comparison.fnmr-of", name=name) for name in names),
            message("comparison.difference"),
            message("comparison.verdict"),
        ),
        rows=tuple(
            (
                rate_text(p.wanted),
                describe(p.fnmr[0]),
                describe(p.fnmr[1]),
                p.difference.words,
                p.difference.verdict(*names),
            )
            for p in points
        ),
        note=message("comparison.note"),
    )


def _systems(
    files: tuple[Embedded, Embedded],
    points: list[ComparedPoint],
    names: tuple[str, str],
    max_samples: int,
    seed: int,
) -> tuple[Table, ...]:
    """Both as systems: each with the images that it could not embed, which the comparison above leaves out."""
    if not any(file.failed_subjects for file in files):
        return ()
    found = []
    for file in files:
        numbers = sections.subject_numbers(file)
        chosen = capped(numbers, max_samples, seed)
        used = file.take(chosen)
        pairs = compare_all(used.embeddings, numbers[chosen], used.origin.metric)
        rates = [p.wanted for p in points if can_show(pairs, p.wanted)]
        found.append({rate: fnmr_with_failures(pairs, rate, used, max_samples) for rate in rates})
    return (
        Table(
            title=message("comparison.systems"),
            columns=(
                message("column.fmr"),
                *(
                    message("comparison.system-of", name=name, count=len(file.failed_subjects))
                    for name, file in zip(names, files, strict=True)
                ),
            ),
            rows=tuple((rate_text(p.wanted), *(describe(each.get(p.wanted)) for each in found)) for p in points),
            note=message("comparison.systems-note"),
        ),
    )


PROTOCOL = Protocol(
    name="compare",
    run=comparison,
    summary="Compare two models or two runs on one set, paired by subject, with the interval of the difference.",
    data="two embedding files of one set",
    question="The difference of two models, with its interval, paired by subject.",
    examples=("mien evaluate compare lfw-dlib.parquet lfw-mobilefacenet.parquet --out report/",),
    embedding_files=True,
)
