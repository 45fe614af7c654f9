"""What the training of a detector takes: every recipe, planned on made-up scenes."""

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.cli import run  # noqa: E402
from mien.train.detectors.recipe import DetectorRecipe  # noqa: E402
from mien.train.detectors.registry import DETECTORS  # noqa: E402
from mien.train.kinds import read_recipe  # noqa: E402
from mien.train.recipe.shipped import FOLDER  # noqa: E402

RECIPES = [path for path in sorted(FOLDER.glob("*.toml")) if "[detector]" in path.read_text(encoding="utf-8")]


def test_every_recipe_of_a_detector_can_be_planned(
    scenes: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert {path.stem for path in RECIPES} == {
        "retinaface-mnet025-wider",
        "retinaface-r50-wider",
        "scrfd-500m-wider",
        "scrfd-2.5g-wider",
        "detector-scenes",
        "detector-gpu",
        "detector-landmarks",
        "detector-portraits",
        "detector-smoke",
    }
    monkeypatch.setattr("mien.train.detectors.plan._seconds_per_step", lambda task: 0.5)
    monkeypatch.chdir(tmp_path)
    for path in RECIPES:
        recipe = read_recipe(path)
        assert recipe.name == path.stem and isinstance(recipe, DetectorRecipe)
        if recipe.init is not None:
            assert recipe.init.weights.name.startswith("step-")
        settings = ["--set", f'data.sets=["{scenes}"]', "--set", "schedule.batch=8", "--set", "evaluate=[]"]
        if recipe.init is not None:
            settings += ["--set", "init.weights=runs/start"]
            (tmp_path / "runs" / "start").mkdir(parents=True, exist_ok=True)
            state = {
                "detector": recipe.detector.name,
                "weights": DETECTORS[recipe.detector.name].build().state_dict(),
            }
            torch.save(state, tmp_path / "runs" / "start" / "state.pt")
        assert run(["train", str(path), "--dry-run", "--json", *settings]) == 0, path
        plan = json.loads(capsys.readouterr().out)
        assert (plan["images"], plan["steps_per_epoch"]) == (24, 3) and plan["multiplications"] > 1e7
        assert plan["checkpoint_bytes"] >= 8 * plan["parameters"] and plan["activation_bytes"] > 1e6


def test_a_plan_of_a_detector_is_for_its_processes(
    scenes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    batches: list[int] = []
    monkeypatch.setattr(
        "mien.train.detectors.plan._seconds_per_step", lambda task: batches.append(task.recipe.schedule.batch) or 0.5
    )
    path = str(FOLDER / "detector-smoke.toml")
    settings = ["--set", f'data.sets=["{scenes}"]', "--set", "evaluate=[]"]
    assert run(["train", path, "--dry-run", "--json", *settings, "--processes", "2"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["batch"], plan["steps_per_epoch"], plan["seconds"]) == (4, 3, 10.0) and batches == [4]
    assert run(["train", path, "--dry-run", *settings, "--set", "schedule.batch=32", "--processes", "2"]) == 3
    assert "24 images do not fill one batch of 32" in capsys.readouterr().err
