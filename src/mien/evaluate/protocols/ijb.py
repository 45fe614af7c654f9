"""The protocol of IJB-B and IJB-C: templates of several media, compared 1:1 by a list and searched for 1:N.

Samples become templates as mien.evaluate.templates pools them. 1:1 is the published list of template pairs, with TAR
at FAR 1e-1 to 1e-6; 1:N searches both galleries with the same probes, of which those of the other gallery's people
are strangers (FNIR at FPIR, rank-k). A template without an embedding is missed in all its pairs and searches.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np

from mien.data.ijb import IjbLists, TemplatePairs, find_lists, read_template_pairs, read_template_subjects
from mien.errors import ManifestError
from mien.evaluate.list_rates import ListPoint, list_points, pairs_needed
from mien.evaluate.pair_lists import ScoredPairs, roc
from mien.evaluate.plain_words import search_opening
from mien.evaluate.protocols import sections
from mien.evaluate.protocols.list_sections import list_det_chart
from mien.evaluate.protocols.protocol import Option, Protocol
from mien.evaluate.protocols.rate_tables import accepted
from mien.evaluate.protocols.search_sections import NamedSearch, closed_table, open_table, search_charts
from mien.evaluate.report import Cell, Chart, Number, Report, Table, number
from mien.evaluate.scorefile import Embedded
from mien.evaluate.searches import SearchResult, SearchSet, search
from mien.evaluate.templates import WEIGHTS, pool
from mien.evaluate.wording import describe, message, rate_text, score_text
from mien.messages import Message
from mien.rates import Estimate, rate_of_moves
from mien.scores import score_pairs, similarity
from mien.units import unit_text

RATES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
"""False accept rates of the published tables."""
PART = 1 << 18
"""Pairs that are scored together."""


def ijb(
    embedded: Embedded,
    *,
    lists: Annotated[
        Path | None, Option(help="Folder of the set, with meta/; by default the set that was embedded.")
    ] = None,
    weights: Annotated[
        str, Option(help=f"What weighs the samples of a template: {', '.join(WEIGHTS)}; published figures: both.")
    ] = "both",
) -> Report:
    """Evaluate templates of several media.

    Args:
        embedded: the faces of the set, with their templates.
        lists: where pairs and galleries are; None takes the set that was embedded.
        weights: see mien.evaluate.templates.pool.

    Raises:
        ManifestError: the lists are missing or damaged, or no template of theirs has an embedding.

    Example:
        >>> embedded = mien.embed_set(Path("IJBC"), Path("ijbc.parquet"))
        >>> mien.evaluate_templates(embedded).numbers["templates"].value
        12.0
    """
    found = _lists_of(embedded.origin.source, lists)
    templates = pool(embedded, weights)
    places = _places(templates)
    scored = None if found.pairs is None else _score(templates, places, read_template_pairs(found.pairs), found)
    points = [] if scored is None else list_points(scored)
    searched = _search_all(templates, places, found)
    if scored is None and not searched:
        raise ManifestError(f"{found.faces.parent} has neither a list of pairs nor galleries and probes")
    unit = unit_text(templates.origin.metric)
    flip = similarity(1.0, templates.origin.metric)
    return Report(
        protocol="ijb",
        title=message("ijb.title", source=embedded.origin.source),
        about=sections.about(embedded),
        headline=_headline(embedded, templates, points, searched),
        numbers=_numbers(templates, scored, points, searched, flip, unit),
        tables=(
            *(() if scored is None else (_pairs_table(scored, points, unit, flip),)),
            *_search_tables(searched, unit),
        ),
        charts=_charts(scored, searched),
        warnings=_warnings(scored),
        made_with=sections.made_with() | {"weights": weights},
    )


def _lists_of(source: str, folder: Path | None) -> IjbLists:
    path = folder if folder is not None else Path(source)
    found = find_lists(path)
    if found is None:
        raise ManifestError(
            f"{path} has no meta/ijbc_face_tid_mid.txt or meta/ijbb_face_tid_mid.txt; name the folder with --lists"
        )
    return found


def _places(templates: Embedded) -> dict[int, int]:
    """The row of each template by its number."""
    try:
        return {int(name): row for row, name in enumerate(templates.templates)}
    except ValueError:
        raise ManifestError(
            f"a template of {templates.origin.source} is not a number, as the lists of IJB have them"
        ) from None


def _score(templates: Embedded, places: Mapping[int, int], pairs: TemplatePairs, found: IjbLists) -> ScoredPairs:
    """Score the list; a pair with a template that has no embedding scores minus infinity."""
    numbers, inverse = np.unique(pairs.templates, return_inverse=True)
    rows = np.array([places.get(number, -1) for number in numbers.tolist()])[inverse.reshape(pairs.templates.shape)]
    known = np.flatnonzero((rows >= 0).all(axis=1))
    if not len(known):
        raise ManifestError(f"{found.pairs}: no pair has two templates with an embedding; is it of another set?")
    scores = np.full(len(rows), -np.inf, np.float32)
    metric = templates.origin.metric
    for part in np.array_split(known, len(known) // PART + 1):
        a, b = (templates.embeddings[rows[part, side]] for side in (0, 1))
        scores[part] = similarity(score_pairs(a, b, metric), metric)
    _, people = np.unique(np.asarray(templates.subjects), return_inverse=True)
    people = np.where(np.asarray(templates.subjects) == "", -1, people)
    subjects = np.where(rows >= 0, people[rows], -1)
    return ScoredPairs(scores, pairs.mated, np.zeros(len(rows), np.int64), subjects.astype(np.int64))


def _search_all(templates: Embedded, places: Mapping[int, int], found: IjbLists) -> list[NamedSearch]:
    """Search every gallery of the set with all probes."""
    if found.probes is None or not found.galleries:
        return []
    probes = read_template_subjects(found.probes)
    lost = np.array([subject for template, subject in probes.items() if template not in places], np.int64)
    people: dict[int, int] = {}
    galleries = {name: (file, read_template_subjects(file)) for name, file in found.galleries}
    everyone = np.unique([*probes.values(), *(who for _, listed in galleries.values() for who in listed.values())])
    searched = []
    for name, (file, gallery) in galleries.items():
        rows = {role: [places[t] for t in listed if t in places] for role, listed in (("g", gallery), ("p", probes))}
        if len(rows["g"]) < 2 or not rows["p"]:
            raise ManifestError(f"{file}: fewer than two of its templates, or no probe, have an embedding")
        for template, subject in (gallery | probes).items():
            if template in places:
                people[places[template]] = subject
        subjects = np.full(len(templates), -1, np.int64)
        subjects[list(people)] = list(people.values())
        chosen = SearchSet(np.array(rows["g"]), np.array(rows["p"]), np.unique(subjects[rows["g"]]))
        (result,) = search(
            templates.embeddings,
            subjects,
            templates.origin.metric,
            chosen,
            [len(chosen.known)],
            lost=lost,
            people=everyone.astype(np.int64),
        )
        searched.append(
            NamedSearch(cell=name, name=message("ijb.gallery", name=name, enrolled=result.enrolled), result=result)
        )
    return searched


def _headline(
    embedded: Embedded, templates: Embedded, points: Sequence[ListPoint], searched: Sequence[NamedSearch]
) -> tuple[Message, ...]:
    return (
        message("ijb.pooled", samples=len(embedded), templates=len(templates), people=len(set(templates.subjects))),
        *(message("ijb.tar", rate=point.wanted, tar=describe(accepted(point.fnmr))) for point in points[-2:]),
        *(
            message("ijb.in-gallery", name=str(one.cell), sentence=line)
            for one in searched
            for line in search_opening(one.result)
        ),
        *(
            message("ijb.mean-fnir", rate=rate, fnir=describe(found))
            for rate, found in mean_fnir([one.result for one in searched]).items()
        ),
    )


def mean_fnir(results: Sequence[SearchResult]) -> dict[float, Estimate]:
    """FNIR at each FPIR that all galleries show, averaged over them, as published.

    The same people search in all galleries, and the moves of all are in one order: those of the mean are their mean.
    """
    if len(results) < 2:
        return {}
    of_each = [{point.wanted: point for point in result.points} for result in results]
    found = {}
    for rate in sorted(set.intersection(*(set(points) for points in of_each)), reverse=True):
        first, *others = (points[rate] for points in of_each)
        value, moves = first.fnir.value, first.moves
        for point in others:
            value += point.fnir.value
            moves = moves.plus(point.moves, 1.0)
        count = sum(points[rate].fnir.count for points in of_each)
        value /= len(results)
        own = [points[rate].fnir for points in of_each]
        if 0 < value < 1:
            shown = rate_of_moves(value, moves.times(1 / len(results)), count)
            found[rate] = replace(shown, missing=max(one.missing for one in own))
        else:
            found[rate] = _without_moves(value, own)
    return found


def _without_moves(value: float, rates: Sequence[Estimate]) -> Estimate:
    """A mean of rates without any error, or with nothing else: its ends are the means of theirs."""
    return Estimate(
        value,
        sum(rate.low for rate in rates) / len(rates),
        sum(rate.high for rate in rates) / len(rates),
        sum(rate.count for rate in rates),
        max(rate.missing for rate in rates),
    )


def _numbers(
    templates: Embedded,
    scored: ScoredPairs | None,
    points: Sequence[ListPoint],
    searched: Sequence[NamedSearch],
    flip: float,
    unit: str,
) -> dict[str, Number]:
    numbers = {"templates": Number(value=len(templates))}
    if scored is not None:
        numbers["pairs"] = Number(value=len(scored.mated))
        numbers["pairs without an embedding"] = Number(value=int((~np.isfinite(scored.scores)).sum()))
    for point in points:
        key = f"{point.wanted:.0e}"
        numbers[f"tar@far={key}"] = number(accepted(point.fnmr))
        numbers[f"threshold@far={key}"] = Number(value=flip * point.threshold, unit=unit)
    for one in searched:
        for found in one.result.points:
            numbers[f"fnir@fpir={found.wanted:.0e} {one.cell}"] = number(found.fnir)
        for rank, hits in one.result.hits:
            numbers[f"rank-{rank} {one.cell}"] = number(hits)
    means = mean_fnir([one.result for one in searched])
    return numbers | {f"fnir@fpir={rate:.0e} mean": number(found) for rate, found in means.items()}


def _pairs_table(scored: ScoredPairs, points: Sequence[ListPoint], unit: str, flip: float) -> Table:
    of = {point.wanted: point for point in points}
    nonmated = int((~scored.mated).sum())
    rows: list[tuple[Cell, ...]] = []
    for rate in RATES:
        point = of.get(rate)
        if point is None:
            too_few = message("list.too-few", pairs=nonmated, needed=pairs_needed(rate))
            rows.append((rate_text(rate), None, None, too_few))
        else:
            tar = accepted(point.fnmr)
            rows.append((rate_text(rate), score_text(flip * point.threshold), describe(point.fmr), describe(tar)))
    return Table(
        title=message("ijb.pairs-table"),
        columns=("FAR", message("column.threshold", unit=unit), message("list.fmr"), "TAR"),
        rows=tuple(rows),
        note=message("ijb.pairs-note"),
    )


def _search_tables(searched: Sequence[NamedSearch], unit: str) -> tuple[Table, ...]:
    if not searched:
        return ()
    means = mean_fnir([one.result for one in searched])
    return (
        open_table(searched, unit, message("ijb.gallery-column")),
        *((_mean_table(means),) if means else ()),
        closed_table(searched, message("ijb.gallery-column")),
    )


def _mean_table(means: Mapping[float, Estimate]) -> Table:
    return Table(
        title=message("ijb.mean-table"),
        columns=(message("identification.wanted-fpir"), "FNIR", "TPIR"),
        rows=tuple((rate_text(rate), describe(fnir), describe(accepted(fnir))) for rate, fnir in means.items()),
        note=message("ijb.mean-note"),
    )


def _charts(scored: ScoredPairs | None, searched: Sequence[NamedSearch]) -> tuple[Chart, ...]:
    of_pairs = () if scored is None else (list_det_chart(roc(scored.scores, scored.mated)),)
    return (*of_pairs, *(search_charts(searched) if searched else ()))


def _warnings(scored: ScoredPairs | None) -> tuple[Message, ...]:
    lost = 0 if scored is None else int((~np.isfinite(scored.scores)).sum())
    return (message("ijb.lost", count=lost),) if lost else ()


PROTOCOL = Protocol(
    name="ijb",
    run=ijb,
    summary="IJB-B and IJB-C: templates of several media, 1:1 by the published pairs and 1:N in both galleries.",
    data="IJB-B, IJB-C, or templates in their layout",
    question="TAR at FAR of template pairs, FNIR at FPIR and rank-k of searches, as published.",
    examples=("mien evaluate ijb IJBC --recognizer my-r100 --out report/",),
    rescores=True,
)
