"""Trainings from end to end on made-up faces: they learn, resume to the bit, and stop cleanly."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.cli import run  # noqa: E402
from mien.errors import CheckpointError, NonFiniteError, RecipeError  # noqa: E402
from mien.train import checkpoint  # noqa: E402
from mien.train.distributed import ALONE  # noqa: E402
from mien.train.journal import read_journal  # noqa: E402
from mien.train.loop import Progress, train  # noqa: E402
from mien.train.optimize import LossScale  # noqa: E402
from mien.train.recipe_io import format_recipe, parse_recipe  # noqa: E402
from mien.train.recognizers import step as stepping  # noqa: E402
from mien.train.recognizers import task as recognition  # noqa: E402
from mien.train.recognizers.recipe import Recipe  # noqa: E402
from mien.train.recognizers.validation import ValidationSet  # noqa: E402

STEPS = 6


def make(pack: Path, **changes: dict[str, Any] | list[Any]) -> Recipe:
    """A recipe of a few steps; sections are merged with the changes."""
    content: dict[str, Any] = {
        "name": "made-up",
        "data": {"sets": [str(pack)]},
        "model": {"backbone": "mobilefacenet", "embedding": 32},
        "head": {"name": "arcface", "scale": 16.0, "margin": 0.2},
        "optimizer": {"rate": 0.05, "rate_batch": 16},
        "schedule": {"batch": 16, "steps": STEPS},
        "run": {"precision": "f32", "save_every": 2, "device": "cpu"},
    }
    for section, values in changes.items():
        content[section] = content.get(section, {}) | values if isinstance(values, dict) else values
    return parse_recipe(content, "made-up")


def losses(folder: Path) -> list[float]:
    return [line["loss"] for line in read_journal(folder / "log.jsonl") if "loss" in line]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, face_pack: Path) -> Path:
    """A whole run, evaluated on its own set."""
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    train(make(face_pack, evaluate=[{"name": "same", "set": str(face_pack), "every": 3}]), folder)
    return folder


def test_the_loss_falls_and_everything_is_written(unbroken: Path) -> None:
    curve = losses(unbroken)
    assert len(curve) == STEPS
    assert np.mean(curve[-2:]) < 0.8 * np.mean(curve[:2])
    assert [path.name for path in checkpoint.checkpoints(unbroken / "checkpoints")] == [
        "step-00000004",
        "step-00000006",
    ]
    evaluated = [line["step"] for line in read_journal(unbroken / "log.jsonl") if "evaluated" in line]
    assert evaluated == [0, 3, 6]
    report = json.loads((unbroken / "report" / "report.json").read_text())
    assert report["protocol"] == "training"
    assert report["numbers"]["last loss"]["value"] == pytest.approx(np.mean(curve))
    assert {chart["name"] for chart in report["charts"]} >= {"loss", "rate"}
    assert list((unbroken / "tensorboard").iterdir())


@pytest.mark.parametrize(
    "head", ["softmax", "cosface", "combined", "curricularface", "adaface", "sub-center-arcface"]
)
def test_every_head_trains_with_sampled_classes(face_pack: Path, tmp_path: Path, head: str) -> None:
    recipe = make(face_pack, head={"name": head, "sample": 0.9, "scale": 16.0, "margin": 0.1}, schedule={"steps": 2})
    train(recipe, tmp_path / "run")
    assert np.isfinite(losses(tmp_path / "run")).all()


@pytest.mark.parametrize(
    "settings",
    [
        {"run": {"precision": "bf16"}},
        {"run": {"accumulate": 2, "recompute": True, "channels_last": False}},
        {"optimizer": {"name": "adamw", "rate": 1e-3}},
    ],
)
def test_precisions_and_memory_savers_train(face_pack: Path, tmp_path: Path, settings: dict[str, Any]) -> None:
    train(make(face_pack, **settings, schedule={"steps": 3}), tmp_path / "run")
    assert np.isfinite(losses(tmp_path / "run")).all()
    assert losses(tmp_path / "run")[-1] < losses(tmp_path / "run")[0]


def test_a_scaled_loss_makes_the_same_step(face_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = make(face_pack, schedule={"steps": 2})
    train(recipe, tmp_path / "plain")
    monkeypatch.setattr(LossScale, "of", classmethod(lambda kind, precision: kind(1024.0, grows=True)))
    train(recipe, tmp_path / "scaled")
    assert losses(tmp_path / "scaled") == pytest.approx(losses(tmp_path / "plain"), rel=1e-4)


def test_half_precision_is_refused_on_a_processor(face_pack: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="take bf16"):
        train(make(face_pack, run={"precision": "fp16"}), tmp_path / "run")


def start(recipe: Path, out: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "mien", "train", str(recipe), "--out", str(out)]
    return subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())})


def wait_for_steps(process: "subprocess.Popen[bytes]", folder: Path, count: int) -> None:
    deadline = time.monotonic() + 120
    while len(losses(folder)) < count:
        assert process.poll() is None, "the training ended early"
        assert time.monotonic() < deadline, "the training is too slow"
        time.sleep(0.02)


def test_killed_and_resumed_is_unbroken_to_the_bit(unbroken: Path, face_pack: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(format_recipe(make(face_pack, run={"save_every": 2})))
    process = start(recipe, tmp_path / "run")
    wait_for_steps(process, tmp_path / "run", 3)
    process.kill()
    process.wait()
    train(make(face_pack), tmp_path / "run")
    assert losses(tmp_path / "run") == losses(unbroken)
    ours, theirs = (checkpoint.latest(folder / "checkpoints") for folder in (tmp_path / "run", unbroken))
    assert ours is not None and theirs is not None
    for name, value in ours.state["weights"].items():
        assert torch.equal(value, theirs.state["weights"][name]), name
    assert torch.equal(ours.heads[0]["weight"], theirs.heads[0]["weight"])


def test_an_interrupt_writes_a_checkpoint_and_goes_on_later(face_pack: Path, tmp_path: Path, unbroken: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(format_recipe(make(face_pack, run={"save_every": 100})))
    process = start(recipe, tmp_path / "run")
    wait_for_steps(process, tmp_path / "run", 1)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    done = checkpoint.latest(tmp_path / "run" / "checkpoints")
    assert done is not None and 0 < done.step < STEPS
    train(make(face_pack), tmp_path / "run")
    assert losses(tmp_path / "run") == losses(unbroken)


def test_two_processes_make_the_steps_of_one_and_take_over_its_checkpoint(
    face_pack: Path, tmp_path: Path, together: Callable[..., list[str]]
) -> None:
    recipe = make(
        face_pack, run={"synchronize_norms": True, "save_every": 2}, schedule={"steps": 4}, optimizer={"rate": 0.005}
    )
    (tmp_path / "r.toml").write_text(format_recipe(recipe))
    alone, both = tmp_path / "alone", tmp_path / "both"
    train(recipe, alone)
    together(["-m", "mien", "train", str(tmp_path / "r.toml"), "--out", str(both)], 2)
    # Sums are taken in another order, which a few steps amplify.
    assert losses(both) == pytest.approx(losses(alone), rel=2e-3)
    assert losses(both)[0] == pytest.approx(losses(alone)[0], rel=1e-5)
    saved = checkpoint.latest(both / "checkpoints")
    assert saved is not None and len(saved.heads) == 2
    for path in (alone, both):
        last = checkpoint.checkpoints(path / "checkpoints")[-1]
        for file in last.iterdir():
            file.unlink()
        last.rmdir()
    # From step 2 on, each is taken over by the other's number of processes.
    together(["-m", "mien", "train", str(tmp_path / "r.toml"), "--out", str(alone)], 2)
    train(recipe, both)
    assert losses(alone) == pytest.approx(losses(both), rel=2e-3)
    assert len(losses(alone)) == len(losses(both)) == 4


def poison(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Make the weights infinite before one step."""
    real = stepping.make_step

    def faulty(trained: Any, batch: Any, *rest: Any) -> Any:
        if batch.step == at:
            with torch.no_grad():
                next(iter(trained.backbone.conv_34.parameters())).fill_(float("inf"))
        return real(trained, batch, *rest)

    monkeypatch.setattr(recognition, "make_step", faulty)


def test_a_loss_that_is_no_number_names_layer_and_batch(
    face_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, 3)
    with pytest.raises(NonFiniteError, match=r"step 4: .*conv_34.*not finite.*batch begins with crop \d+"):
        train(make(face_pack), tmp_path / "run")
    last = checkpoint.latest(tmp_path / "run" / "checkpoints")
    assert last is not None and last.step == 2
    assert all(torch.isfinite(value).all() for value in last.state["weights"].values())


def test_it_can_step_back_and_go_on(face_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    poison(monkeypatch, 3)
    told: list[Progress] = []
    train(make(face_pack, run={"non_finite": "step back"}), tmp_path / "run", told.append)
    assert any("It goes on from step 2" in progress.told for progress in told)
    assert np.isfinite(losses(tmp_path / "run")).all()
    assert checkpoint.latest(tmp_path / "run" / "checkpoints").step == STEPS  # type: ignore[union-attr]
    # Step 3 was made twice and is told once; the step that was left out, the fourth, has no loss.
    assert [line["step"] for line in read_journal(tmp_path / "run" / "log.jsonl")] == [1, 2, 3, 5, 6]


def test_an_evaluation_that_was_broken_off_is_made_up_for_and_others_are_not_made_again(
    unbroken: Path, face_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(unbroken, tmp_path / "run")
    log = tmp_path / "run" / "log.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    assert "evaluated" in lines[-1]
    log.write_text("".join(lines[:-1]))
    made: list[str] = []
    real = ValidationSet.embed
    monkeypatch.setattr(ValidationSet, "embed", lambda one, embed: made.append(one.settings.name) or real(one, embed))
    train(make(face_pack, evaluate=[{"name": "same", "set": str(face_pack), "every": 3}]), tmp_path / "run")
    assert made == ["same"]
    assert [json.loads(line)["step"] for line in log.read_text().splitlines() if "evaluated" in line] == [0, 3, 6]
    train(make(face_pack, evaluate=[{"name": "same", "set": str(face_pack), "every": 3}]), tmp_path / "run")
    assert made == ["same"]


def test_what_a_killed_process_left_does_not_spoil_the_next_checkpoint(unbroken: Path, tmp_path: Path) -> None:
    partial = tmp_path / ".step-00000009.part"
    partial.mkdir()
    (partial / "head-0003-of-0004.pt").write_bytes(b"left behind")
    state = dict(checkpoint.latest(unbroken / "checkpoints").state)  # type: ignore[union-attr]
    checkpoint.save(tmp_path, 9, state, {"weight": torch.ones(3)}, ALONE, 2)
    found = checkpoint.latest(tmp_path)
    assert found is not None and [head["weight"].tolist() for head in found.heads] == [[1.0, 1.0, 1.0]]


def test_a_full_disk_leaves_the_last_checkpoint_readable(face_pack: Path, tmp_path: Path, unbroken: Path) -> None:
    train(make(face_pack, schedule={"steps": 2}), tmp_path / "run")
    recipe = make(face_pack)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    folder = tmp_path / "run" / "checkpoints"
    state = dict(checkpoint.read(folder / "step-00000002").state)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        with pytest.raises(CheckpointError, match=r"step 9 could not be written to .*step-00000002 is whole"):
            checkpoint.save(folder, 9, state, {"weight": torch.zeros(10)}, ALONE, 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert [path.name for path in folder.iterdir()] == ["step-00000002"]
    assert checkpoint.latest(folder).step == 2  # type: ignore[union-attr]
    assert recipe.name == "made-up"


def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(unbroken: Path, tmp_path: Path) -> None:
    shutil.copytree(unbroken / "checkpoints", tmp_path / "checkpoints")
    (tmp_path / "checkpoints" / "step-00000006" / "state.pt").write_bytes(b"cut")
    found = checkpoint.latest(tmp_path / "checkpoints")
    assert found is not None and found.step == 4
    for file in (tmp_path / "checkpoints" / "step-00000004").glob("head-*"):
        file.unlink()
    with pytest.raises(CheckpointError):
        checkpoint.latest(tmp_path / "checkpoints")


def test_another_recipe_does_not_go_on_in_a_run(unbroken: Path, face_pack: Path) -> None:
    with pytest.raises(RecipeError, match="holds a run of another recipe"):
        train(make(face_pack, head={"margin": 0.3}), unbroken)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schedule": {"batch": 64}}, "48 crops do not fill one batch of 64"),
        ({"schedule": {"batch": 15}, "run": {"accumulate": 2}}, "take a multiple of 2"),
        ({"schedule": {"batch": 2}, "run": {"accumulate": 2}}, "BatchNorm needs two crops"),
        ({"head": {"name": "cosface", "factor": 1.0}}, "head.factor: cosface has no such number"),
        ({"data": {"least": 7}}, "0 classes with at least 7 crops"),
    ],
)
def test_what_cannot_be_followed_is_said_before_the_first_step(
    face_pack: Path, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(RecipeError, match=words):
        train(make(face_pack, **changes), tmp_path / "run")
    assert not (tmp_path / "run" / "log.jsonl").exists()


def test_labels_out_of_range_are_refused(face_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = recognition.open_dataset

    def faulty(*arguments: Any) -> Any:
        crops = real(*arguments)
        crops.labels = crops.labels + 1
        return crops

    monkeypatch.setattr(recognition, "open_dataset", faulty)
    with pytest.raises(RecipeError, match=r"label of \d to 8 is out of range for 8 classes"):
        train(make(face_pack), tmp_path / "run")


def test_a_pack_whose_checksums_fail_is_refused(make_pack: Callable[..., Path], tmp_path: Path) -> None:
    pack = make_pack()
    shard = next(pack.glob("*.bin"))
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 255
    shard.write_bytes(bytes(data))
    with pytest.raises(RecipeError, match="sha256 is another one"):
        train(make(pack, data={"check": True}), tmp_path / "run")


def test_the_command_says_what_to_do_with_the_result(
    face_pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.toml").write_text(format_recipe(make(face_pack, schedule={"steps": 1})))
    assert run(["train", str(tmp_path / "r.toml"), "--out", str(tmp_path / "run")]) == 0
    assert f"mien export {tmp_path / 'run'}" in capsys.readouterr().out
    (tmp_path / "bad.toml").write_text("name = 'a'\nmodle = 3\n")
    assert run(["train", str(tmp_path / "bad.toml")]) == 3
    assert "did you mean model?" in capsys.readouterr().err
