"""Which of two faces in one image the label is about. Opens no image and runs no model."""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from mien.scores import score_all, similarity
from mien.types import Floats, floats
from mien.units import Metric


def choose_faces(
    first: Floats,
    rows: NDArray[np.int64],
    second: Floats,
    second_rows: NDArray[np.int64],
    folders: NDArray[np.int64],
    metric: Metric,
) -> Floats:
    """Of images with two faces, the embedding of the one that is more like its folder's other images.

    Two people in one photograph are not one: the label is about one of them, and not always about the larger face.

    Args:
        first: (N, D) embeddings of the chosen faces.
        rows: (N,) their rows.
        second: (K, D) embeddings of second faces.
        second_rows: (K,) their rows.
        folders: the folder of every row.
        metric: how embeddings are compared.

    Returns:
        (N, D) the embeddings to go on with.
    """
    chosen, places = first.copy(), {int(row): place for place, row in enumerate(rows)}
    alone: dict[int, list[int]] = defaultdict(list)
    for place in np.flatnonzero(~np.isin(rows, second_rows)).tolist():
        alone[int(folders[rows[place]])].append(place)
    for vector, row in zip(second, second_rows, strict=True):
        place = places[int(row)]
        others = first[alone[int(folders[row])]]
        if len(others):
            scores = score_all(np.stack([first[place], vector]), others, metric)
            own, other = similarity(floats(np.median(scores, axis=1)), metric)
            chosen[place] = vector if other > own else first[place]
    return chosen
