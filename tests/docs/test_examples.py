"""Every script in examples/ does what its first lines say, on public-domain portraits."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import mien
from mien.geometry import corners, iou

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def example() -> Callable[[str], ModuleType]:
    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"example_{name}", ROOT / "examples" / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


Example = Callable[[str], ModuleType]
Printed = pytest.CaptureFixture[str]


def test_compare(example: Example, collins_path: Path, hopper_path: Path, capsys: Printed) -> None:
    example("compare").main(str(collins_path), str(hopper_path))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("no match: L2 0.") and lines[1].startswith("false match rate 0.001, measured on LFW")


def test_attendance(example: Example, collins_path: Path, tmp_path: Path, capsys: Printed) -> None:
    (tmp_path / "Eileen Collins").mkdir()
    (tmp_path / "Eileen Collins" / "1.png").write_bytes(collins_path.read_bytes())
    example("attendance").main(str(tmp_path), str(collins_path))
    assert capsys.readouterr().out.startswith("Eileen Collins at ")


def test_identity_cards(example: Example, collins_path: Path, tmp_path: Path, capsys: Printed) -> None:
    (tmp_path / "a.png").write_bytes(collins_path.read_bytes())
    (tmp_path / "b.png").write_bytes(collins_path.read_bytes())
    (tmp_path / "cards.csv").write_text("id,card,selfie\none,a.png,b.png\n")
    example("identity_cards").main(str(tmp_path / "cards.csv"), str(tmp_path / "out"))
    printed = capsys.readouterr().out
    assert printed.startswith("one match [") and (tmp_path / "out" / "report.html").is_file()


def test_check_portraits(example: Example, collins_path: Path, capsys: Printed) -> None:
    example("check_portraits").main([str(collins_path)])
    lines = capsys.readouterr().out.splitlines()
    assert ", quality " in lines[0] and all(line.startswith("- ") for line in lines[1:]) and len(lines) > 1


def test_redact(example: Example, collins_path: Path, tmp_path: Path) -> None:
    example("redact").main(str(collins_path), str(tmp_path / "redacted.png"))
    before, after = mien.read_image(collins_path), mien.read_image(tmp_path / "redacted.png")
    box = mien.detect_faces(before)[0].box
    found = corners(face.box for face in mien.detect_faces(after))
    assert (before != after).any() and not (iou(corners([box]), found) > 0.3).any()
    below = int(box.y2 + 0.2 * box.height) + 3
    assert (before[below:] == after[below:]).all(), "only the head is changed"


def test_redact_says_that_nothing_was_written(example: Example, collins_path: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="cannot be written"):
        example("redact").main(str(collins_path), str(tmp_path / "none" / "redacted.png"))


def test_every_example_is_tried_here() -> None:
    tried = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert {path.stem for path in (ROOT / "examples").glob("*.py")} <= tried


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_cell_of_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cells = [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 4 and not any(cell["outputs"] for cell in cells), "notebooks are kept without outputs"
    names: dict[str, object] = {}
    for cell in cells:
        exec(compile("".join(cell["source"]), path.name, "exec"), names)
    made = {"compare_and_threshold": lambda: names["decision"] and not names["other"],
            "audit": (tmp_path / "report" / "report.html").is_file,
            "evaluate": (tmp_path / "mated" / "report.html").is_file}  # fmt: skip
    assert made[path.stem]()
