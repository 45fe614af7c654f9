"""A function of crops gets the same numbers as a model in the store."""

from collections.abc import Callable

import numpy as np
import pytest

from mien.errors import ManifestError
from mien.evaluate.in_memory import embed_all, embedded_of
from mien.evaluate.protocols.impostor import impostor
from mien.library.import_model import ModelHints, import_model
from mien.models import store
from mien.recognize.recognizer import Recognizer
from mien.types import Image, floats


def simple(crops: Image) -> np.ndarray:
    """A "network": the mean colours of a 4x4 grid."""
    count, size = len(crops), crops.shape[1]
    cells = crops.reshape(count, 4, size // 4, 4, size // 4, 3).mean(axis=(2, 4))
    return floats(cells.reshape(count, -1) - 127)


def crops_of(image: Image, count: int, seed: int) -> list[Image]:
    generator = np.random.default_rng(seed)
    places = generator.integers(0, 14, (count, 2))
    return [np.ascontiguousarray(image[60 + y : 172 + y, 170 + x : 282 + x]) for y, x in places]


def test_batches_do_not_matter(collins: Image) -> None:
    crops = crops_of(collins, 11, 0)
    np.testing.assert_allclose(embed_all(simple, iter(crops), 4), simple(np.stack(crops)))
    assert embed_all(simple, []).shape == (0, 0)


def test_a_recognizer_is_such_a_function(
    collins: Image, hopper: Image, make_recognizer: Callable[..., bytes]
) -> None:
    network = Recognizer(store.save(*import_model(make_recognizer(seed=8), "as-callable", ModelHints(colour="RGB"))))
    crops = crops_of(collins, 6, 1) + crops_of(hopper, 6, 2)
    embedded = embedded_of(embed_all(network.embed, iter(crops)), [f"s{n}" for n in range(12)])
    np.testing.assert_allclose(embedded.embeddings, network.embed(np.stack(crops)), atol=0.02)
    assert impostor(embedded).numbers["non-mated comparisons"].value == 66


def test_what_does_not_fit_is_refused(collins: Image) -> None:
    crops = crops_of(collins, 3, 0)
    with pytest.raises(ManifestError, match="3 crops came with 2 subjects"):
        embedded_of(embed_all(simple, crops), ["a", "b"])
    with pytest.raises(ManifestError, match="crop 0: its embedding is not finite"):
        embedded_of(simple(np.stack(crops)) * np.nan, ["a", "b", "c"])
