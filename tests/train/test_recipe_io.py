"""Recipes: the schema's messages, and all that ship, planned on made-up data sets."""

import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.cli import run  # noqa: E402
from mien.errors import RecipeError  # noqa: E402
from mien.train.optimize import LossScale, factor_at, make_optimizer  # noqa: E402
from mien.train.recipe_io import format_recipe, parse_recipe, read_recipe  # noqa: E402
from mien.train.recognizers import plan as planning  # noqa: E402
from mien.train.recognizers.backbones.registry import build  # noqa: E402
from mien.train.settings import Optimizer, Schedule  # noqa: E402

RECIPES = [
    path
    for path in sorted((Path(__file__).resolve().parents[2] / "recipes").glob("*.toml"))
    if "[detector]" not in path.read_text(encoding="utf-8")
]
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


def least(**changes: object) -> dict[str, object]:
    """The shortest recipe, with changes."""
    return {
        "name": "a",
        "data": {"sets": ["x"]},
        "model": {"backbone": "mobilefacenet"},
        "optimizer": {"rate": 0.1},
        "schedule": {"batch": 8, "steps": 2},
        **changes,
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
    monkeypatch.setattr(planning, "_seconds_a_crop", lambda recipe, world: 0.5)
    for path in RECIPES:
        recipe = read_recipe(path)
        for place in (*recipe.data.sets, *(one.set for one in recipe.evaluate)):
            if not (places / place).exists():
                (places / place).symlink_to(make_pack(150, "dlib"))  # type: ignore[operator]
        assert recipe.name == path.stem
        settings = ["--set", "schedule.batch=16", "--set", "data.least=1"]
        assert run(["train", str(path), "--dry-run", "--json", *settings]) == 0, path
        found = json.loads(capsys.readouterr().out)
        assert (found["images"], found["classes"], found["steps_per_epoch"]) == (48, 8, 3)
        wanted = recipe.schedule.steps or round((recipe.schedule.epochs or 0) * 3)
        assert found["steps"] == wanted
        assert found["bytes"] > 0 and found["seconds"] >= found["steps"] * 16 * 0.5
        assert found["evaluations"] == [one.name for one in recipe.evaluate]


def test_the_plan_times_a_step_of_the_network(face_pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = next(path for path in RECIPES if path.stem == "smoke")
    settings = ["--set", f'data.sets=["{face_pack}"]']
    assert run(["train", str(path), "--dry-run", *settings]) == 0
    assert "time on this machine" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"init": {"weights": "absent.pth"}}, "absent.pth cannot be read"),
        ({"head": {"name": "cosface", "factor": 1.0}}, "head.factor: cosface has no such number"),
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
    monkeypatch.setattr(planning, "_seconds_a_crop", lambda recipe, world: 0.5)
    recipe = parse_recipe(least(data={"sets": [str(face_pack)]}, **settings), "r")
    (tmp_path / "r.toml").write_text(format_recipe(recipe))
    assert run(["train", str(tmp_path / "r.toml"), "--dry-run"]) == 3
    assert words in capsys.readouterr().err


def test_a_misspelt_key_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match=r"optimizer.momentun is no setting; did you mean momentum\?"):
        parse_recipe(least(optimizer={"rate": 0.1, "momentun": 0.9}), "r.toml")
    with pytest.raises(RecipeError, match=r"evaluate.0.piars is no setting; did you mean pairs\?"):
        parse_recipe(least(evaluate=[{"name": "a", "set": "x", "piars": "y"}]), "r.toml")
    with pytest.raises(RecipeError, match=r"schedul is no setting; did you mean schedule\?"):
        parse_recipe(least(schedul={}), "r.toml")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schedule": {"batch": 8}}, "either epochs or steps"),
        ({"schedule": {"batch": 8, "steps": 2, "epochs": 1}}, "either epochs or steps"),
        ({"augment": {"mirror": 1.5}}, "augment.mirror: .*less than or equal to 1"),
        ({"head": {"name": "arcfase"}}, "head.name: "),
        ({"model": {}}, "model.backbone is missing"),
        ({"evaluate": [{"name": "a", "set": "x"}] * 2}, "two sets"),
    ],
)
def test_values_that_cannot_be_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        parse_recipe(least(**changes), "r.toml")


def test_settings_go_on_top_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(format_recipe(parse_recipe(least(), "r")))
    recipe = read_recipe(path, ("schedule.batch=64", "optimizer.name=adamw", 'data.sets=["a", "b"]'))
    assert (recipe.schedule.batch, recipe.optimizer.name, len(recipe.data.sets)) == (64, "adamw", 2)
    assert recipe.rate == pytest.approx(0.1 * 64 / 512)
    assert recipe.digest != read_recipe(path).digest
    with pytest.raises(RecipeError, match=r"is no setting; write section\.key=value"):
        read_recipe(path, ("batch",))
    with pytest.raises(RecipeError, match="cannot be read: No such file"):
        read_recipe(tmp_path / "absent.toml")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(RecipeError, match="is no recipe, as it is no text"):
        read_recipe(tmp_path / "photo.jpg")
    with pytest.raises(RecipeError, match="is no TOML"):
        path.write_text("= 3")
        read_recipe(path)


def test_schedules() -> None:
    linear = Schedule(batch=8, epochs=10, warm_up=1)
    rates = [factor_at(step, 100, 10, linear) for step in range(100)]
    assert rates[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert rates[10] == 1 and rates[55] == pytest.approx(0.5) and rates[-1] == pytest.approx(1 / 90)
    steps = Schedule(batch=8, epochs=10, decay="step", milestones=(2, 5), gamma=0.1)
    assert [factor_at(s, 100, 10, steps) for s in (0, 19, 20, 49, 50)] == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    assert factor_at(99, 100, 10, Schedule(batch=8, epochs=10, decay="constant")) == 1


def test_vectors_do_not_decay_and_early_stages_learn_less() -> None:
    backbone = build("mobilefacenet", 32)
    settings = Optimizer(rate=0.1, weight_decay=5e-4)
    groups = make_optimizer(backbone, settings, 0.5).param_groups
    for group in groups:
        kinds = {parameter.ndim > 1 for parameter in group["params"]}
        assert kinds == {group["weight_decay"] > 0}
    assert sorted({group["share"] for group in groups}) == [0.5**i for i in (4, 3, 2, 1, 0)]
    assert sum(len(group["params"]) for group in groups) == len(list(backbone.parameters()))


def test_the_loss_scale_halves_on_overflow_and_doubles_after_a_while() -> None:
    scale = LossScale(1024.0, grows=True)
    scale.seen(overflowed=True)
    assert scale.value == 512
    for _ in range(100):
        scale.seen(overflowed=False)
    assert scale.value == 1024
    still = LossScale()
    still.seen(overflowed=True)
    assert still.value == 1
