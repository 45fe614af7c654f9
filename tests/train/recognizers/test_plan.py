"""What a training takes: every recipe of a recognizer, planned on made-up data sets."""

import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import recognizer_recipe, shortest_recipe, tuning_recipe  # noqa: E402

from mien.cli import run  # noqa: E402
from mien.train.kinds import parse_recipe, read_recipe  # noqa: E402
from mien.train.recipe.io import format_recipe  # noqa: E402
from mien.train.recipe.shipped import FOLDER  # noqa: E402
from mien.train.recognizers import plan as planning  # noqa: E402
from mien.train.recognizers.backbones.registry import build  # noqa: E402

RECIPES = [path for path in sorted(FOLDER.glob("*.toml")) if "[detector]" not in path.read_text(encoding="utf-8")]


NAMED = {
    "arcface-r50-deepglint",
    "arcface-r100-ms1m",
    "curricularface-r50-deepglint",
    "curricularface-r100-ms1m",
    "arcface-r152-ms1m",
    "curricularface-r152-deepglint",
    "arcface-r50-celeba",
    "finetune-r50-portraits",
    "mobilefacenet-cpu",
    "smoke",
}


def test_the_named_recipes_are_there() -> None:
    assert {path.stem for path in RECIPES} >= NAMED


@pytest.fixture
def places(tmp_path: Path, face_pack: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder in which every set of every recipe is a small made-up one."""
    dlib = None
    for path in RECIPES:
        recipe = read_recipe(path)
        for place in (*recipe.data.sets, *(one.set for one in recipe.evaluate)):
            target = tmp_path / place
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                continue
            if place.suffix == ".bin":
                images = [cv2.imencode(".png", np.full((112, 112, 3), i, np.uint8))[1].tobytes() for i in range(40)]
                target.write_bytes(pickle.dumps((images, [i % 2 == 0 for i in range(20)])))
            elif "-150" in place.name:
                dlib = dlib or tmp_path / "dlib-faces"
            else:
                target.symlink_to(face_pack)
        for one in recipe.evaluate:
            if one.pairs is not None:
                (tmp_path / one.pairs).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / one.pairs).write_text("1\t1\na\t1\t2\na\t1\tb\t1\n")
        if recipe.init is not None and recipe.init.weights != "dlib-resnet":
            weights = tmp_path / recipe.init.weights
            weights.parent.mkdir(parents=True, exist_ok=True)
            torch.save(build(recipe.model.backbone, recipe.model.embedding).state_dict(), weights)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_recipe_can_be_planned(
    places: Path, make_pack: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(planning, "_seconds_per_crop", lambda recipe, world: 0.5)
    for path in RECIPES:
        recipe = read_recipe(path)
        for place in (*recipe.data.sets, *(one.set for one in recipe.evaluate)):
            if not (places / place).exists():
                (places / place).symlink_to(make_pack(150, "dlib"))  # type: ignore[operator]
        assert recipe.name == path.stem
        settings = ["--set", "schedule.batch=48", "--set", "data.min_crops=1"]
        settings += ["--set", "teacher.model=dlib-resnet"] if recipe.teacher is not None else []
        assert run(["train", str(path), "--dry-run", "--json", *settings]) == 0, path
        found = json.loads(capsys.readouterr().out)
        assert (found["images"], found["classes"], found["steps_per_epoch"]) == (48, 8, 1)
        wanted = recipe.schedule.steps or round(recipe.schedule.epochs or 0)
        assert found["steps"] == wanted
        assert found["bytes"] > 0 and found["seconds"] >= found["steps"] * 48 * 0.5
        assert found["evaluations"] == [one.name for one in recipe.evaluate]


def test_the_plan_times_a_step_of_the_network(face_pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = next(path for path in RECIPES if path.stem == "smoke")
    settings = ["--set", f'data.sets=["{face_pack}"]']
    assert run(["train", str(path), "--dry-run", *settings]) == 0
    assert "on this machine, without reading and evaluations" in " ".join(capsys.readouterr().out.split())


def test_a_plan_is_for_the_device_and_the_processes_of_the_training(
    face_pack: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It planned for one process on a processor whatever the recipe said, and refused fp16 for a GPU."""
    monkeypatch.setattr(planning, "_seconds_per_crop", lambda recipe, world: 0.5)
    path = str(next(path for path in RECIPES if path.stem == "smoke"))
    settings = ["--set", f'data.sets=["{face_pack}"]', "--set", "head.sample=1"]

    def planned(*more: str) -> dict[str, object]:
        assert run(["train", path, "--dry-run", "--json", *settings, *more]) == 0
        found: dict[str, object] = json.loads(capsys.readouterr().out)
        return found

    one, four = planned(), planned("--processes", "4")
    assert (one["batch"], four["batch"]) == (16, 4)
    assert one["machine"]["device"] == four["machine"]["device"] == "this processor"  # type: ignore[index]
    assert four["machine"]["processes"] == 4 and one["machine"]["memory"] > 2**30  # type: ignore[index]
    assert four["activation_bytes"] == one["activation_bytes"] / 4  # type: ignore[operator]
    assert four["seconds"] == pytest.approx(one["seconds"] / 4, rel=0.2)
    assert one["checkpoint_bytes"] == four["checkpoint_bytes"] == 4 * 2 * (one["parameters"] + 8 * 128)  # type: ignore[operator]
    elsewhere = planned("--set", "run.device=cuda", "--set", "run.precision=fp16")
    if not torch.cuda.is_available():
        assert elsewhere["seconds"] is None and elsewhere["machine"]["device"] == "GPU"  # type: ignore[index]
        assert run(["train", path, "--dry-run", *settings, "--set", "run.device=cuda"]) == 0
        assert "torch sees no GPU here" in " ".join(capsys.readouterr().out.split())
    assert run(["train", path, "--dry-run", *settings, "--processes", "3"]) == 3
    assert "take a multiple of 3" in capsys.readouterr().err
    assert run(["train", path, "--processes", "3"]) == 2
    assert "torchrun --nproc-per-node" in capsys.readouterr().err


def test_weights_that_do_not_learn_need_no_gradient_and_no_momentum(
    face_pack: Path, foreign_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "_seconds_per_crop", lambda recipe, world: 0.5)
    whole, frozen, thin = (
        planning.plan_recognizer(tuning_recipe(face_pack, foreign_weights, **init))
        for init in ({}, {"freeze": [0, 1]}, {"lora": 2})
    )
    assert whole.backbone_bytes == 12 * whole.parameters
    assert 4 * thin.parameters < thin.backbone_bytes < frozen.backbone_bytes < whole.backbone_bytes


def test_the_size_of_a_checkpoint_is_that_of_the_plan(
    face_pack: Path, finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "_seconds_per_crop", lambda recipe, world: 0.5)
    plan = planning.plan_recognizer(recognizer_recipe(face_pack))
    written = sum(file.stat().st_size for file in (finished_run / "checkpoints" / "step-00000006").iterdir())
    assert written == pytest.approx(plan.checkpoint_bytes, rel=0.1)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"init": {"weights": "absent.pth"}}, "absent.pth cannot be read"),
        ({"run": {"precision": "fp16", "device": "cpu"}}, "take bf16"),
    ],
)
def test_a_dry_run_finds_what_the_training_would_stumble_over(
    settings: dict[str, object],
    words: str,
    face_pack: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(planning, "_seconds_per_crop", lambda recipe, world: 0.5)
    recipe = parse_recipe(shortest_recipe(data={"sets": [str(face_pack)]}, **settings), "r")
    (tmp_path / "r.toml").write_text(format_recipe(recipe))
    assert run(["train", str(tmp_path / "r.toml"), "--dry-run"]) == 3
    assert words in capsys.readouterr().err
