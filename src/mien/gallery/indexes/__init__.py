"""How galleries are searched. One table of indexes; the size of the gallery chooses one."""

from dataclasses import dataclass
from math import inf

from mien.gallery.indexes.base import Build, Fetch, Ids, Index
from mien.gallery.indexes.exact import ExactIndex
from mien.types import Floats
from mien.units import Metric


@dataclass(frozen=True, slots=True)
class IndexKind:
    """One way to search.

    Attributes:
        build: makes an index.
        capacity: number of templates up to which it is chosen.
    """

    build: Build
    capacity: float


def _exact(ids: Ids, vectors: Floats, metric: Metric, fetch: Fetch) -> Index:
    return ExactIndex(vectors.shape[1], metric).add(ids, vectors)


def _quantized(ids: Ids, vectors: Floats, metric: Metric, fetch: Fetch) -> Index:
    from mien.gallery.indexes.quantized import QuantizedIndex

    return QuantizedIndex(ids, vectors, metric, fetch)


INDEXES = {"exact": IndexKind(_exact, 20_000), "quantized": IndexKind(_quantized, inf)}
"""Indexes by name; the limit is measured in docs/decisions. A new one is a class that passes tests/gallery/indexes,
and a line here."""


def choose_index(total: int) -> str:
    """The name of the index for a number of templates: the one with the smallest capacity that holds them."""
    fitting = [name for name in INDEXES if INDEXES[name].capacity >= total]
    return min(fitting, key=lambda name: INDEXES[name].capacity)
