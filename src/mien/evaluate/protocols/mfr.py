"""The table of InsightFace's MFR-Ongoing: all pairs within each group, and of everybody, at one false accept rate.

Each group has a threshold of its own at the wanted FAR over its own pairs; `All` has one over all pairs, those
between groups included. TAR is 1 - FNMR. No sample is left out, as published. Source: insightface, challenges/mfr.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from mien.errors import ManifestError
from mien.evaluate.protocols import sections
from mien.evaluate.protocols.protocol import Option, Protocol
from mien.evaluate.protocols.rate_tables import accepted
from mien.evaluate.report import Cell, Number, Report, Table, number
from mien.evaluate.scorefile import Embedded
from mien.evaluate.wording import describe, message, rate_text, too_few
from mien.messages import Message
from mien.pairwise.all_pairs import PairStatistics, compare_all
from mien.pairwise.operating_points import RATES, OperatingPoint, can_show, operating_point, subjects_needed
from mien.rates import Estimate, Indices

ALL = "All"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """One group of the table.

    Attributes:
        name: of the group.
        people: how many.
        images: how many have an embedding.
        mated: comparisons of a person with themselves.
        nonmated: comparisons of two people of the group.
        wanted: at the wanted rate; None where the group cannot show it.
        strictest: at the strictest rate that the group can show; None where it can show none.
        more: how many more people would show the wanted rate.
    """

    name: str
    people: int
    images: int
    mated: int
    nonmated: int
    wanted: OperatingPoint | None
    strictest: OperatingPoint | None
    more: int


def mfr(
    embedded: Embedded,
    *,
    by: Annotated[str, Option(help="Column with the group; several with commas are crossed.")] = "race",
    far: Annotated[float, Option(help="False accept rate, within each group.", min=0.0)] = 1e-6,
) -> Report:
    """Evaluate all pairs, group by group.

    Args:
        embedded: a set with several samples of some subjects, and a column that says their group.
        by: the column, or several with commas between them.
        far: the false accept rate.

    Raises:
        ManifestError: the column is not there, or nobody has two samples.

    Example:
        >>> from dataclasses import replace
        >>> embedded = mien.read_embedded(Path("portraits.parquet"))
        >>> halves = tuple("one" if name < "p08" else "other" for name in embedded.subjects)
        >>> report = mien.evaluate_groups(replace(embedded, texts={"race": halves}), far=0.1)
        >>> sorted(name for name in report.numbers if name.startswith("tar@far=1e-01"))
        ['tar@far=1e-01 All', 'tar@far=1e-01 one', 'tar@far=1e-01 other']
    """
    groups = _groups(embedded, by)
    numbers = sections.subject_numbers(embedded)
    names = sorted(set(groups) - {""})
    rows = [_row(embedded, numbers, np.flatnonzero(np.array(groups) == name), name, far) for name in names]
    rows.append(_row(embedded, numbers, np.arange(len(embedded)), ALL, far))
    if not rows[-1].mated:
        raise ManifestError(f"{embedded.origin.source}: nobody has two samples with an embedding, so there is no TAR")
    unknown = sum(not group for group in groups)
    return Report(
        protocol="mfr",
        title=message("mfr.title", source=embedded.origin.source),
        about=sections.about(embedded),
        headline=_headline(rows, far),
        numbers=_numbers(rows),
        tables=(_table(rows, far), _sizes(rows)),
        warnings=(
            *sections.duplicate_warnings(embedded),
            *((message("mfr.unknown", count=unknown, by=by),) if unknown else ()),
        ),
        made_with=sections.made_with(),
    )


def _groups(embedded: Embedded, by: str) -> list[str]:
    """The group of each sample; empty where a column is not known."""
    columns = []
    for name in by.split(","):
        values = embedded.strata.get(name.strip(), embedded.texts.get(name.strip()))
        if values is None or not any(values):
            known = sorted(one for one, of in {**embedded.texts, **embedded.strata}.items() if any(of))
            raise ManifestError(
                f"{embedded.origin.source} does not say the {name.strip()} of a sample; choose a column with --by: "
                f"{', '.join(known) or 'there are none'}"
            )
        columns.append(values)
    return [" ".join(row) if all(row) else "" for row in zip(*columns, strict=True)]


def _row(embedded: Embedded, numbers: Indices, chosen: Indices, name: str, far: float) -> GroupRow:
    people = numbers[chosen]
    pairs = compare_all(embedded.embeddings[chosen], people, embedded.origin.metric)
    shown = [rate for rate in RATES if can_show(pairs, rate)] if len(pairs.mated) else []
    return GroupRow(
        name=name,
        people=len(np.unique(people)),
        images=len(chosen),
        mated=len(pairs.mated),
        nonmated=pairs.nonmated,
        wanted=operating_point(pairs, far) if shown and can_show(pairs, far) else None,
        strictest=operating_point(pairs, shown[-1]) if shown else None,
        more=_more(pairs, far),
    )


def _more(pairs: PairStatistics, far: float) -> int:
    return 0 if can_show(pairs, far) else subjects_needed(pairs, far)


def _tar(point: OperatingPoint | None) -> Estimate | None:
    if point is None or point.fnmr is None:
        return None
    return accepted(point.fnmr)


def _headline(rows: Sequence[GroupRow], far: float) -> tuple[Message, ...]:
    everybody = rows[-1]
    shown = [row for row in rows[:-1] if _tar(row.wanted) is not None]
    point = everybody.wanted or everybody.strictest
    lines = []
    tar = _tar(point)
    if point is not None and tar is not None:
        lines.append(message("mfr.all", rate=point.wanted, tar=describe(tar)))
    if shown:
        worst = min(shown, key=lambda row: 1 - row.wanted.fnmr.value if row.wanted and row.wanted.fnmr else 1.0)
        lines.append(message("mfr.worst", rate=far, name=worst.name, tar=describe(_tar(worst.wanted))))
    return tuple(lines)


def _numbers(rows: Sequence[GroupRow]) -> dict[str, Number]:
    found: dict[str, Number] = {}
    for row in rows:
        for point in {id(one): one for one in (row.wanted, row.strictest) if one is not None}.values():
            tar = _tar(point)
            if tar is not None:
                found[f"tar@far={point.wanted:.0e} {row.name}"] = number(tar)
    return found


def _table(rows: Sequence[GroupRow], far: float) -> Table:
    cells: list[tuple[Cell, ...]] = []
    for row in rows:
        wanted = describe(_tar(row.wanted)) if row.wanted else too_few(far, row.nonmated, row.more)
        strictest = row.strictest
        at = None if strictest is None else rate_text(strictest.wanted)
        cells.append((row.name, wanted, at, describe(_tar(strictest)) if strictest else None))
    return Table(
        title=message("mfr.table", rate=far),
        columns=(message("mfr.group"), "TAR", message("mfr.strictest"), message("mfr.tar-there")),
        rows=tuple(cells),
        note=message("mfr.note"),
    )


def _sizes(rows: Sequence[GroupRow]) -> Table:
    return Table(
        title=message("mfr.sizes"),
        columns=(
            message("mfr.group"),
            message("groups.people"),
            message("groups.samples"),
            message("mfr.mated"),
            message("mfr.nonmated"),
        ),
        rows=tuple((row.name, row.people, row.images, row.mated, row.nonmated) for row in rows),
    )


PROTOCOL = Protocol(
    name="mfr",
    run=mfr,
    summary="MFR-Ongoing's table: TAR at FAR 1e-6 over all pairs of each group, and of everybody.",
    data="several images per person, with a column for their group",
    question="TAR at one FAR over all pairs within each group and of everybody, as InsightFace's MFR table.",
    examples=("mien evaluate mfr faces.parquet --by race --out report/",),
    rescores=True,
)
