"""mien train and mien export without their extra, and how a training is shown."""

import importlib.util
import json
from types import SimpleNamespace

import pytest

from mien.cli import run
from mien.cli import train as verbs


@pytest.mark.parametrize("argv", [["train", "recipe.toml"], ["export", "run"]])
def test_without_the_extra_the_command_is_named(
    argv: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else object())
    assert run(argv) == 3
    assert "training needs torch: pip install 'mien[train]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "1 second"), (89, "89 seconds"), (90, "1.5 minutes"), (5399, "90.0 minutes"), (5400, "1.5 hours"),
        (86400, "24.0 hours"), (200_000, "2.3 days"),
    ],
)  # fmt: skip
def test_durations_are_in_the_largest_unit_that_fits(seconds: float, text: str) -> None:
    assert verbs._long(seconds) == text


def step(number: int, message: str = "") -> SimpleNamespace:
    return SimpleNamespace(step=number, steps=9, loss=1.5, rate=0.1, speed=20.0, seconds_left=60.0, message=message)


def show(steps: range, seconds_per_step: float, monkeypatch: pytest.MonkeyPatch, **how: bool) -> None:
    clock = iter(100 + seconds_per_step * number for number in range(100))
    monkeypatch.setattr(verbs.time, "monotonic", lambda: next(clock))
    with verbs._Line(**how) as line:
        for number in steps:
            line.show(step(number))  # type: ignore[arg-type]
        line.show(step(9, "evaluated"))  # type: ignore[arg-type]


def test_a_file_gets_a_line_now_and_then_and_the_last_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    show(range(1, 10), 11, monkeypatch, json=False, quiet=False)
    shown = capsys.readouterr()
    lines = shown.err.splitlines()
    assert [line.split(":")[0] for line in lines] == [*(f"step {n} of 9" for n in (1, 4, 7, 9)), "step 9"]
    assert "loss 1.500, rate 0.1, 20 images/s, 60 seconds left" in lines[0] and shown.out == ""


def test_programs_get_json_and_other_processes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    show(range(1, 3), 60, monkeypatch, json=True, quiet=False)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    numbers = {"steps": 9, "loss": 1.5, "rate": 0.1, "speed": 20.0}
    assert rows == [{"step": 1} | numbers, {"step": 2} | numbers, {"step": 9, "message": "evaluated"}]
    show(range(1, 3), 60, monkeypatch, json=False, quiet=True)
    shown = capsys.readouterr()
    assert shown.out == shown.err == ""
