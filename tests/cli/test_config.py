"""mien config: reads and writes settings, and the other verbs follow them."""

import json
from pathlib import Path

import pytest

from mien.cli import run
from mien.settings import names, user_file


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def listed(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    capsys.readouterr()
    assert run(["config", "list", "--json"]) == 0
    return {row["setting"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}


def test_set_get_and_unset(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "set", "recognizer", "own-model"]) == 0
    assert run(["config", "set", "threads", "2", "--project"]) == 0
    assert user_file().read_text() == 'recognizer = "own-model"\n'
    assert Path("mien.toml").read_text() == "threads = 2\n"
    capsys.readouterr()
    assert run(["config", "get", "recognizer"]) == 0
    assert capsys.readouterr().out == "own-model\n"
    assert run(["config", "unset", "recognizer"]) == 0
    assert run(["config", "unset", "recognizer"]) == 1
    assert run(["config", "get", "recognizer"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "dlib-resnet"


def test_list_says_where_each_value_comes_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(["config", "set", "language", "vi"])
    monkeypatch.setenv("MIEN_ENGINE", "openvino")
    rows = listed(capsys)
    assert tuple(rows) == names()
    assert rows["language"]["value"] == "vi" and rows["language"]["origin"] == str(user_file())
    assert rows["engine"]["origin"] == "environment variable MIEN_ENGINE"
    assert rows["detector"] == {
        "setting": "detector",
        "value": "mtcnn",
        "origin": "default",
        "variable": "MIEN_DETECTOR",
    }


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["set", "detecter", "x"], "there is no setting 'detecter'; did you mean detector?"),
        (["set", "engine", "steam"], "engine is one of auto, onnxruntime, openvino, not 'steam'"),
        (["get", "precison"], "did you mean precision?"),
        (["unset", "nothing-like-it"], "there is no setting 'nothing-like-it'; see `mien config list`"),
    ],
)
def test_wrong_names_and_values_are_wrong_commands(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config", *arguments]) == 2
    assert says in capsys.readouterr().err
    assert not user_file().exists()


def test_other_verbs_follow_the_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    run(["config", "set", "detector", "nobody"])
    assert run(["detect", str(tmp_path / "a.png")]) == 3
    assert "nobody" in capsys.readouterr().err
    assert run(["detect", str(tmp_path / "a.png"), "--detector", "haar"]) == 3
    assert "nobody" not in capsys.readouterr().err


def test_a_broken_file_stops_every_verb_with_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mien.toml").write_text("engine = steam")
    assert run(["compare", "a.png", "b.png"]) == 3
    assert "mien.toml is not valid TOML" in capsys.readouterr().err
