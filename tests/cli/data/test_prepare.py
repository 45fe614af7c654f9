"""mien data prepare, as a user calls it."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.cli import run
from mien.types import Image


def test_what_becomes_of_several_faces(
    people: Path, tmp_path: Path, hopper: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    two = tmp_path / "set" / "Hopper" / "two.png"
    two.parent.mkdir(parents=True)
    Pillow.fromarray(np.hstack([hopper[:500], hopper[:500, ::-1]])).save(two)

    def counts(name: str, *options: str) -> tuple[dict, str]:
        run(
            [
                "data",
                "prepare",
                str(tmp_path / "set"),
                "--out",
                str(tmp_path / name),
                "--workers",
                "1",
                "--json",
                *options,
            ]
        )
        captured = capsys.readouterr()
        return json.loads(captured.out)["counts"], captured.err

    assert counts("default")[0] == counts("reject", "--multiple-faces", "reject")[0] == {"several faces": 1}
    assert counts("largest", "--multiple-faces", "largest") == ({"written": 1}, "")
    taken, notice = counts("take", "--several", "take")
    assert taken == {"written": 1} and "--several is now --multiple-faces, and take is now largest" in notice
    assert counts("old", "--several", "reject")[0] == {"several faces": 1}
