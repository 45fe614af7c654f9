"""The identification protocol: open-set searches, 1:N, in galleries of growing size."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np

from mien.errors import ManifestError
from mien.evaluate.protocols import sections
from mien.evaluate.protocols.protocol import Option, Protocol
from mien.evaluate.report import Chart, Number, Report, Series, Table, describe, number
from mien.evaluate.scorefile import Embedded, require_same_contract
from mien.evaluate.searches import SearchResult, SearchSet, deal, search
from mien.units import UNIT_OF


def default_sizes(known: int, distractors: int) -> list[int]:
    """Galleries of 10, 100, 1,000 ... subjects up to everybody."""
    everybody = known + distractors
    return [*(10**k for k in range(1, 8) if 10**k < everybody), everybody]


def identification(
    embedded: Embedded,
    *,
    distractors: Annotated[Embedded | None, Option(help="A second set, of people who only fill the gallery.")] = None,
    templates: Annotated[int, Option(help="Number of images of each enrolled subject.", min=1)] = 1,
    probes: Annotated[int, Option(help="Maximum number of searches per subject.", min=1)] = 5,
    sizes: Annotated[
        list[int] | None, Option(help="Number of subjects in the gallery; can be repeated.", min=2, flags=("--size",))
    ] = None,
    seed: Annotated[int, Option(help="Seed for choosing which subjects are enrolled.")] = 0,
) -> Report:
    """Evaluate searches.

    Args:
        embedded: a set with several samples of some subjects.
        distractors: another set of other people, of which one sample each fills the gallery.
        templates: samples that each enrolled subject has.
        probes: maximum number of searches per subject.
        sizes: subjects in the galleries; None takes 10, 100 ... and everybody.
        seed: of the choice of who is enrolled.

    Raises:
        ManifestError: nobody to enrol, or nobody to stay unenrolled.
        ContractError: the distractors are of another model.
    """
    subjects = sections.subject_numbers(embedded)
    if distractors is not None:
        require_same_contract(embedded.origin, distractors.origin)
    chosen = deal(subjects, templates=templates, probes=probes, seed=seed)
    fill = _one_each(distractors)
    wanted = sorted(sizes) if sizes else default_sizes(len(chosen.known), 0 if fill is None else len(fill))
    if min(wanted) < 2:
        raise ManifestError(f"a gallery of {min(wanted)} is too small to search; the minimum is 2")
    results = search(embedded.embeddings, subjects, embedded.origin.metric, chosen, wanted, fill)
    unit = UNIT_OF[embedded.origin.metric]
    largest = results[-1]
    return Report(
        protocol="identification",
        title=f"Identification: {embedded.origin.source}",
        about=sections.about(embedded),
        headline=tuple(_headline(largest, unit)),
        numbers=_numbers(results, unit),
        tables=(_open_table(results, unit), _closed_table(results)),
        charts=_charts(results),
        warnings=tuple(_warnings(chosen, embedded, distractors)),
        made_with=sections.made_with(seed),
    )


def _one_each(distractors: Embedded | None) -> np.ndarray | None:
    if distractors is None:
        return None
    _, first = np.unique(np.asarray(distractors.subjects), return_index=True)
    return distractors.embeddings[np.sort(first)]


def _warnings(chosen: SearchSet, embedded: Embedded, distractors: Embedded | None) -> list[str]:
    warnings = sections.duplicate_warnings(embedded)
    if distractors is not None:
        warnings.append(
            f"{distractors.origin.source} fills the galleries; who is in both sets counts as a stranger there: "
            "see `mien data overlap`"
        )
    return warnings


def _headline(result: SearchResult, unit: str) -> list[str]:
    lines = [
        f"{result.enrolled:,} enrolled; {result.mated_searches:,} searches of enrolled people, "
        f"{result.nonmated_searches:,} of others."
    ]
    lines += [
        f"At FPIR {p.wanted:g} (threshold {unit} {p.threshold:.4f}): FNIR {describe(p.fnir)}." for p in result.points
    ]
    if result.hits:
        lines.append(f"Closed set: the right subject comes first in {describe(result.hits[0][1])} of the searches.")
    return lines


def _numbers(results: Sequence[SearchResult], unit: str) -> dict[str, Number]:
    numbers = {}
    for result in results:
        key = f"enrolled={result.enrolled}"
        for point in result.points:
            numbers[f"fnir@fpir={point.wanted:.0e} {key}"] = number(point.fnir)
            numbers[f"threshold@fpir={point.wanted:.0e} {key}"] = Number(value=point.threshold, unit=unit)
        for rank, rate in result.hits:
            numbers[f"rank-{rank} {key}"] = number(rate)
    return numbers


def _open_table(results: Sequence[SearchResult], unit: str) -> Table:
    rows = [
        (result.enrolled, f"{p.wanted:g}", f"{p.threshold:.4f}", describe(p.fpir), describe(p.fnir))
        for result in results
        for p in result.points
    ]
    others = min(result.nonmated_searches for result in results)
    return Table(
        title="Open set: FNIR at FPIR",
        columns=("enrolled", "wanted FPIR", f"threshold, {unit}", "FPIR", "FNIR"),
        rows=tuple(rows),
        note=f"A rate is shown where the {others:,} or more searches of strangers lead one to expect 10 false "
        "positives. Intervals of 95% by subject.",
    )


def _closed_table(results: Sequence[SearchResult]) -> Table:
    ranks = [rank for rank, _ in results[-1].hits]
    rows = []
    for result in results:
        of = dict(result.hits)
        rows.append((result.enrolled, *(describe(of[rank]) if rank in of else None for rank in ranks)))
    return Table(
        title="Closed set: hits by rank (CMC)",
        columns=("enrolled", *(f"rank {rank}" for rank in ranks)),
        rows=tuple(rows),
        note="Searches of enrolled people alone, without a threshold; a running system meets others, too.",
    )


def _charts(results: Sequence[SearchResult]) -> tuple[Chart, ...]:
    cmc = Chart(
        name="cmc",
        title="CMC, closed set",
        kind="line",
        x_label="rank",
        y_label="hits",
        series=tuple(
            Series(
                name=f"{result.enrolled:,} enrolled",
                x=tuple(float(rank) for rank, _ in result.hits),
                y=tuple(rate.value for _, rate in result.hits),
                low=tuple(rate.low for _, rate in result.hits),
                high=tuple(rate.high for _, rate in result.hits),
            )
            for result in results
            if result.hits
        ),
    )
    drawn = [result for result in results if result.points]
    growth = Chart(
        name="fnir",
        title="FNIR against FPIR",
        kind="det",
        x_label="false positive identification rate",
        y_label="false negative identification rate",
        series=tuple(
            Series(
                name=f"{result.enrolled:,} enrolled",
                x=tuple(p.wanted for p in result.points),
                y=tuple(p.fnir.value for p in result.points),
                low=tuple(p.fnir.low for p in result.points),
                high=tuple(p.fnir.high for p in result.points),
            )
            for result in drawn
        ),
    )
    return (growth, cmc) if drawn else (cmc,)


PROTOCOL = Protocol(
    name="identification",
    run=identification,
    summary="Open-set searches, 1:N: FNIR at FPIR in galleries of growing size, and the closed set by rank.",
    data="several images of some people",
    question="Searches in galleries of growing size, of enrolled people and of strangers.",
    examples=("mien evaluate identification lfw-dlib.parquet --out report/",),
)
