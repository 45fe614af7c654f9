"""mien doctor: what it finds on this machine, and its exit code."""

import json
from pathlib import Path

import pytest

from mien.cli import run
from mien.models import store


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store without the damaged models of other tests."""
    monkeypatch.setenv("MIEN_HOME", str(tmp_path))


def found(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, str]]:
    return {row["topic"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}


def test_a_machine_with_everything_is_good(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json"]) == 0
    topics = found(capsys)
    assert topics["openvino"]["state"] == topics["processor"]["state"] == topics["model mtcnn"]["state"] == "good"


def test_a_damaged_model_is_bad_and_names_its_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    (store.load("mtcnn").folder / "onet.onnx").write_bytes(b"damaged")
    assert run(["doctor", "--json"]) == 3
    row = found(capsys)["model mtcnn"]
    assert (row["state"], row["remedy"]) == ("bad", "mien models remove mtcnn") and "sha256" in row["detail"]
