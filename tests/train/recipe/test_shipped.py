"""The recipes that come with mien: named, described by their first sentence, and found by name or as a file."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from mien.errors import RecipeError
from mien.train.recipe import shipped
from mien.train.recipe.shipped import ShippedRecipe, find_recipe, read_shipped, shipped_names


def test_every_recipe_says_in_one_sentence_what_it_is_and_names_its_data() -> None:
    names = shipped_names()
    assert len(names) >= 23 and "smoke" in names
    for name in names:
        recipe = read_shipped(name)
        assert recipe.content["name"] == name
        assert 20 < len(recipe.summary) < 240 and recipe.summary.endswith("."), name
        assert recipe.trains and recipe.needs, name


def test_the_line_of_a_recipe_is_the_first_sentence_of_its_comment() -> None:
    text = '# Of 0.5 GFLOP, for\n# testing. More of it.\nname = "a"\n# not this\n[detector]\nname = "scrfd-500m"\n'
    recipe = ShippedRecipe("a", Path("a.toml"), text)
    assert recipe.summary == "Of 0.5 GFLOP, for testing."
    assert recipe.trains == "scrfd-500m"
    assert ShippedRecipe("b", Path("b.toml"), "name = 'b'").summary == ""


def test_a_recipe_needs_its_sets_weights_and_lists_of_pairs_once_each() -> None:
    needs = read_shipped("finetune-mobilefacenet-celeba").needs
    assert needs == (
        "data/celeba-train-112", "weights/mobilefacenet_casia_068.ckpt", "data/celeba-held-112",
        "data/lfw-dev-test-112", "data/lfw/pairsDevTest.txt",
    )  # fmt: skip


def test_a_name_is_a_shipped_recipe_and_a_path_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "smoke").mkdir()
    assert find_recipe("smoke") == shipped.FOLDER / "smoke.toml"
    assert find_recipe("smoke.toml") == Path("smoke.toml")
    assert find_recipe("runs/smoke") == Path("runs/smoke")
    (tmp_path / "own").write_text("name = 'own'")
    assert find_recipe("own") == Path("own")


def test_a_misspelt_name_gets_the_nearest_one_and_the_list() -> None:
    with pytest.raises(RecipeError, match=r"no recipe 'smokey'; did you mean smoke\?; `mien recipes list`"):
        find_recipe("smokey")


def test_recipes_are_read_without_torch_and_pydantic() -> None:
    program = (
        "import sys; from mien.train.recipe.shipped import read_shipped; read_shipped('smoke').summary;"
        "assert not {'torch', 'pydantic'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_wheel_takes_the_folder_of_recipes_whole() -> None:
    root = Path(__file__).resolve().parents[3]
    with (root / "pyproject.toml").open("rb") as stream:
        wheel = tomllib.load(stream)["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel == {"packages": ["src/mien"]}, (
        "files that are not Python are packed with their package, none excluded"
    )
    assert root / "src" / "mien" / "recipes" == shipped.FOLDER
