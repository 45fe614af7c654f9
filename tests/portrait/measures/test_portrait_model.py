"""An open portrait model and its family: values that do not change, and take their fields by name."""

from dataclasses import FrozenInstanceError, fields

import pytest

from mien.models.card import PortraitModelSpec
from mien.portrait.measures.face_crops import CROPS
from mien.portrait.measures.portrait_model import PortraitFamily, PortraitModel
from mien.portrait.measures.portrait_models import PORTRAIT_FAMILIES


def test_a_model_keeps_what_it_was_opened_with() -> None:
    spec = PortraitModelSpec(output="unit")
    one = PortraitModel(name="m", family="landmarks", spec=spec, width=8, height=9, session=None)  # type: ignore[arg-type]
    assert (one.name, one.family, one.spec, one.width, one.height) == ("m", "landmarks", spec, 8, 9)
    with pytest.raises(FrozenInstanceError):
        one.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        PortraitModel("m", "landmarks", spec, 9, 8, None)  # type: ignore[misc,arg-type]


def test_a_family_is_one_model_with_a_margin_of_one_and_a_half_where_it_does_not_say() -> None:
    family = PortraitFamily(gives="x", outputs=("a",), crops=("box",), read=lambda chip, model: {})
    assert family.margin == 1.5 and not family.several


def test_every_family_has_what_a_card_and_a_command_need() -> None:
    """The usual crop and output come first, and a card of the family can be written with them."""
    for name, family in PORTRAIT_FAMILIES.items():
        assert family.gives and family.outputs and set(family.crops) <= set(CROPS), name
        spec = PortraitModelSpec(crop=family.crops[0], margin=family.margin, output=family.outputs[0])
        assert spec.margin == family.margin, name
    assert {field.name for field in fields(PortraitFamily)} == {
        "gives",
        "outputs",
        "crops",
        "read",
        "margin",
        "several",
    }
