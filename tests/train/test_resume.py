"""A run continues where it stopped, with the same result."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

import toy  # noqa: E402
from made_up import STEPS, losses_of, recognizer_recipe, start_training, wait_for_steps  # noqa: E402

from forks import Forks  # noqa: E402
from mien.errors import CheckpointError, RecipeError  # noqa: E402
from mien.train.kinds import KINDS, parse_recipe  # noqa: E402
from mien.train.loop import StepReport, train  # noqa: E402
from mien.train.recipe.io import format_recipe  # noqa: E402
from mien.train.recognizers.validation import ValidationSet  # noqa: E402
from mien.train.run import checkpoint  # noqa: E402


@pytest.mark.slow
def test_killed_and_resumed_is_unbroken_to_the_bit(
    finished_run: Path, face_pack: Path, tmp_path: Path, forks: Forks
) -> None:
    recipe = tmp_path / "recipe.toml"
    # Read by two processes until it is killed, and by a thread afterwards.
    recipe.write_text(format_recipe(recognizer_recipe(face_pack, run={"save_every": 2, "processes": 2})))
    process = start_training(forks, recipe, tmp_path / "run")
    wait_for_steps(process, tmp_path / "run", 3)
    process.kill()
    process.wait()
    train(recognizer_recipe(face_pack), tmp_path / "run")
    assert losses_of(tmp_path / "run") == losses_of(finished_run)
    ours, theirs = (checkpoint.latest(folder / "checkpoints") for folder in (tmp_path / "run", finished_run))
    assert ours is not None and theirs is not None
    for name, value in ours.state["weights"].items():
        assert torch.equal(value, theirs.state["weights"][name]), name
    assert torch.equal(ours.heads[0]["weight"], theirs.heads[0]["weight"])


@pytest.mark.slow
def test_an_interrupt_writes_a_checkpoint_and_goes_on_later(
    face_pack: Path, tmp_path: Path, finished_run: Path, forks: Forks
) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(format_recipe(recognizer_recipe(face_pack, run={"save_every": 100, "processes": 2})))
    process = start_training(forks, recipe, tmp_path / "run")
    wait_for_steps(process, tmp_path / "run", 1)
    # As a terminal does: to the training and to the processes that read for it.
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) == 130
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    done = checkpoint.latest(tmp_path / "run" / "checkpoints")
    assert done is not None and 0 < done.step < STEPS
    train(recognizer_recipe(face_pack), tmp_path / "run")
    assert losses_of(tmp_path / "run") == losses_of(finished_run)


@pytest.mark.slow
def test_two_processes_make_the_steps_of_one_and_take_over_its_checkpoint(
    face_pack: Path, tmp_path: Path, together: Callable[..., None]
) -> None:
    recipe = recognizer_recipe(
        face_pack, run={"synchronize_norms": True, "save_every": 2}, schedule={"steps": 4}, optimizer={"rate": 0.005}
    )
    (tmp_path / "r.toml").write_text(format_recipe(recipe))
    alone, both = tmp_path / "alone", tmp_path / "both"
    train(recipe, alone)
    together(["-m", "mien", "train", str(tmp_path / "r.toml"), "--out", str(both)], 2)
    # Sums are taken in another order, which a few steps amplify.
    assert losses_of(both) == pytest.approx(losses_of(alone), rel=2e-3)
    assert losses_of(both)[0] == pytest.approx(losses_of(alone)[0], rel=1e-5)
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
    assert losses_of(alone) == pytest.approx(losses_of(both), rel=2e-3)
    assert len(losses_of(alone)) == len(losses_of(both)) == 4


def test_another_recipe_does_not_go_on_in_a_run(finished_run: Path, face_pack: Path) -> None:
    with pytest.raises(
        RecipeError,
        match=r"has a run of another recipe \(head.margin is 0.2 there and 0.3 here\); choose a different --out",
    ):
        train(recognizer_recipe(face_pack, head={"margin": 0.3}), finished_run)


def test_an_evaluation_that_was_broken_off_is_made_up_for_and_others_are_not_made_again(
    finished_run: Path, face_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(finished_run, tmp_path / "run")
    log = tmp_path / "run" / "log.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    assert "evaluated" in lines[-1]
    log.write_text("".join(lines[:-1]))
    made: list[str] = []
    real = ValidationSet.embed
    monkeypatch.setattr(ValidationSet, "embed", lambda one, *more: made.append(one.settings.name) or real(one, *more))
    train(
        recognizer_recipe(face_pack, evaluate=[{"name": "same", "set": str(face_pack), "every": 3}]), tmp_path / "run"
    )
    assert made == ["same"]
    assert [json.loads(line)["step"] for line in log.read_text().splitlines() if "evaluated" in line] == [0, 3, 6]
    train(
        recognizer_recipe(face_pack, evaluate=[{"name": "same", "set": str(face_pack), "every": 3}]), tmp_path / "run"
    )
    assert made == ["same"]


def test_a_run_of_an_older_schema_continues_if_its_recipe_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, "toy", toy.TOY)
    recipe = parse_recipe(toy.toy_content(), "toy")
    last = train(recipe, tmp_path / "run").checkpoint / "state.pt"
    state = torch.load(last, weights_only=True)
    assert "bad = []" in state["recipe_text"]
    # The key had another name, so the digest was another one.
    text = state["recipe_text"].replace("bad = []", "wrong = []")
    torch.save(state | {"recipe": "an older digest", "recipe_text": text}, last)
    assert train(recipe, tmp_path / "run").checkpoint == last.parent
    with pytest.raises(
        RecipeError, match=r"has a run of another recipe \(toy.bad is \[\] there and \[3\] here\); choose"
    ):
        train(parse_recipe(toy.toy_content(3), "toy"), tmp_path / "run")


KILLED = """
import os, sys
from pathlib import Path
import toy
from mien.train.kinds import KINDS, parse_recipe
from mien.train.loop import train

KINDS["toy"] = toy.TOY
real = toy.ToyTask.evaluate
toy.ToyTask.evaluate = lambda task, n, step, folder: os._exit(9) if step == 4 else real(task, n, step, folder)
train(parse_recipe(toy.toy_content(evaluate=[{"name": "set", "every": 2}]), "toy"), Path(sys.argv[1]))
"""


def test_an_evaluation_due_at_a_checkpoint_is_not_lost_when_the_run_is_killed_during_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shipped recipes save and evaluate at the same steps; the run went on from the step after."""
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "run")], cwd=Path(__file__).parent, timeout=120, check=False
    )
    assert killed.returncode == 9, "killed by itself, and not ended"
    saved = checkpoint.latest(tmp_path / "run" / "checkpoints")
    # The checkpoint of step 4 may still have been on its way to the disk.
    assert saved is not None and saved.step in (2, 4)
    monkeypatch.setitem(KINDS, "toy", toy.TOY)
    train(parse_recipe(toy.toy_content(evaluate=[{"name": "set", "every": 2}]), "toy"), tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "evaluated" in line] == [0, 2, 4, 6, 8, 10, 12]
    assert [line["set/count"] for line in lines if "evaluated" in line] == [0, 2, 4, 6, 8, 10, 12]


def test_a_set_that_is_added_later_is_not_said_to_be_evaluated_before_the_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trained network was evaluated on it and written down as step 0."""
    monkeypatch.setitem(KINDS, "toy", toy.TOY)
    train(parse_recipe(toy.toy_content(), "toy"), tmp_path / "run")
    train(parse_recipe(toy.toy_content(evaluate=[{"name": "late"}]), "toy"), tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [(line["step"], line["late/count"]) for line in lines if "evaluated" in line] == [(12, 12)]


def test_a_newest_checkpoint_with_weights_that_are_no_numbers_is_not_continued_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, "toy", toy.TOY)
    newest = train(parse_recipe(toy.toy_content(), "toy"), tmp_path / "run").checkpoint / "state.pt"
    state = torch.load(newest, weights_only=True)
    for key, tensors in (
        ("weights", {"a": torch.tensor([float("nan")])}),
        ("optimizer", {"state": {0: {"m": torch.tensor([float("inf")])}}}),
    ):
        torch.save(state | {key: tensors}, newest)
        with pytest.raises(CheckpointError, match="NaN or infinite"):
            checkpoint.read(newest.parent)
        assert checkpoint.latest(tmp_path / "run" / "checkpoints").step == 10  # type: ignore[union-attr]
    reports: list[StepReport] = []
    train(parse_recipe(toy.toy_content(), "toy"), tmp_path / "run", on_report=reports.append)
    assert reports[0].message == "step-00000012 is damaged and was skipped; the training continues from step 10"


def test_a_checkpoint_that_lacks_a_part_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "toy", toy.TOY)
    recipe = parse_recipe(toy.toy_content(), "toy")
    newest = train(recipe, tmp_path / "run").checkpoint / "state.pt"
    state = torch.load(newest, weights_only=True)
    del state["count"]
    torch.save(state, newest)
    with pytest.raises(CheckpointError, match=r"step-00000012 lacks something .*KeyError: 'count'.*copy the whole"):
        train(recipe, tmp_path / "run")


def test_a_finished_run_goes_on_with_more_steps_another_name_and_the_pack_elsewhere(
    finished_run: Path, face_pack: Path, tmp_path: Path
) -> None:
    """It was a run of another recipe."""
    shutil.copytree(finished_run, tmp_path / "run")
    shutil.copytree(face_pack, tmp_path / "moved")
    reports: list[StepReport] = []
    longer = recognizer_recipe(tmp_path / "moved", schedule={"steps": STEPS + 2}, name="another")
    result = train(longer, tmp_path / "run", on_report=reports.append)
    assert result.checkpoint.name == f"step-{STEPS + 2:08d}"
    assert [one.message for one in reports if one.message] == [
        f"schedule.steps is {STEPS} there and {STEPS + 2} here: the learning rate of the steps to come follows the "
        "new length, so the result is not that of a run which began with it"
    ]
    assert len(losses_of(tmp_path / "run")) == STEPS + 2
    with pytest.raises(RecipeError, match=rf"has made {STEPS + 2} steps, and the recipe asks for {STEPS}: "):
        train(recognizer_recipe(face_pack), tmp_path / "run")


def test_a_run_that_goes_on_in_another_precision_says_so(finished_run: Path, face_pack: Path, tmp_path: Path) -> None:
    shutil.copytree(finished_run, tmp_path / "run")
    reports: list[StepReport] = []
    train(recognizer_recipe(face_pack, run={"precision": "bf16"}), tmp_path / "run", on_report=reports.append)
    assert [one.message for one in reports] == [
        "run.precision is f32 there and bf16 here: the steps to come are computed in another way"
    ]


def test_what_a_killed_run_left_half_written_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stayed on the disk, with the size of a checkpoint, unless the same step was written again."""
    monkeypatch.setitem(KINDS, "toy", toy.TOY)
    train(parse_recipe(toy.toy_content(), "toy"), tmp_path / "run")
    left = tmp_path / "run" / "checkpoints" / ".step-00000014.part"
    left.mkdir()
    train(parse_recipe(toy.toy_content(), "toy"), tmp_path / "run")
    assert not left.exists()
