"""Trainings from end to end on made-up faces: they learn, resume to the bit, and stop cleanly."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

import toy  # noqa: E402
from made_up import STEPS, losses_of, recognizer_recipe  # noqa: E402

from mien.errors import LanguageError, NonFiniteError  # noqa: E402
from mien.progress import Progress  # noqa: E402
from mien.train.kinds import KINDS, parse_recipe  # noqa: E402
from mien.train.loop import StepReport, train  # noqa: E402
from mien.train.recognizers import step as stepping  # noqa: E402
from mien.train.recognizers import task as recognition  # noqa: E402
from mien.train.run import checkpoint  # noqa: E402
from mien.train.run.journal import read_journal  # noqa: E402


def test_the_loss_falls_and_everything_is_written(finished_run: Path) -> None:
    curve = losses_of(finished_run)
    assert len(curve) == STEPS
    assert np.mean(curve[-2:]) < 0.8 * np.mean(curve[:2])
    assert [path.name for path in checkpoint.checkpoints(finished_run / "checkpoints")] == [
        "step-00000004",
        "step-00000006",
    ]
    evaluated = [line["step"] for line in read_journal(finished_run / "log.jsonl") if "evaluated" in line]
    assert evaluated == [0, 3, 6]
    report = json.loads((finished_run / "report" / "report.json").read_text())
    assert report["protocol"] == "training"
    assert report["numbers"]["last loss"]["value"] == pytest.approx(curve[-1])
    assert {chart["name"] for chart in report["charts"]} >= {"loss", "rate"}
    assert list((finished_run / "tensorboard").iterdir())


def poison(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Make the weights infinite before one step."""
    real = stepping.make_step

    def faulty(learner: Any, batch: Any, *rest: Any, **more: Any) -> Any:
        if batch.step == at:
            with torch.no_grad():
                next(iter(learner.backbone.conv_34.parameters())).fill_(float("inf"))
        return real(learner, batch, *rest, **more)

    monkeypatch.setattr(recognition, "make_step", faulty)


def test_a_loss_that_is_no_number_names_layer_and_batch(
    face_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, 3)
    with pytest.raises(NonFiniteError, match=r"step 4: .*conv_34.*not finite.*batch begins with crop \d+"):
        train(recognizer_recipe(face_pack), tmp_path / "run")
    last = checkpoint.latest(tmp_path / "run" / "checkpoints")
    assert last is not None and last.step == 2
    assert all(torch.isfinite(value).all() for value in last.state["weights"].values())


def test_it_can_step_back_and_go_on(face_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    poison(monkeypatch, 3)
    reports: list[StepReport] = []
    train(recognizer_recipe(face_pack, run={"non_finite": "step back"}), tmp_path / "run", on_report=reports.append)
    assert any("It continues from step 2" in report.message for report in reports)
    assert np.isfinite(losses_of(tmp_path / "run")).all()
    assert checkpoint.latest(tmp_path / "run" / "checkpoints").step == STEPS  # type: ignore[union-attr]
    # Step 3 was made twice and is in the log once; the step that was left out, the fourth, has no loss.
    assert [line["step"] for line in read_journal(tmp_path / "run" / "log.jsonl")] == [1, 2, 3, 5, 6]


def train_toy(folder: Path, monkeypatch: pytest.MonkeyPatch, *bad: int, **changes: Any) -> list[StepReport]:
    """Train the made-up kind; some steps are not finite."""
    monkeypatch.setitem(KINDS, "toy", toy.TOY)
    reports: list[StepReport] = []
    train(parse_recipe(toy.toy_content(*bad, **changes), "toy"), folder, on_report=reports.append)
    return reports


def test_every_step_is_reported_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points: list[Progress] = []
    monkeypatch.setitem(KINDS, "toy", toy.TOY)
    result = train(parse_recipe(toy.toy_content(), "toy"), tmp_path / "run", on_progress=points.append)
    assert [(one.stage, one.done, one.total) for one in points] == [("training", n, 12) for n in range(1, 13)]
    assert result.checkpoint == tmp_path / "run" / "checkpoints" / "step-00000012" and result.first_process
    assert result.report.is_dir() and result.sentences == ("counted 12",)
    lines = read_journal(tmp_path / "run" / "log.jsonl")
    assert [line["loss"] for line in lines] == list(map(float, range(12)))
    assert all(line["rate"] == 1.0 and line["part"] == 0.5 and line["norm"] == 1.0 for line in lines)


def test_the_report_is_in_the_language_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "toy", toy.TOY)
    recipe = parse_recipe(toy.toy_content(), "toy")
    for language, arguments in (("en", {}), ("vi", {"language": "vi"})):
        found = train(recipe, tmp_path / language, **arguments)
        assert (found.report / "language").read_text() == language
    with pytest.raises(LanguageError, match="there is no language 'xx'"):
        train(recipe, tmp_path / "xx", language="xx")
    assert not (tmp_path / "xx").exists(), "a training of days does not end in an error"


def test_the_rate_follows_the_batch_and_the_warm_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = {"batch": 4, "epochs": 3, "decay": "step", "warm_up": 1, "milestones": [2], "gamma": 0.5}
    reports = train_toy(tmp_path / "run", monkeypatch, schedule=schedule)
    wanted = [0.125, 0.25, 0.375, 0.5, *[0.5] * 4, *[0.25] * 4]
    assert [one.rate for one in reports] == pytest.approx(wanted)


def test_only_the_last_checkpoints_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for keep, wanted in ((1, [12]), (3, [6, 9, 12])):
        folder = tmp_path / f"keep-{keep}"
        train_toy(folder, monkeypatch, run={"save_every": 3, "keep": keep, "device": "cpu"})
        assert [int(path.name[5:]) for path in checkpoint.checkpoints(folder / "checkpoints")] == wanted


def test_sets_are_evaluated_before_after_and_as_often_as_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = [{"name": "often", "every": 5}, {"name": "ends"}]
    reports = train_toy(tmp_path / "run", monkeypatch, evaluate=sets)
    messages = [(one.step, one.message) for one in reports if one.message]
    assert messages == [
        (0, "often: counted 0"),
        (0, "ends: counted 0"),
        (5, "often: counted 5"),
        (10, "often: counted 10"),
        (12, "often: counted 12"),
        (12, "ends: counted 12"),
    ]


def test_a_training_steps_back_three_times_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_ = {"save_every": 2, "device": "cpu", "non_finite": "step back"}
    reports = train_toy(tmp_path / "thrice", monkeypatch, 3, 6, 9, run=run_)
    assert [one.step for one in reports if one.message] == [2, 6, 8]
    steps = [line["step"] for line in read_journal(tmp_path / "thrice" / "log.jsonl")]
    assert steps == [1, 2, 3, 5, 6, 8, 9, 11, 12]
    with pytest.raises(NonFiniteError, match=r"step 11: .*toy batch 10"):
        train_toy(tmp_path / "more", monkeypatch, 3, 6, 9, 10, run=run_)


def test_without_a_checkpoint_there_is_no_stepping_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NonFiniteError, match="toy batch 1"):
        train_toy(tmp_path / "run", monkeypatch, 1, run={"device": "cpu", "non_finite": "step back"})
