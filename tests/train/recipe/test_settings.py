"""What all recipes have in common."""

import pytest
from pydantic import ValidationError

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import shortest_recipe  # noqa: E402

from mien.train.kinds import parse_recipe  # noqa: E402
from mien.train.recipe.settings import RunSettings  # noqa: E402


@pytest.mark.parametrize(("given", "wanted"), [(True, "default"), (False, "off"), ("reduce-overhead",) * 2])
def test_recipes_that_compile_or_not_are_still_read(given: object, wanted: str) -> None:
    assert RunSettings.model_validate({"compile": given}).compile == wanted


@pytest.mark.parametrize("given", ["fastest", [1], {}, 3, None])
def test_another_way_to_compile_is_refused_with_those_that_there_are(given: object) -> None:
    with pytest.raises(ValidationError, match="'auto', 'off', 'default' or 'reduce-overhead'"):
        RunSettings.model_validate({"compile": given})


def test_the_learning_rate_follows_the_batch() -> None:
    optimizer = {"rate": 0.1, "rate_batch": 512}
    rates = [
        parse_recipe(shortest_recipe(optimizer=optimizer, schedule={"batch": batch, "steps": 1}), "r").rate
        for batch in (128, 512, 1024)
    ]
    assert rates == pytest.approx([0.025, 0.1, 0.2])


def test_the_digest_is_of_what_the_recipe_says_not_of_how_it_is_written() -> None:
    plain = parse_recipe(shortest_recipe(), "r")
    written_out = parse_recipe(shortest_recipe(head={"name": "arcface", "margin": 0.5}, seed=1), "r")
    assert plain.digest == written_out.digest
    assert plain.digest != parse_recipe(shortest_recipe(seed=2), "r").digest
    assert plain.digest != parse_recipe(shortest_recipe(head={"margin": 0.4}), "r").digest
