"""Detectors: assignment and losses by plain loops, augmentation by looking, training, resuming, exporting."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import detector_recipe, weights_of  # noqa: E402

from mien.errors import CheckpointError  # noqa: E402
from mien.train.compute.distributed import ALONE  # noqa: E402
from mien.train.detectors.task import DetectionTask  # noqa: E402
from mien.train.loop import StepReport, train  # noqa: E402
from mien.train.recipe.io import format_recipe  # noqa: E402

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", ["scrfd-500m", "retinaface-mnet025"])
def test_a_few_steps_learn_and_the_report_is_written(scenes: Path, tmp_path: Path, name: str) -> None:
    reports: list[StepReport] = []
    changes = {"schedule": {"batch": 8, "steps": 30}, "evaluate": [{"name": "same", "set": str(scenes)}]}
    train(
        detector_recipe(scenes, detector={"name": name, "side": 128}, **changes),
        tmp_path / "run",
        language="vi",
        on_report=reports.append,
    )
    losses = [one.loss for one in reports if not one.message]
    assert np.mean(losses[-8:]) < 0.93 * np.mean(losses[:8])
    report = json.loads((tmp_path / "run" / "report" / "report.json").read_text())
    assert report["protocol"] == "training" and report["numbers"]["same/ap"]["value"] is not None
    assert report["title"] == "Huấn luyện: tiny"
    assert any("false boxes" in one.message for one in reports)


def test_a_training_that_was_killed_goes_on_to_the_same_weights(scenes: Path, tmp_path: Path) -> None:
    class KilledError(Exception):
        pass

    def kill(report: StepReport) -> None:
        if report.step == 5:
            raise KilledError

    recipe = detector_recipe(scenes, augment={"mosaic": 0.5, "blur": 0.3})
    train(recipe, tmp_path / "whole")
    with pytest.raises(KilledError):
        train(recipe, tmp_path / "cut", on_report=kill)
    train(recipe, tmp_path / "cut")
    whole, cut = weights_of(tmp_path / "whole"), weights_of(tmp_path / "cut")
    assert all(torch.equal(whole[key], cut[key]) for key in whole)


def test_parts_of_a_batch_weigh_as_the_whole_does(scenes: Path) -> None:
    """Without BatchNorm's dependence on the batch, accumulated gradients differ only by how faces are counted."""
    task = DetectionTask(detector_recipe(scenes), ALONE)
    outcome = task.step(next(iter(task.batches(0))), 1e-3)
    assert outcome.finite and outcome.loss == pytest.approx(sum(value for _, value in outcome.parts), rel=1e-4)
    parts = DetectionTask(detector_recipe(scenes, run={"accumulate": 2, "precision": "f32"}), ALONE)
    assert parts.step(next(iter(parts.batches(0))), 1e-3).finite


@pytest.mark.slow
def test_two_processes_come_to_what_one_comes_to(scenes: Path, tmp_path: Path, together: Callable[..., None]) -> None:
    run_ = {"save_every": 3, "precision": "f32", "synchronize_norms": True, "device": "cpu"}
    recipe = detector_recipe(
        scenes, run=run_, schedule={"batch": 8, "steps": 3}, optimizer={"rate": 0.01, "rate_batch": 8}
    )
    (tmp_path / "r.toml").write_text(format_recipe(recipe))
    train(recipe, tmp_path / "one")
    together(["-m", "mien", "train", str(tmp_path / "r.toml"), "--out", str(tmp_path / "two")], 2)
    one, two = weights_of(tmp_path / "one"), weights_of(tmp_path / "two")
    start = DetectionTask(recipe, ALONE).network.state_dict()
    moved = sum(float((one[key] - start[key]).square().sum()) for key in one if one[key].is_floating_point())
    apart = sum(float((one[key] - two[key]).square().sum()) for key in one if one[key].is_floating_point())
    assert apart < 1e-3 * moved


def test_fine_tuning_begins_at_the_weights_and_refuses_others(scenes: Path, tmp_path: Path) -> None:
    last = train(detector_recipe(scenes), tmp_path / "run").checkpoint
    tuned = detector_recipe(scenes, init={"weights": str(last)}, schedule={"batch": 8, "steps": 1})
    task = DetectionTask(tuned, ALONE)
    before = weights_of(tmp_path / "run")
    assert all(torch.equal(value, before[key]) for key, value in task.network.state_dict().items())
    wrong = detector_recipe(scenes, init={"weights": str(last)}, detector={"name": "retinaface-mnet025", "side": 128})
    with pytest.raises(CheckpointError, match="is scrfd-500m, and the recipe trains retinaface-mnet025"):
        DetectionTask(wrong, ALONE)
