"""mien recipes: what a person sees before a training, and a training that is started by name."""

import json
from pathlib import Path

import pytest

from mien.cli import run
from mien.train.recipe.shipped import FOLDER, shipped_names


def test_the_list_has_every_recipe_with_its_network_and_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recipes", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:-1]] == shipped_names()
    smoke = next(line for line in lines if line.startswith("smoke "))
    assert "mobilefacenet, arcface" in smoke and "A few minutes on a laptop" in smoke
    assert run(["recipes", "list", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["name"] for row in rows] == shipped_names()
    assert all(Path(row["path"]).is_file() and row["needs"] for row in rows)


def test_show_prints_the_file_with_its_comments(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recipes", "show", "smoke"]) == 0
    assert capsys.readouterr().out == (FOLDER / "smoke.toml").read_text(encoding="utf-8")
    assert run(["recipes", "show", "smoke", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["recipe"]["schedule"] == {"batch": 16, "steps": 20, "warm_up": 0.0}


def test_copy_writes_the_file_and_never_over_one_of_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["recipes", "copy", "smoke"]) == 0
    assert "mien train smoke.toml" in capsys.readouterr().out
    assert Path("smoke.toml").read_bytes() == (FOLDER / "smoke.toml").read_bytes()
    Path("own.toml").write_text("mine")
    assert run(["recipes", "copy", "smoke", "--out", "own.toml"]) == 3
    assert "own.toml was not made by mien" in capsys.readouterr().err and Path("own.toml").read_text() == "mine"
    assert run(["recipes", "copy", "smoke", "--out", "own.toml", "--overwrite"]) == 0
    assert Path("own.toml").read_text().startswith("# A few minutes")


@pytest.mark.parametrize("verb", ["show", "copy"])
def test_a_misspelt_recipe_gets_the_nearest_name(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recipes", verb, "smok"]) == 3
    assert "there is no recipe 'smok'; did you mean smoke?" in capsys.readouterr().err


def test_train_takes_a_recipe_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")
    monkeypatch.chdir(tmp_path)
    assert run(["train", "smoke", "--dry-run"]) == 3
    assert "data/portraits-112" in capsys.readouterr().err
    assert run(["train", "smokes", "--dry-run"]) == 3
    assert "did you mean smoke?" in capsys.readouterr().err
