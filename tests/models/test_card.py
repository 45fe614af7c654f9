"""Cards: what is valid, what is refused and with which words; the embedding contract."""

from pathlib import Path

import pytest

from fuzz import mutants
from mien.errors import CardError
from mien.models.card import format_card, parse_card, read_card
from mien.models.defaults import shipped_card

CARD = """
name = "mine"
kind = "recognizer"
family = "embedding"
summary = "a recognizer"
licence = "our own"
training_data = "our own"
source = "us"
[files.model]
path = "model.onnx"
sha256 = "{sha}"
[input]
colour = "RGB"
mean = [127.5, 127.5, 127.5]
scale = [127.5, 127.5, 127.5]
width = 112
height = 112
[embedding]
size = 512
metric = "cosine"
normalized = true
mirror = false
template = "arcface"
""".format(sha="0" * 64)


def test_a_card_survives_writing_and_reading() -> None:
    for name in ("dlib-resnet", "mtcnn"):
        card = shipped_card(name)
        assert parse_card(format_card(card), "again") == card
        assert card.golden and card.licence


def test_written_numbers_stand_on_one_line() -> None:
    assert "mean = [122.782, 117.001, 104.298]" in format_card(shipped_card("dlib-resnet"))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('colour = "RGB"', 'colour = "GRB"', "input.colour"),
        ('name = "mine"', 'name = "../mine"', "name"),
        ('sha256 = "' + "0" * 64, 'sha256 = "abc', "files.model.sha256"),
        ("size = 512", "size = 512\nsise = 3", "embedding.sise"),
        ("size = 512", "size = 0", "embedding.size"),
        ('kind = "recognizer"', 'kind = "detector"', "other models have none"),
        ('licence = "our own"\n', "", "licence"),
        ("[input]", "[input", "not TOML"),
    ],
)
def test_a_wrong_card_is_refused_by_its_key(old: str, new: str, says: str) -> None:
    with pytest.raises(CardError, match=says):
        parse_card(CARD.replace(old, new, 1), "the card")


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ('summary = "a recognizer"', 'summary = "renamed"', True),
        ('name = "mine"', 'name = "renamed"', True),
        ('colour = "RGB"', 'colour = "BGR"', False),
        ("mirror = false", "mirror = true", False),
        ("normalized = true", "normalized = false", False),
        ('sha256 = "00', 'sha256 = "ff', False),
        ("mean = [127.5", "mean = [127.0", False),
    ],
)
def test_the_contract_changes_with_what_embeddings_depend_on(old: str, new: str, same: bool) -> None:
    before, after = parse_card(CARD, "a"), parse_card(CARD.replace(old, new, 1), "b")
    assert (before.contract == after.contract) is same


def test_the_contract_of_converted_weights_does_not_depend_on_the_conversion() -> None:
    converted = CARD.replace("[input]", 'converted_from = "{}"\n[input]'.format("a" * 64))
    again = converted.replace('sha256 = "00', 'sha256 = "ff', 1)
    assert parse_card(converted, "a").contract == parse_card(again, "b").contract


def test_detectors_have_no_contract() -> None:
    with pytest.raises(CardError, match="gives no embeddings"):
        _ = shipped_card("mtcnn").contract
    with pytest.raises(CardError, match="gives no scores"):
        _ = shipped_card("mtcnn").unit


def test_thresholds_by_false_match_rate() -> None:
    card = shipped_card("dlib-resnet")
    values = [card.threshold(fmr).value for fmr in (1e-2, 1e-3, 1e-4)]
    assert values == sorted(values, reverse=True)
    assert all(card.threshold(fmr).fmr_interval for fmr in (1e-2, 1e-3, 1e-4))
    assert "LFW" in card.threshold(1e-3).protocol and card.threshold(1e-3).unit == "L2"
    with pytest.raises(CardError, match=r"no threshold at FMR 1e-06; it has 0.01, 0.001, 0.0001"):
        card.threshold(1e-6)
    with pytest.raises(CardError, match="mien evaluate calibrate FOLDER --recognizer mine"):
        parse_card(CARD, "x").threshold(1e-3)


PINNED = "307983776ef8648a"
"""The contract of CARD as version 0.5 computed it."""


def test_contracts_of_old_cards_keep_their_ids() -> None:
    """Galleries and score files of 0.5 name their models by these."""
    shipped = shipped_card("dlib-resnet").embedding
    assert shipped is not None and shipped.contract_parts == {
        "size": 128,
        "metric": "l2",
        "normalized": False,
        "mirror": True,
        "template": "dlib",
    }
    assert parse_card(CARD, "it").contract == PINNED
    assert parse_card(CARD.replace("size = 512", "size = 512\noutput = 1"), "it").contract != PINNED


def test_a_card_takes_five_points_of_its_own() -> None:
    points = "[[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]]"
    card = parse_card(CARD.replace('template = "arcface"', f"template = {points}"), "it")
    assert card.embedding is not None and card.embedding.template[2] == (0.5, 0.6)
    assert parse_card(format_card(card), "again") == card
    assert card.contract != PINNED
    with pytest.raises(CardError, match=r"embedding\.template"):
        parse_card(CARD.replace('template = "arcface"', 'template = "vgg"'), "it")


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "+nan"])
def test_a_card_with_a_number_that_is_none_is_refused(value: str) -> None:
    """A threshold of NaN would answer every comparison in the same way."""
    with pytest.raises(CardError, match=r"input\.scale\.0: Input should be a finite number"):
        parse_card(CARD.replace("scale = [127.5", f"scale = [{value}"), "it")


def test_a_damaged_card_is_read_or_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "card.toml"
    for damaged in mutants(format_card(shipped_card("mtcnn")).encode(), 300, seed=2):
        path.write_bytes(damaged)
        try:
            read_card(path)
        except CardError as reason:
            assert "card.toml" in str(reason) and "\n" not in str(reason)
