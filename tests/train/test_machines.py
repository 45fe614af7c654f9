"""Several processes whose machines have no folder in common: nothing is lost in silence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.train.run import checkpoint  # noqa: E402
from mien.train.run.journal import read_journal  # noqa: E402

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
Parts = list[dict[str, dict[str, Any]]]
"""By process, what each part of apart.py gave."""


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("machines")


@pytest.fixture(scope="module")
def parts(top: Path, together: Callable[..., None]) -> Parts:
    together([str(HERE / "apart.py"), str(top)], 2)
    lines = [[json.loads(line) for line in (top / f"{rank}.jsonl").read_text().splitlines()] for rank in range(2)]
    return [{line["part"]: line for line in own} for own in lines]


def test_two_folders_of_one_name_are_refused_before_the_first_step(parts: Parts, top: Path) -> None:
    """Training went on and reported success; each checkpoint had the class centres of one machine."""
    for own in parts:
        assert own["refused"]["said"] == (
            f"RecipeError: process 1 of 2 does not see the folder {top}/machine-{parts.index(own)}/run of process 0, "
            "so checkpoints would lack its class centres: choose an --out that all machines share, or set run.gather "
            "= true, with which process 0 collects them"
        )
        assert own["refused"]["files"] == []


def test_the_first_process_collects_all_parts_where_the_recipe_says_so(parts: Parts) -> None:
    first, second = (own["gathered"] for own in parts)
    assert (first["said"], second["said"]) == ("", "")
    assert {file for file in first["files"] if "step-00000012" in file} == {
        f"checkpoints/step-00000012/{name}" for name in ("state.pt", "head-0000-of-0002.pt", "head-0001-of-0002.pt")
    }
    assert second["files"] == [], "the other machine's disk does not fill"


def test_a_process_without_the_folder_continues_from_the_first_ones(parts: Parts) -> None:
    first, second = (own["continued"] for own in parts)
    assert (first["said"], second["said"]) == ("", "")
    assert first["restored"] == second["restored"] == [0, 1]
    assert any("schedule.epochs is 3" in note and "4" in note for note in first["notes"])
    assert any("step-00000016" in file for file in first["files"]) and second["files"] == []


def test_a_run_goes_on_when_another_machine_comes_first_after_a_restart(parts: Parts, top: Path) -> None:
    first, second = (own["moved"] for own in parts)
    assert (first["said"], second["said"]) == ("", "")
    assert first["restored"] == second["restored"] == [0, 1]
    # The first process is on the second machine now, and has the log and the checkpoints there.
    newest = checkpoint.latest(top / "machine-1" / "run" / "checkpoints")
    assert newest is not None and newest.step == 20 and newest.state["count"] == 20
    steps = [line["step"] for line in read_journal(top / "machine-1" / "run" / "log.jsonl")]
    assert steps == list(range(1, 21))
    assert not list((top / "machine-0" / "run").glob(".received*"))


def test_a_checkpoint_that_lacks_a_part_does_not_take_the_place_of_a_whole_one(parts: Parts) -> None:
    first, second = (own["lost"] for own in parts)
    assert "the part of process 1 did not arrive" in first["said"]
    assert "could not be written" in second["said"]
    assert first["files"] == second["files"] == []
