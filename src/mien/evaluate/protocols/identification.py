"""The identification protocol: open-set searches, 1:N, in galleries of growing size."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np

from mien.errors import ManifestError
from mien.evaluate.plain_words import search_opening
from mien.evaluate.protocols import sections
from mien.evaluate.protocols.protocol import Option, Protocol
from mien.evaluate.protocols.scope_sections import known_mask, scope_section, within_mask
from mien.evaluate.protocols.search_sections import by_size, closed_table, open_table, search_charts
from mien.evaluate.report import Number, Report, Table, number
from mien.evaluate.scorefile import Embedded, require_same_contract
from mien.evaluate.searches import SearchResult, deal, search
from mien.evaluate.wording import describe, message, rate_text, score_text
from mien.messages import Message
from mien.rates import Indices
from mien.units import unit_text


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

    Example:
        >>> report = mien.evaluate_identification(mien.read_embedded(Path("portraits.parquet")), sizes=[10])
        >>> 0 <= report.numbers["rank-1 enrolled=10"].value <= 1
        True
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
    unit = unit_text(embedded.origin.metric)
    largest = results[-1]
    scope, searches = scope_section(embedded), by_size(results)
    return Report(
        protocol="identification",
        title=message("identification.title", source=embedded.origin.source),
        about=sections.about(embedded),
        headline=(*_headline(largest, unit), *scope.headline),
        numbers=_numbers(results, unit) | scope.numbers,
        tables=(
            open_table(searches, unit, message("identification.enrolled")),
            closed_table(searches, message("identification.enrolled")),
            *scope.tables,
            *(
                _scope_table(embedded, subjects, largest, unit, templates=templates, probes=probes, seed=seed)
                if distractors is None
                else ()
            ),
        ),
        charts=search_charts(searches),
        warnings=(*_warnings(embedded, distractors), *scope.warnings),
        made_with=sections.made_with(seed),
    )


def _one_each(distractors: Embedded | None) -> np.ndarray | None:
    if distractors is None:
        return None
    _, first = np.unique(np.asarray(distractors.subjects), return_index=True)
    return distractors.embeddings[np.sort(first)]


def _warnings(embedded: Embedded, distractors: Embedded | None) -> list[Message]:
    warnings = sections.duplicate_warnings(embedded)
    if distractors is not None:
        warnings.append(message("identification.distractors", source=distractors.origin.source))
    return warnings


def _headline(result: SearchResult, unit: str) -> list[Message]:
    lines = [
        *search_opening(result),
        message(
            "identification.searches",
            enrolled=result.enrolled,
            mated=result.mated_searches,
            others=result.nonmated_searches,
        ),
    ]
    lines += [
        message("identification.at-fpir", rate=p.wanted, unit=unit, threshold=p.threshold, fnir=describe(p.fnir))
        for p in result.points
    ]
    if result.hits:
        lines.append(message("identification.first", share=describe(result.hits[0][1])))
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


def _scope_table(
    embedded: Embedded, subjects: Indices, everybody: SearchResult, unit: str, **dealing: int
) -> tuple[Table, ...]:
    """The largest gallery again, of the samples within the scope alone; empty where there is nothing to compare."""
    within = np.flatnonzero(within_mask(embedded)) if known_mask(embedded).any() else np.arange(len(embedded))
    if len(within) == len(embedded):
        return ()
    try:
        chosen = deal(subjects[within], **dealing)
    except ManifestError:
        return ()
    metric, size = embedded.origin.metric, len(chosen.known)
    (few,) = search(embedded.embeddings[within], subjects[within], metric, chosen, [size], None)
    named = ((message("scope.all"), everybody), (message("scope.within-alone"), few))
    return (
        Table(
            title=message("scope.searches"),
            columns=(
                message("scope.searched"),
                message("identification.enrolled"),
                message("identification.wanted-fpir"),
                message("column.threshold", unit=unit),
                "FNIR",
            ),
            rows=tuple(
                (name, result.enrolled, rate_text(p.wanted), score_text(p.threshold), describe(p.fnir))
                for name, result in named
                for p in result.points
            ),
        ),
    )


PROTOCOL = Protocol(
    name="identification",
    run=identification,
    summary="Open-set searches, 1:N: FNIR at FPIR in galleries of growing size, and the closed set by rank.",
    data="several images of some people",
    question="Searches in galleries of growing size, of enrolled people and of strangers.",
    examples=("mien evaluate identification lfw-dlib.parquet --out report/",),
    rescores=True,
)
