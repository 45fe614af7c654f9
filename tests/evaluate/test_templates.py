"""Templates of several media against a plain re-derivation of the published pooling."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import ManifestError
from mien.evaluate.scorefile import Embedded, Origin
from mien.evaluate.templates import WEIGHTS, pool
from mien.types import floats

Make = Callable[..., Embedded]

ORIGIN = Origin(contract="c", model="m", metric="cosine", normalized=True, detector="", source="made")


def with_templates(embedded: Embedded, seed: int = 0) -> Embedded:
    """Each subject's samples as up to two templates of up to two media."""
    generator = np.random.default_rng(seed)
    size = len(embedded)
    return replace(
        embedded,
        templates=tuple(f"{name}/{generator.integers(2)}" for name in embedded.subjects),
        medias=tuple(str(generator.integers(2)) for _ in range(size)),
        qualities={
            "norm": floats(generator.uniform(5, 30, size)),
            "detector_score": floats(generator.uniform(0.2, 1, size)),
        },
    )


def plainly(embedded: Embedded, weights: str, template: str) -> np.ndarray:
    """insightface's image2template_feature, for one template, in loops."""
    total = np.zeros(embedded.embeddings.shape[1])
    own = [row for row, name in enumerate(embedded.templates) if name == template]
    for media in sorted({embedded.medias[row] for row in own}):
        of_media = []
        for row in own:
            if embedded.medias[row] == media:
                vector = embedded.embeddings[row].astype(np.float64)
                vector = vector / np.linalg.norm(vector)
                for column in WEIGHTS[weights]:
                    vector = vector * float(embedded.qualities[column][row])
                of_media.append(vector)
        total += sum(of_media) / len(of_media)
    return total / np.linalg.norm(total)


@pytest.mark.parametrize("weights", list(WEIGHTS))
def test_a_template_is_the_sum_of_the_means_of_its_media(make_embedded: Make, weights: str) -> None:
    embedded = with_templates(make_embedded(subjects=20))
    pooled = pool(embedded, weights)
    assert pooled.templates == tuple(dict.fromkeys(embedded.templates)) == pooled.names
    for template, vector in zip(pooled.templates, pooled.embeddings, strict=True):
        np.testing.assert_allclose(vector, plainly(embedded, weights, template), atol=1e-5)
    assert [name.split("/")[0] for name in pooled.templates] == list(pooled.subjects)


def test_a_video_with_many_frames_weighs_as_much_as_one_photograph(make_embedded: Make) -> None:
    made = make_embedded(subjects=1, max_samples=2).take(np.zeros(10, np.int64))
    vectors = floats(np.vstack([[1, 0] * 6] + [[0, 1] * 6] * 9))
    embedded = replace(made, embeddings=vectors, templates=("t",) * 10, medias=("photograph",) + ("video",) * 9)
    vector = pool(embedded).embeddings[0]
    np.testing.assert_allclose(vector, 1 / np.sqrt(12), atol=1e-6)


def test_samples_without_a_media_are_media_of_their_own(make_embedded: Make) -> None:
    embedded = with_templates(make_embedded(subjects=5))
    alone = pool(replace(embedded, medias=()))
    each = pool(replace(embedded, medias=tuple(str(row) for row in range(len(embedded)))))
    np.testing.assert_array_equal(alone.embeddings, each.embeddings)


def test_distances_take_the_weighted_mean_and_keep_its_length(make_embedded: Make) -> None:
    embedded = with_templates(make_embedded(subjects=1, max_samples=2).take(np.array([0, 0])))
    embedded = replace(
        embedded,
        embeddings=floats([[2.0] * 12, [6.0] * 12]),
        templates=("t", "t"),
        medias=("a", "b"),
        qualities={"norm": floats([1, 3])},
        origin=replace(embedded.origin, metric="l2", normalized=False),
    )
    np.testing.assert_allclose(pool(embedded, "equal").embeddings, 4.0)
    np.testing.assert_allclose(pool(embedded, "norm").embeddings, 5.0)


@given(st.integers(0, 1000))
def test_the_order_of_the_samples_does_not_matter(seed: int) -> None:
    generator = np.random.default_rng(seed)
    size = int(generator.integers(2, 12))
    template = generator.integers(0, 3, size)
    media = generator.integers(0, 2, size)
    vectors = floats(generator.normal(size=(size, 4)))

    def pooled(order: np.ndarray) -> dict[str, np.ndarray]:
        made = Embedded(
            embeddings=vectors[order],
            subjects=("one",) * size,
            paths=("p",) * size,
            records=(-1,) * size,
            names=("p",) * size,
            strata={},
            sha256=("",) * size,
            origin=ORIGIN,
            templates=tuple(str(template[i]) for i in order),
            medias=tuple(str(media[i]) for i in order),
        )
        found = pool(made)
        return dict(zip(found.templates, found.embeddings, strict=True))

    one, two = pooled(np.arange(size)), pooled(generator.permutation(size))
    assert set(one) == set(two)
    for name, vector in one.items():
        np.testing.assert_allclose(vector, two[name], atol=1e-5)


def test_what_cannot_be_pooled_is_said(make_embedded: Make) -> None:
    plain = make_embedded(subjects=5)
    with pytest.raises(ManifestError, match="no column `template`"):
        pool(plain)
    embedded = with_templates(plain)
    with pytest.raises(ManifestError, match=r"template x has samples of s0000 and of s000\d"):
        pool(replace(embedded, templates=("x",) * len(embedded)))
    with pytest.raises(ManifestError, match="no weights 'loud'; available: both, detector, norm, equal"):
        pool(embedded, "loud")
    with pytest.raises(ManifestError, match="have no norm: embed the set again"):
        pool(replace(embedded, qualities={}), "norm")
    with pytest.raises(ManifestError, match="has the weight 0"):
        pool(replace(embedded, qualities={"norm": np.zeros(len(embedded), np.float32)}), "norm")
