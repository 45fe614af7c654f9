"""Sets that several protocols are tested on."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mien.evaluate.scorefile import Embedded
from mien.types import floats

Make = Callable[..., Embedded]


@pytest.fixture
def noisy(make_embedded: Make) -> Embedded:
    """Some images are noise; `good` knows which, `random` does not."""
    made = make_embedded(subjects=150, noise=0.3)
    generator = np.random.default_rng(0)
    bad = generator.random(len(made)) < 0.08
    vectors = made.embeddings + bad[:, None] * floats(generator.normal(0, 3, made.embeddings.shape))
    good = floats(generator.uniform(0.5, 1, len(made)) - bad * 0.5)
    return replace(
        made, embeddings=floats(vectors), qualities={"good": good, "random": floats(generator.random(len(made)))}
    )
