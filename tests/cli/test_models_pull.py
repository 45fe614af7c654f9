"""mien models pull and bundle, as a user calls them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mien.cli import run
from mien.cli.models_pull import _transfer_bar
from mien.progress import Progress

Make = Callable[..., bytes]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "home"))


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_default_is_changed_only_after_a_yes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "pull", "recommended"]) == 2
    said = capsys.readouterr().err
    assert "add --yes if it may" in said and "Licence: Apache-2.0" in said and "face-mesh" in said


def test_a_bundle_takes_models_to_another_machine(
    make_recognizer: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    net = tmp_path / "net.onnx"
    net.write_bytes(make_recognizer())
    assert run(["models", "bundle", str(tmp_path / "none.zip")]) == 2
    assert "no model that was pulled or added" in capsys.readouterr().err
    run(["models", "add", str(net), "--name", "net-cli", "--colour", "BGR"])
    capsys.readouterr()
    bundle = tmp_path / "models.zip"
    assert run(["models", "bundle", str(bundle), "--json"]) == 0
    assert lines(capsys)[0]["models"] == ["net-cli"]
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "there"))
    assert run(["models", "pull", "net-cli", "--from", str(bundle), "--json"]) == 0
    assert lines(capsys)[0]["input"]["colour"] == "BGR"
    assert run(["models", "pull", "net-cli", "--from", str(tmp_path / "nowhere")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_a_long_transfer_in_a_log_says_every_ten_seconds_how_much_has_come(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter((0.0, 0.0, 5.0, 10.0))
    monkeypatch.setattr("mien.cli.progress.time.monotonic", lambda: next(clock))
    with _transfer_bar() as update:
        for done in (0, 10_000_000, 20_400_000):
            update(Progress(stage="pulling", done=done, total=240_000_000))
    assert capsys.readouterr().err == "pulling, in MB: 20 of 240, 2.0 per second, 1 min 50 s left\n"
