"""The score of a track is the mean of its samples' scores, re-derived with plain loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import ContractError
from mien.gallery.gallery import Gallery
from mien.types import Floats, floats
from mien.watch.compare import identify_track, most_alike, track_score
from watch.conftest import BLUE, GREEN, RED, embed_colours, threshold


def unit(count: int, seed: int) -> Floats:
    rows = np.random.default_rng(seed).normal(size=(count, 8))
    return floats(rows / np.linalg.norm(rows, axis=1, keepdims=True))


@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 99))
def test_each_sample_counts_with_its_best_template(samples: int, enrolled: int, seed: int) -> None:
    a, b = unit(samples, seed), unit(enrolled, seed + 100)
    cosine = sum(max(float(x @ y) for y in b) for x in a) / samples
    distance = sum(min(float(np.linalg.norm(x - y)) for y in b) for x in a) / samples
    assert track_score(a, b, "cosine") == pytest.approx(cosine, abs=1e-5)
    assert track_score(a, b, "l2") == pytest.approx(distance, abs=1e-3)


@given(st.integers(2, 20), st.integers(0, 99))
def test_the_mean_of_scores_never_exceeds_the_score_of_the_averaged_embedding(samples: int, seed: int) -> None:
    """Why scores are averaged and not embeddings: bringing the average to unit length raises every score."""
    a, b = np.abs(unit(samples, seed)), np.abs(unit(1, seed + 100))
    mean = a.mean(axis=0)
    assert track_score(a, b, "cosine") <= float(mean @ b[0] / np.linalg.norm(mean)) + 1e-6


def test_a_track_is_decided_by_all_its_samples(colours_gallery: Gallery) -> None:
    mostly = embed_colours([RED, RED, (200, 60, 0)])
    person = identify_track(colours_gallery, mostly, threshold(0.95))
    assert person.decision == "Mrs Red" and person.subject_id
    once = embed_colours([RED, GREEN, GREEN])
    person = identify_track(colours_gallery, once, threshold(0.95))
    assert person.decision == "unknown", "one good match among others does not name a track"
    assert person.candidates[0].score.value < 0.6


def test_a_threshold_of_another_model_is_refused(colours_gallery: Gallery) -> None:
    from dataclasses import replace

    with pytest.raises(ContractError, match="use colours"):
        identify_track(colours_gallery, embed_colours([RED]), replace(threshold(0.5), contract="other"))


def test_a_gallery_without_people_knows_nobody(colours_gallery: Gallery) -> None:
    colours_gallery.remove("Mrs Red")
    assert identify_track(colours_gallery, embed_colours([RED]), threshold(0.5)).decision == "unknown"


def test_the_track_of_the_same_face_is_the_most_alike_that_reaches_the_threshold() -> None:
    others = [embed_colours([GREEN]), embed_colours([(200, 80, 0), (250, 60, 0)]), embed_colours([BLUE])]
    found = most_alike(embed_colours([RED]), others, "cosine", threshold(0.9))
    assert found is not None and found[0] == 1
    assert most_alike(embed_colours([RED]), others, "cosine", threshold(0.99)) is None
    assert most_alike(embed_colours([RED]), [], "cosine", threshold(0.9)) is None
