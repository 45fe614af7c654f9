"""Doubts: the rate that is known for what a face shows, and whether the printed rate holds all the same."""

import pytest

from mien.messages import languages
from mien.models.card import ModelCard, ThresholdRow
from mien.models.defaults import shipped_card
from mien.scope import KnownRate, Scope, beyond, doubts_about, known_rate, with_card_rates
from mien.types import Threshold

RATES = {
    "mask": (0.17, 0.15, 0.19),
    "grey": (0.0012, 0.0009, 0.0015),
    "size-48": (0.001, 0.0008, 0.0012),
    "size-32": (0.004, 0.003, 0.005),
    "size-22": (0.027, 0.02, 0.03),
}


def threshold(value: float = 0.5, **more: object) -> Threshold:
    given = {"fmr_interval": (0.0008, 0.0013), "conditions": RATES, "contract": "c", **more}
    return Threshold(value=value, unit="L2", fmr=1e-3, protocol="a test", **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "value", "expected"),
    [
        ("mask", 0.9, RATES["mask"]),
        ("size", 60.0, RATES["size-48"]),
        ("size", 48.0, RATES["size-48"]),
        ("size", 47.9, RATES["size-32"]),
        ("size", 22.0, RATES["size-22"]),
        ("size", 21.0, None),
        ("size", None, None),
        ("pose", 70.0, None),
        ("sharpness", -20.0, None),
    ],
)
def test_the_known_rate_is_that_of_the_next_smaller_value(
    code: str, value: float | None, expected: tuple[float, float, float] | None
) -> None:
    assert known_rate(code, value, RATES) == (None if expected is None else KnownRate(*expected))


def test_a_face_inside_leaves_no_doubt() -> None:
    assert doubts_about(Scope({"mask": 0.1}, ()), threshold()) == ()


def test_a_rate_holds_where_the_known_one_is_not_beyond_the_promised_interval() -> None:
    scope = Scope({"mask": 0.9, "size": 24.0, "grey": 1.0, "pose": 60.0}, ("mask", "size", "grey", "pose"))
    holds = {one.code: one.holds for one in doubts_about(scope, threshold())}
    assert holds == {"mask": False, "size": False, "grey": True, "pose": False}
    narrow = threshold(conditions={"grey": (0.0016, 0.0014, 0.0018)})
    assert [one.holds for one in doubts_about(Scope({"grey": 1.0}, ("grey",)), narrow)] == [False]
    group = threshold(
        fmr_interval=(0.1, 0.3), conditions={"plain": (1e-3, 9e-4, 1.1e-3), "grey": (2e-3, 1.8e-3, 3e-3)}
    )
    (found,) = doubts_about(Scope({"grey": 1.0}, ("grey",)), group)
    assert not found.holds and found.fmr == 1e-3, "a rate that is promised for a group is not that of the protocol"
    alone = threshold(fmr_interval=None, conditions={"grey": (0.0012, 0.0011, 0.0013)})
    assert [one.holds for one in doubts_about(Scope({"grey": 1.0}, ("grey",)), alone)] == [False]


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize(("code", "value"), [("pose", 60.0), ("sharpness", -12.0)])
def test_a_face_that_is_missed_more_often_stays_uncertain_and_says_the_rate(
    code: str, value: float, language: str
) -> None:
    scope = Scope({code: value}, (code,))
    (held,) = doubts_about(scope, threshold(conditions={code: (0.0011, 0.0009, 0.0013)}))
    assert not held.holds and held.missed and beyond([held]) == (held,)
    (higher,) = doubts_about(scope, threshold(conditions={code: (0.004, 0.003, 0.005)}))
    assert not higher.holds and not higher.missed
    sentences = [one.message.text(language) for one in (held, higher)]
    assert all("%" in sentence for sentence in sentences) and "0.11%" in sentences[0].replace(",", ".")
    assert sentences[0] != sentences[1].replace("0.4", "0.11")


@pytest.mark.parametrize("name", ["dlib-resnet", "mien-r29", "face-reid-0095"])
@pytest.mark.parametrize("fmr", [1e-2, 1e-3, 1e-4])
def test_the_cards_know_the_rate_of_blurred_and_turned_faces(name: str, fmr: float) -> None:
    threshold = shipped_card(name).threshold(fmr)
    scope = Scope({"pose": 60.0, "sharpness": -12.0}, ("pose", "sharpness"))
    for doubt in doubts_about(scope, threshold):
        assert doubt.rate is not None and 0 < doubt.rate.low < doubt.rate.value < doubt.rate.high < 0.1
        assert not doubt.holds and "%" in doubt.message.text("en")


def test_without_a_threshold_nothing_is_known() -> None:
    (found,) = doubts_about(Scope({"grey": 1.0}, ("grey",)), None)
    assert found.rate is None and not found.holds and beyond([found]) == (found,)
    (held,) = doubts_about(Scope({"grey": 1.0}, ("grey",)), threshold())
    assert held.holds and beyond([found, held]) == (found,)


@pytest.mark.parametrize("language", languages())
def test_a_doubt_is_a_sentence_with_the_rate_or_says_that_none_is_known(language: str) -> None:
    scope = Scope({"mask": 0.9, "size": 12.0}, ("mask", "size", "pose"))
    mask, size, pose = (one.message.text(language) for one in doubts_about(scope, threshold()))
    assert "17%" in mask and "15%" in mask and "19%" in mask and ("0.1%" in mask or "0,1%" in mask)
    assert "12" in size and "%" not in size and "%" not in pose


def card(*rows: ThresholdRow) -> ModelCard:
    return shipped_card("dlib-resnet").model_copy(update={"thresholds": rows})


def row(value: float, fmr: float, **rates: tuple[float, float, float]) -> ThresholdRow:
    return ThresholdRow(value=value, unit="L2", fmr=fmr, protocol="a test", conditions=rates or None)


def test_a_threshold_without_rates_takes_those_of_the_strictest_row_that_is_not_stricter() -> None:
    loose, strict = (0.3, 0.2, 0.4), (0.1, 0.05, 0.15)
    plain = {fmr: (fmr, fmr, fmr) for fmr in (1e-2, 1e-3)}
    model = card(row(0.6, 1e-2, mask=loose), row(0.5, 1e-3, mask=strict))
    own = {value: threshold(value, contract=model.contract, conditions={}) for value in (0.45, 0.5, 0.55, 0.7)}
    found = {value: with_card_rates(one, model).conditions for value, one in own.items()}
    strictest, loosest = {"plain": plain[1e-3], "mask": strict}, {"plain": plain[1e-2], "mask": loose}
    assert found == {0.45: strictest, 0.5: strictest, 0.55: loosest, 0.7: {}}


def test_a_threshold_keeps_its_own_rates_and_takes_none_of_another_model() -> None:
    model = card(row(0.6, 1e-2, mask=(0.3, 0.2, 0.4)))
    own, foreign = threshold(contract=model.contract), threshold(conditions={})
    assert with_card_rates(own, model) is own and with_card_rates(foreign, model) is foreign
    nothing = card(row(0.6, 1e-2))
    bare = threshold(contract=nothing.contract, conditions={})
    assert with_card_rates(bare, nothing) is bare


def test_units_of_a_row_are_converted() -> None:
    squared = row(0.36, 1e-2, mask=(0.3, 0.2, 0.4)).model_copy(update={"unit": "squared L2"})
    model = card(squared)
    found = [
        with_card_rates(threshold(value, contract=model.contract, conditions={}), model).conditions
        for value in (0.59, 0.61)
    ]
    assert [bool(one) for one in found] == [True, False]
