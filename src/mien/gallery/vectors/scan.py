"""The nearest vectors of a database that nothing but a look at all of them can prove: exact, and slow."""

import numpy as np

from mien.gallery.indexes.base import distances_to
from mien.gallery.vectors.base import Near, VectorStore
from mien.types import Floats
from mien.units import Metric


def compare_all(store: VectorStore, queries: Floats, count: int, metric: Metric) -> list[Near]:
    """Read every vector, block by block, and keep the nearest `count` of each query, (Q, D) float32."""
    best = [Near([], np.empty((0, queries.shape[1]), np.float32)) for _ in queries]
    for ids in store.ids():
        vectors = store.get(ids)
        # Another process may have removed one between both reads.
        present = np.flatnonzero(~np.isnan(vectors[:, 0]))
        names, vectors = [ids[place] for place in present], vectors[present]
        for place, query in enumerate(queries):
            every, both = best[place].ids + names, np.concatenate([best[place].vectors, vectors])
            distances = distances_to(both, query[None], metric)[0]
            # Of equal ones all stay, since the gallery knows which comes first.
            last = np.sort(distances)[min(count, len(distances)) - 1] if len(distances) else 0
            kept = np.flatnonzero(distances <= last)
            best[place] = Near([every[one] for one in kept], both[kept])
    return best
