"""The pairs that people should inspect: the extremes of the scores, and one file under two names is pointed out."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mien.evaluate.protocols.shown_pairs import SHOWN_PAIRS, least_similar, most_similar
from mien.evaluate.scorefile import Embedded
from mien.pairwise.all_pairs import PairStatistics, compare_all

Make = Callable[..., Embedded]


def compared(embedded: Embedded, metric: str) -> PairStatistics:
    numbers = np.unique(embedded.subjects, return_inverse=True)[1]
    return compare_all(embedded.embeddings, numbers, metric)  # type: ignore[arg-type]


@pytest.mark.parametrize(("metric", "sign"), [("cosine", 1), ("l2", -1)])
def test_lists_begin_with_the_extremes_in_the_metrics_unit(make_embedded: Make, metric: str, sign: int) -> None:
    embedded = make_embedded()
    pairs = compared(embedded, metric)
    top, bottom = most_similar(embedded, pairs, "unit").rows, least_similar(embedded, pairs, "unit").rows
    assert len(top) == len(bottom) == SHOWN_PAIRS
    assert all(row.subject_a != row.subject_b for row in top)
    assert all(row.subject_a == row.subject_b and row.a != row.b for row in bottom)
    assert top[0].score == pytest.approx(sign * pairs.tail.max())
    assert bottom[0].score == pytest.approx(sign * pairs.mated.min())
    for rows, order in ((top, -sign), (bottom, sign)):
        assert [row.score for row in rows] == sorted((row.score for row in rows), key=lambda score: order * score)


def test_one_file_under_two_people_is_said(make_embedded: Make) -> None:
    embedded = make_embedded()
    first = most_similar(embedded, compared(embedded, "cosine"), "cosine").rows[0]
    assert first.note == ""
    named = zip(embedded.paths, embedded.sha256, strict=True)
    digests = tuple("x" if path in (first.a, first.b) else digest for path, digest in named)
    again = most_similar(replace(embedded, sha256=digests), compared(embedded, "cosine"), "cosine").rows
    assert again[0].note != "" and all(row.note == "" for row in again[1:])


def test_one_image_does_not_fill_the_list(make_embedded: Make) -> None:
    """An image that is like everybody's was in nine of the ten most similar pairs."""
    embedded = make_embedded()
    vectors = embedded.embeddings.copy()
    vectors[0] = vectors.mean(axis=0)
    spoilt = replace(embedded, embeddings=vectors)
    rows = most_similar(spoilt, compared(spoilt, "cosine"), "cosine").rows
    shown = [path for row in rows for path in (row.a, row.b)]
    assert len(rows) == SHOWN_PAIRS and max(shown.count(path) for path in shown) <= 2
