"""How alike faces must be: stricter the more faces there are, and never looser than what was asked for."""

import pytest

from mien.cluster.strictness import FOUNDERS, JOINERS, strictness
from mien.errors import CardError
from mien.models import store

CARD = store.load("dlib-resnet").card


@pytest.mark.parametrize("faces", [0, 1, 2, 30, 2000, 20_000])
def test_the_rate_follows_the_number_of_faces(faces: int) -> None:
    strict = strictness(CARD, faces, 1e-3, "everybody")
    assert strict.join_fmr == pytest.approx(min(1e-3, JOINERS / max(1, faces - 1)))
    assert strict.found_fmr == pytest.approx(min(1e-3, FOUNDERS / max(1, faces - 1)))
    assert strict.found <= strict.join <= CARD.threshold(1e-3).value + 1e-9
    assert strict.curve.threshold(strict.join_fmr) == pytest.approx(strict.join)


def test_a_group_has_its_own_thresholds() -> None:
    assert strictness(CARD, 10, 1e-3, "asian").join == pytest.approx(CARD.threshold(1e-3, "asian").value)


def test_a_card_without_two_rates_is_refused_with_the_remedy() -> None:
    single = CARD.model_copy(update={"thresholds": CARD.thresholds[:1]})
    with pytest.raises(CardError, match="mien evaluate calibrate SET --card"):
        strictness(single, 10, 1e-3, "everybody")
