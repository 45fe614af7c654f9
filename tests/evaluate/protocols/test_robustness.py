"""Which images are corrupted, and what the protocol refuses before it corrupts any."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mien.errors import CardError, ManifestError
from mien.evaluate.corruptions import CORRUPTIONS
from mien.evaluate.origins import card_of, model_of
from mien.evaluate.protocols.robustness import choose, corruption_text, robustness
from mien.evaluate.scorefile import Embedded
from mien.messages import text_of

Make = Callable[..., Embedded]


def test_one_image_of_each_subject_is_chosen_by_the_seed(make_embedded: Make) -> None:
    embedded = make_embedded()
    one, again, other = (choose(embedded, 50, seed) for seed in (1, 1, 2))
    assert len(one) == 50 and len({embedded.subjects[row] for row in one.tolist()}) == 50
    assert (one == again).all() and not np.array_equal(one, other)
    assert len(choose(embedded, 10_000)) == len(set(embedded.subjects))


def test_a_rate_that_the_set_cannot_show_is_refused_first(make_embedded: Make) -> None:
    with pytest.raises(ManifestError, match=r"made-set: this set cannot show a rate below .* more subjects"):
        robustness(make_embedded(), fmr=1e-7)


def test_another_model_under_the_same_name_is_not_used(make_embedded: Make) -> None:
    embedded = make_embedded()
    origin = replace(embedded.origin, model="dlib-resnet")
    assert card_of(origin) is None and card_of(embedded.origin) is None, "another contract, and no such model"
    with pytest.raises(CardError, match="different contract than the embeddings of made-set; embed the set again"):
        model_of(origin)


def test_every_corruption_has_a_name_in_every_language() -> None:
    for name in CORRUPTIONS:
        assert text_of(corruption_text(name), "en") == name
        assert text_of(corruption_text(name), "vi") != name
    assert corruption_text("made up") == "made up"
