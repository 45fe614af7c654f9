"""Recipes as TOML: what is read, and what is said of keys and values that are wrong."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import shortest_recipe  # noqa: E402

from fuzz import mutants  # noqa: E402
from mien.errors import RecipeError  # noqa: E402
from mien.train.kinds import parse_recipe, read_recipe  # noqa: E402
from mien.train.recipe.io import format_recipe  # noqa: E402


def test_a_misspelt_key_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match=r"optimizer.momentun is not a setting; did you mean momentum\?"):
        parse_recipe(shortest_recipe(optimizer={"rate": 0.1, "momentun": 0.9}), "r.toml")
    with pytest.raises(RecipeError, match=r"evaluate.0.piars is not a setting; did you mean pairs\?"):
        parse_recipe(shortest_recipe(evaluate=[{"name": "a", "set": "x", "piars": "y"}]), "r.toml")
    with pytest.raises(RecipeError, match=r"schedul is not a setting; did you mean schedule\?"):
        parse_recipe(shortest_recipe(schedul={}), "r.toml")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schedule": {"batch": 8}}, "either epochs or steps"),
        ({"schedule": {"batch": 8, "steps": 2, "epochs": 1}}, "either epochs or steps"),
        ({"augment": {"mirror": 1.5}}, "augment.mirror: .*less than or equal to 1"),
        ({"head": {"name": "arcfase"}}, "head.name: "),
        ({"model": {}}, "model.backbone is missing"),
        ({"evaluate": [{"name": "a", "set": "x"}] * 2}, "two sets"),
        ({"data": {"sets": "packs/a"}}, r"data.sets is a list, and it is 'packs/a': write sets = \['packs/a'\]"),
    ],
)
def test_values_that_cannot_be_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        parse_recipe(shortest_recipe(**changes), "r.toml")


def test_steps_that_are_set_take_the_place_of_the_recipes_epochs_and_the_other_way_round(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(format_recipe(parse_recipe(shortest_recipe(), "r")))
    steps = read_recipe(path, ("schedule.epochs=3", "schedule.steps=50")).schedule
    assert (steps.steps, steps.epochs) == (50, None)
    epochs = read_recipe(path, ("schedule.steps=50", "schedule.epochs=3")).schedule
    assert (epochs.steps, epochs.epochs) == (None, 3)


def test_settings_go_on_top_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(format_recipe(parse_recipe(shortest_recipe(), "r")))
    recipe = read_recipe(path, ("schedule.batch=64", "optimizer.name=adamw", 'data.sets=["a", "b"]'))
    assert (recipe.schedule.batch, recipe.optimizer.name, len(recipe.data.sets)) == (64, "adamw", 2)
    assert recipe.rate == pytest.approx(0.1 * 64 / 512)
    assert recipe.digest != read_recipe(path).digest
    with pytest.raises(RecipeError, match=r"is not a setting; write section\.key=value"):
        read_recipe(path, ("batch",))
    with pytest.raises(RecipeError, match="cannot be read: No such file"):
        read_recipe(tmp_path / "absent.toml")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(RecipeError, match="is not a UTF-8 text file"):
        read_recipe(tmp_path / "photo.jpg")
    with pytest.raises(RecipeError, match="is not valid TOML"):
        path.write_text("= 3")
        read_recipe(path)


def test_a_damaged_recipe_is_read_or_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    whole = format_recipe(parse_recipe(shortest_recipe(), "it")).encode()
    for damaged in mutants(whole, 300, seed=2):
        path.write_bytes(damaged)
        try:
            read_recipe(path)
        except RecipeError as reason:
            assert "own.toml" in str(reason) and "\n" not in str(reason)


@pytest.mark.parametrize("name", ["../../evil", "/tmp/evil", "..", "a/b", ""])
def test_the_name_of_an_evaluation_set_is_never_a_path(name: str) -> None:
    """Its embeddings are written under that name."""
    content = shortest_recipe() | {"evaluate": [{"name": name, "set": "x"}]}
    with pytest.raises(RecipeError, match=r"evaluate\.0\.name: .* is not a name of a set"):
        parse_recipe(content, "it")


def test_a_rate_that_is_no_number_is_refused(tmp_path: Path) -> None:
    for value in ("nan", "inf"):
        (tmp_path / "own.toml").write_text(format_recipe(parse_recipe(shortest_recipe(), "it")))
        with pytest.raises(RecipeError, match="finite number"):
            read_recipe(tmp_path / "own.toml", (f"optimizer.rate={value}",))
