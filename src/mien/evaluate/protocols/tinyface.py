"""TinyFace's protocol: small faces searched for in a gallery with and without distractors, rank 1, 5 and 20.

Ranks are of images, as published (mien.evaluate.closed_ranks). A probe without an embedding finds nobody; an image of
the gallery without one cannot be found.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from mien.data.sources.tinyface import DISTRACTORS, GALLERY, PROBES
from mien.errors import ManifestError
from mien.evaluate.closed_ranks import NOWHERE, hits_at, ranks
from mien.evaluate.protocols import sections
from mien.evaluate.protocols.protocol import Protocol
from mien.evaluate.protocols.search_sections import closed_chart
from mien.evaluate.report import Number, Report, Table, number
from mien.evaluate.scorefile import Embedded
from mien.evaluate.wording import describe, message
from mien.messages import Message
from mien.rates import Estimate, Indices

RANKS = (1, 5, 20)
"""The published ranks."""
CURVE = (1, 2, 3, 5, 10, 20, 50, 100)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TinySearch:
    """What the searches showed.

    Attributes:
        gallery: images of known people in the gallery.
        distractors: images of others in the gallery.
        lost: probes without an embedding.
        rank: (P,) rank of each search in the whole gallery, those without an embedding last.
        alone: (P,) rank without distractors.
        people: (P,) numbers of who searches.
    """

    gallery: int
    distractors: int
    lost: int
    rank: Indices
    alone: Indices
    people: Indices


def tinyface(embedded: Embedded) -> Report:
    """Evaluate searches of small faces.

    Args:
        embedded: probes, gallery and distractors, in the published folders.

    Raises:
        ManifestError: there are no probes or no gallery with an embedding.

    Example:
        >>> embedded = mien.embed_set(Path("tinyface"), Path("tinyface.parquet"))
        >>> mien.evaluate_tinyface(embedded).numbers["searches"].value
        4.0
    """
    searched = _search(embedded)
    rates = {
        "with": hits_at(searched.rank, searched.people, CURVE),
        "alone": hits_at(searched.alone, searched.people, CURVE),
    }
    shown = rates if searched.distractors else {"alone": rates["alone"]}
    return Report(
        protocol="tinyface",
        title=message("tinyface.title", source=embedded.origin.source),
        about=sections.about(embedded),
        headline=_headline(searched, next(iter(shown.values()))),
        numbers=_numbers(searched, shown),
        tables=(_table(searched, shown),),
        charts=(closed_chart((_name(searched, name), tuple(rates.items())) for name, rates in shown.items()),),
        warnings=_warnings(searched, embedded),
        made_with=sections.made_with(),
    )


def _search(embedded: Embedded) -> TinySearch:
    roles = np.array([PurePath(path).parent.name for path in embedded.paths])
    probes, gallery, others = (np.flatnonzero(roles == role) for role in (PROBES, GALLERY, DISTRACTORS))
    if not len(probes) or not len(gallery):
        raise ManifestError(
            f"{embedded.origin.source} has {len(probes)} probes and {len(gallery)} images of the gallery with an "
            f"embedding; they are in folders called {PROBES}, {GALLERY} and {DISTRACTORS}"
        )
    lost = [
        subject
        for (name, _, _), subject in zip(embedded.failures, embedded.failed_subjects, strict=True)
        if PurePath(name).parent.name == PROBES
    ]
    numbers = np.unique(np.array([*embedded.subjects, *lost]), return_inverse=True)[1].astype(np.int64)
    people, vectors, metric = numbers[probes], embedded.embeddings, embedded.origin.metric
    alone = ranks(vectors[probes], people, vectors[gallery], numbers[gallery], metric)
    rows = np.concatenate([gallery, others])
    owners = np.concatenate([numbers[gallery], np.full(len(others), -1)])
    rank = ranks(vectors[probes], people, vectors[rows], owners, metric) if len(others) else alone
    nowhere = np.full(len(lost), NOWHERE)
    return TinySearch(
        gallery=len(gallery),
        distractors=len(others),
        lost=len(lost),
        rank=np.concatenate([rank, nowhere]),
        alone=np.concatenate([alone, nowhere]),
        people=np.concatenate([people, numbers[len(embedded) :]]),
    )


def _headline(searched: TinySearch, rates: Mapping[int, Estimate]) -> tuple[Message, ...]:
    first = rates[1]
    low, high = (int(np.floor(100 * first.low)), int(np.ceil(100 * first.high)))
    return (
        *((message("tinyface.plain", low=low, high=high),) if first.interval else ()),
        message(
            "tinyface.searches",
            count=len(searched.rank),
            gallery=searched.gallery,
            distractors=searched.distractors,
        ),
        message("tinyface.ranks", first=describe(first), fifth=describe(rates[5]), twentieth=describe(rates[20])),
    )


def _numbers(searched: TinySearch, shown: Mapping[str, Mapping[int, Estimate]]) -> dict[str, Number]:
    numbers = {
        "searches": Number(value=len(searched.rank)),
        "searches without an embedding": Number(value=searched.lost),
        "distractors": Number(value=searched.distractors),
    }
    suffix = {"with": "", "alone": " without distractors"}
    return numbers | {f"rank-{k}{suffix[name]}": number(rates[k]) for name, rates in shown.items() for k in RANKS}


def _name(searched: TinySearch, name: str) -> Message:
    count = searched.distractors if name == "with" else 0
    return message(f"tinyface.{name}", gallery=searched.gallery, count=count)


def _table(searched: TinySearch, shown: Mapping[str, Mapping[int, Estimate]]) -> Table:
    return Table(
        title=message("tinyface.table"),
        columns=(message("ijb.gallery-column"), *(message("identification.rank", rank=k) for k in RANKS)),
        rows=tuple((_name(searched, name), *(describe(rates[k]) for k in RANKS)) for name, rates in shown.items()),
        note=message("tinyface.note"),
    )


def _warnings(searched: TinySearch, embedded: Embedded) -> tuple[Message, ...]:
    found = []
    if not searched.distractors:
        found.append(message("tinyface.no-distractors"))
    if searched.lost:
        found.append(message("tinyface.lost", count=searched.lost))
    absent = sum(PurePath(name).parent.name == GALLERY for name, _, _ in embedded.failures)
    if absent:
        found.append(message("tinyface.absent", count=absent))
    return tuple(found)


PROTOCOL = Protocol(
    name="tinyface",
    run=tinyface,
    summary="TinyFace: small faces searched for in a gallery with distractors, rank 1, 5 and 20.",
    data="TinyFace",
    question="Rank-1, 5 and 20 of small faces, with and without distractors, as published.",
    examples=("mien evaluate tinyface tinyface --recognizer my-r100 --out report/",),
    rescores=True,
)
