"""mien train and mien export, as their users see them."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import recognizer_recipe  # noqa: E402

from mien.cli import run  # noqa: E402
from mien.train.recipe.io import format_recipe  # noqa: E402


def test_the_command_says_what_to_do_with_the_result(
    face_pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.toml").write_text(format_recipe(recognizer_recipe(face_pack, schedule={"steps": 1})))
    assert run(["train", str(tmp_path / "r.toml"), "--out", str(tmp_path / "run")]) == 0
    assert f"mien export {tmp_path / 'run'}" in capsys.readouterr().out
    (tmp_path / "bad.toml").write_text("name = 'a'\nmodle = 3\n")
    assert run(["train", str(tmp_path / "bad.toml")]) == 3
    assert "did you mean model?" in capsys.readouterr().err
