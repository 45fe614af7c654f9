"""The kinds of training: recipes find theirs, and a made-up kind is one entry of the table."""

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

import tomli_w  # noqa: E402
from made_up import shortest_recipe  # noqa: E402
from toy import TOY, ToyRecipe, ToyTask, toy_content  # noqa: E402

from mien.cli import run  # noqa: E402
from mien.errors import RecipeError  # noqa: E402
from mien.train.compute.distributed import ALONE  # noqa: E402
from mien.train.detectors.recipe import DetectorRecipe  # noqa: E402
from mien.train.kinds import KINDS, open_task, parse_kept, parse_recipe, plan_training  # noqa: E402
from mien.train.recognizers.recipe import RecognizerRecipe  # noqa: E402


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "toy", TOY)


def test_a_recipes_sections_say_what_it_trains() -> None:
    detector = shortest_recipe(detector={"name": "scrfd-500m"})
    del detector["model"]
    assert isinstance(parse_recipe(shortest_recipe(), "r"), RecognizerRecipe)
    assert isinstance(parse_recipe(detector, "r"), DetectorRecipe)
    assert isinstance(parse_recipe(toy_content(), "r"), ToyRecipe)
    with pytest.raises(RecipeError, match="model is missing"):
        parse_recipe({key: value for key, value in shortest_recipe().items() if key != "model"}, "r")


def test_a_made_up_kind_is_opened_and_planned_through_the_table() -> None:
    recipe = parse_recipe(toy_content(), "r")
    assert isinstance(open_task(recipe, ALONE), ToyTask)
    assert plan_training(recipe).seconds == 12.5


def test_a_made_up_kind_is_reached_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "toy.toml").write_text(tomli_w.dumps(toy_content()))
    assert run(["train", str(tmp_path / "toy.toml"), "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"name": "toy", "toys": "many", "seconds": 12.5}
    assert run(["train", str(tmp_path / "toy.toml"), "--dry-run"]) == 0
    assert "about 12 seconds on this machine, without reading and evaluations" in capsys.readouterr().out
    assert run(["train", str(tmp_path / "toy.toml"), "--out", str(tmp_path / "run"), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-1]["checkpoint"] == str(tmp_path / "run" / "checkpoints" / "step-00000012")


def test_an_old_key_is_refused_in_a_file_and_read_in_a_checkpoint() -> None:
    content = toy_content() | {"toy": {"wrong": [3]}}
    with pytest.raises(RecipeError, match=r"toy\.wrong is now called toy\.bad; rename it"):
        parse_recipe(content, "r")
    assert parse_kept(tomli_w.dumps(content), "kept") == parse_recipe(toy_content(3), "r")


@pytest.mark.parametrize(("old", "new"), [("least", "min_crops"), ("most", "max_crops")])
def test_old_keys_of_recognizers_name_the_new_ones(old: str, new: str) -> None:
    content = shortest_recipe(data={"sets": ["x"], old: 3})
    with pytest.raises(RecipeError, match=rf"data\.{old} is now called data\.{new}; rename it"):
        parse_recipe(content, "r")
    assert getattr(parse_kept(tomli_w.dumps(content), "kept").data, new) == 3  # type: ignore[attr-defined]
