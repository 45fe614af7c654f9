"""mien train and mien export, as their users see them."""

from pathlib import Path

import pytest
import tomli_w

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

import toy  # noqa: E402
from made_up import recognizer_recipe  # noqa: E402

from mien.cli import run  # noqa: E402
from mien.train.kinds import KINDS  # noqa: E402
from mien.train.recipe.io import format_recipe  # noqa: E402


def test_the_report_is_in_the_language_of_the_option_or_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(KINDS, "toy", toy.TOY)
    (tmp_path / "r.toml").write_text(tomli_w.dumps(toy.toy_content()))

    def language_of(name: str, *options: str) -> str:
        assert run(["train", str(tmp_path / "r.toml"), "--out", str(tmp_path / name), *options]) == 0
        return (tmp_path / name / "report" / "language").read_text()

    assert language_of("default") == "en"
    assert language_of("option", "--language", "vi") == "vi"
    monkeypatch.setenv("MIEN_LANGUAGE", "vi")
    assert language_of("settings") == "vi"
    assert language_of("both", "--language", "en") == "en"
    assert run(["train", str(tmp_path / "r.toml"), "--language", "xx"]) == 2
    assert "--language: there is no language 'xx'" in capsys.readouterr().err


def test_the_command_says_what_to_do_with_the_result(
    face_pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.toml").write_text(format_recipe(recognizer_recipe(face_pack, schedule={"steps": 1})))
    assert run(["train", str(tmp_path / "r.toml"), "--out", str(tmp_path / "run")]) == 0
    said = capsys.readouterr().out
    assert f"mien export {tmp_path / 'run'}" in said
    assert "did not fall by more than batches differ: one step shows no direction" in " ".join(said.split())
    assert "# Training: made-up" in (tmp_path / "run" / "report" / "report.md").read_text()
    (tmp_path / "bad.toml").write_text("name = 'a'\nmodle = 3\n")
    assert run(["train", str(tmp_path / "bad.toml")]) == 3
    assert "did you mean model?" in capsys.readouterr().err
