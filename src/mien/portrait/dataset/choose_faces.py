"""Which of two faces in one image the label is about. Opens no image and runs no model."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.data.vectors import VectorRows
from mien.scores import score_all, similarity
from mien.types import floats
from mien.units import Metric


def choose_faces(
    first: VectorRows,
    rows: NDArray[np.int64],
    second: VectorRows,
    second_rows: NDArray[np.int64],
    folders: NDArray[np.int64],
    metric: Metric,
    scratch: Path | None = None,
) -> VectorRows:
    """Of images with two faces, the embedding of the one that is more like its folder's other images.

    Two people in one photograph are not one: the label is about one of them, and not always about the larger face.

    Args:
        first: (N, D) embeddings of the chosen faces.
        rows: (N,) their rows, rising.
        second: (K, D) embeddings of second faces.
        second_rows: (K,) their rows.
        folders: the folder of every row.
        metric: how embeddings are compared.
        scratch: a folder for the result where it is large.

    Returns:
        (N, D) the embeddings to go on with.
    """
    chosen = VectorRows(first.size, scratch)
    for _, block in first.blocks():
        chosen.append(block)
    single = np.flatnonzero(~np.isin(rows, second_rows))
    order = np.argsort(folders[rows[single]], kind="stable")
    alone, of_folder = single[order], folders[rows[single]][order]
    for start, block in second.blocks():
        for vector, row in zip(block, second_rows[start : start + len(block)], strict=True):
            place = int(np.searchsorted(rows, row))
            others = first.rows(alone[slice(*np.searchsorted(of_folder, [folders[row], folders[row] + 1]))])
            if len(others):
                scores = score_all(np.stack([first.rows([place])[0], vector]), others, metric)
                own, other = similarity(floats(np.median(scores, axis=1)), metric)
                if other > own:
                    chosen.write(place, vector[None])
    return chosen
