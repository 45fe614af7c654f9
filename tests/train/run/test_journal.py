"""The log of a training: one line per step and evaluation, and what is dropped when steps are made again."""

import json
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import shortest_recipe  # noqa: E402

from mien.errors import MissingExtraError  # noqa: E402
from mien.train.kinds import parse_recipe  # noqa: E402
from mien.train.run.journal import Journal, read_journal  # noqa: E402


def test_a_log_drops_the_steps_that_are_made_again_and_remembers_evaluations(tmp_path: Path) -> None:
    recipe = parse_recipe(shortest_recipe(), "r")
    with Journal(tmp_path, recipe, 0, writes=True) as journal:
        for step in range(1, 5):
            journal.write(step, {"loss": 1.0 / step})
        journal.write(2, {"evaluated": "set", "set/ap": 0.5})
        journal.write(4, {"evaluated": "set", "set/ap": 0.6})
        assert journal.evaluated == {(2, "set"), (4, "set")}
        journal.rewind(3)
        assert journal.evaluated == {(2, "set")}
        journal.write(4, {"loss": 9.0})
    lines = read_journal(tmp_path / "log.jsonl")
    assert [(line["step"], line.get("loss")) for line in lines] == [
        (1, 1.0),
        (2, 0.5),
        (3, 1 / 3),
        (2, None),
        (4, 9.0),
    ]


def test_tensorboard_keeps_the_evaluations_of_the_step_that_is_resumed_at(tmp_path: Path) -> None:
    """It dropped them, and they are not made again."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    recipe = parse_recipe(shortest_recipe(), "r")
    with Journal(tmp_path, recipe, 0, writes=True) as journal:
        for step in range(1, 5):
            journal.write(step, {"loss": float(step)})
        journal.write(2, {"evaluated": "set", "set/ap": 0.5})
    with Journal(tmp_path, recipe, 2, writes=True) as journal:
        journal.write(3, {"loss": 9.0})
    board = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(one.step, one.value) for one in board.Scalars("loss")] == [(1, 1), (2, 2), (3, 9)]
    assert [(one.step, one.value) for one in board.Scalars("set/ap")] == [(2, 0.5)]


def test_an_evaluation_is_on_the_disk_before_a_run_can_be_killed(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with Journal(tmp_path, parse_recipe(shortest_recipe(), "r"), 0, writes=True) as journal:
        journal.write(2, {"loss": 1.0})
        journal.write(2, {"evaluated": "set", "set/ap": 0.5})
        board = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
        assert [one.step for one in board.Scalars("set/ap")] == [2]
        journal.write(3, {"loss": 1.0})
        journal.flush()
        assert [one.step for one in board.Reload().Scalars("loss")] == [2, 3]


def test_a_line_that_was_cut_off_ends_the_log(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(json.dumps({"step": 1}) + "\n" + '{"step": 2, "lo')
    assert read_journal(tmp_path / "log.jsonl") == [{"step": 1}]
    assert read_journal(tmp_path / "absent.jsonl") == []


def test_other_processes_write_nothing(tmp_path: Path) -> None:
    with Journal(tmp_path, parse_recipe(shortest_recipe(), "r"), 0, writes=False) as journal:
        journal.write(1, {"loss": 1.0})
    assert list(tmp_path.iterdir()) == []


def test_weights_and_biases_is_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    recipe = parse_recipe(shortest_recipe(run={"wandb": True}), "r")
    with pytest.raises(MissingExtraError, match=r"pip install 'mien\[wandb\]'"):
        Journal(tmp_path, recipe, 0, writes=True)
