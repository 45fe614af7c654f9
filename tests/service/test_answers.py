"""Scores are rounded, and a threshold says whose it is."""

from dataclasses import replace

import mien
from mien.gallery.thresholds import ChosenThreshold
from mien.service.answers import score_answer, threshold_answer
from mien.types import Score


def test_scores_have_three_decimals() -> None:
    assert score_answer(Score(0.123456789, "L2", "c")) == 0.123


def test_a_threshold_says_whose_it_is() -> None:
    card = mien.load_card("dlib-resnet")
    own = ChosenThreshold(replace(card.threshold(1e-3), value=0.5, protocol="pairs of this gallery"))
    assert threshold_answer("fmr:0.001", ChosenThreshold(card.threshold(1e-3)), card).source == "card"
    answer = threshold_answer("fmr:0.001", own, card)
    assert answer.source == "gallery" and answer.value == 0.5 and answer.contract == card.contract
