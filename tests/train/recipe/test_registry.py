"""Looking things up by name, and settings that follow from a dataclass."""

from dataclasses import dataclass, field
from typing import Annotated

import pytest
from pydantic import Field, ValidationError

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.errors import RecipeError  # noqa: E402
from mien.models.card import Strict  # noqa: E402
from mien.train.recipe.registry import look_up, settings_from  # noqa: E402


@dataclass
class Thing:
    width: Annotated[int, Field(ge=2)] = 3
    kept: float = field(default=0.0, init=False)


def test_an_unknown_name_lists_the_known_ones_and_the_nearest() -> None:
    assert look_up({"one": 1, "two": 2}, "number", "two") == 2
    with pytest.raises(RecipeError, match="there is no number 'tow'; did you mean two\\?; there are one, two"):
        look_up({"one": 1, "two": 2}, "number", "tow")
    with pytest.raises(RecipeError, match="there is no number 'xyz'; there are one, two"):
        look_up({"one": 1, "two": 2}, "number", "xyz")


def test_settings_have_the_init_fields_of_a_dataclass_with_limits_and_defaults() -> None:
    settings = settings_from(Thing, Strict)
    assert settings().model_dump() == {"width": 3}
    assert settings(width=5).model_dump() == {"width": 5}  # type: ignore[call-arg]
    for wrong in ({"width": 1}, {"kept": 1.0}):
        with pytest.raises(ValidationError):
            settings(**wrong)


def test_a_field_without_a_default_is_refused() -> None:
    @dataclass
    class Bare:
        width: int

    with pytest.raises(TypeError, match="width needs a default"):
        settings_from(Bare, Strict)
