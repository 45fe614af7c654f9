"""The card of an 8-bit copy says whose copy it is, how near it is, and what stays in float32."""

import hashlib
from collections.abc import Callable

from mien.library.import_model import ModelHints, import_model
from mien.library.quantized_card import card_of_copy
from mien.models.golden import SEED, measure
from mien.models.session import open_unchecked, single_run

Make = Callable[..., bytes]


def test_the_card_of_a_copy_names_its_original_and_has_a_golden_vector_of_its_own(make_recognizer: Make) -> None:
    data, (card, _) = make_recognizer(seed=1), import_model(make_recognizer(), "net", ModelHints(colour="BGR"))
    plain, with_floats = (card_of_copy(card, "small", data, "near", count, 112, 112) for count in (0, 2))
    assert plain.name == "small" and plain.source == f"quantized from net; {card.source}"
    assert plain.files["model"].sha256 == hashlib.sha256(data).hexdigest() != card.files["model"].sha256
    assert plain.accuracy[0].figure == "near"
    assert with_floats.accuracy[0].figure == "near; 2 of the most sensitive tensors stay in float32"
    run = single_run(open_unchecked(data, card.input))
    assert plain.golden["model"] == measure(run, SEED, 112, 112) != card.golden["model"]
