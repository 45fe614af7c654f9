"""Work in parts: going on after a kill, another plan, and what a kill leaves behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mien.data.resumable import open_parts
from mien.errors import ResumeError

NAMES = "part-{:06d}.txt"


def put(folder: Path, *numbers: int, plan: dict | None = None) -> None:
    parts = open_parts(folder, plan or {"rows": 9}, NAMES)
    for number in numbers:
        with parts.write(number) as path:
            path.write_text(str(number))


def test_parts_are_numbered_and_read_in_order(tmp_path: Path) -> None:
    put(tmp_path / "p", 2, 0, 11)
    parts = open_parts(tmp_path / "p", {"rows": 9}, NAMES)
    assert parts.numbers() == [0, 2, 11] and [path.read_text() for path in parts.files()] == ["0", "2", "11"]
    assert parts.first_missing() == 1, "work in order goes on at the gap, not after the number of parts"
    assert parts.is_complete(2) and not parts.is_complete(1)
    with parts.append() as path:
        path.write_text("new")
    assert parts.files()[-1].name == "part-000012.txt", "an appended part comes last, whatever is missing"


def test_a_part_is_whole_or_absent(tmp_path: Path) -> None:
    parts = open_parts(tmp_path / "p", {}, NAMES)
    with pytest.raises(KeyboardInterrupt), parts.write(0) as path:
        path.write_text("half")
        assert parts.numbers() == [] and not parts.is_complete(0)
        raise KeyboardInterrupt
    assert parts.files() == [] and parts.first_missing() == 0


def test_a_killed_process_loses_the_part_in_hand_and_nothing_else(tmp_path: Path) -> None:
    script = tmp_path / "work.py"
    script.write_text(
        "import sys, time; from pathlib import Path; from mien.data.resumable import open_parts\n"
        "parts = open_parts(Path(sys.argv[1]), {'rows': 9}, 'part-{:06d}.txt')\n"
        "for number in range(parts.first_missing(), 4):\n"
        "    with parts.write(number) as path:\n"
        "        path.write_text(f'{number} by {sys.argv[2]}')\n"
        "        print(number, flush=True)\n"
        "        if number == int(sys.argv[3]): time.sleep(600)\n"
    )
    folder = tmp_path / "p"
    process = subprocess.Popen(
        [sys.executable, str(script), str(folder), "first", "2"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(3)] == ["0\n", "1\n", "2\n"]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    left = [file.name for file in folder.iterdir() if file.name.startswith(".")]
    assert left == [f".part-000002.{process.pid}.part.txt"], "the kill left a half-written file"
    again = subprocess.run(
        [sys.executable, str(script), str(folder), "second", "-1"], capture_output=True, text=True, check=True
    )
    assert again.stdout.split() == ["2", "3"]
    parts = open_parts(folder, {"rows": 9}, NAMES)
    assert [path.read_text() for path in parts.files()] == ["0 by first", "1 by first", "2 by second", "3 by second"]
    assert sorted(file.name for file in folder.iterdir()) == [*(NAMES.format(n) for n in range(4)), "plan.json"]
    parts.remove()
    assert not folder.exists()


def test_work_killed_before_its_plan_was_written_can_begin(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / ".plan.77.part.json").write_text('{"ro')
    put(tmp_path / "p", 0)
    assert sorted(file.name for file in (tmp_path / "p").iterdir()) == ["part-000000.txt", "plan.json"]


def test_another_plan_is_refused_by_what_differs(tmp_path: Path) -> None:
    put(tmp_path / "p", 0, plan={"settings": {"size": 112, "quality": 95}, "models": ("a", "b")})
    again = {"settings": {"size": 112, "quality": 95}, "models": ["a", "b"]}
    assert open_parts(tmp_path / "p", again, NAMES).numbers() == [0], "a tuple and a list are one plan"
    for plan, what in (
        ({"settings": {"size": 224, "quality": 95}, "models": ["a", "b"]}, "size"),
        ({"settings": {"size": 112, "quality": 90}, "models": ["b", "a"]}, "quality and models"),
        ({"settings": {"size": 112}, "models": ["a", "b"]}, "quality"),
        ({"settings": {"size": 112, "quality": 95, "pose": 1}, "models": ["a", "b"]}, "pose"),
    ):
        with pytest.raises(ResumeError, match=rf"p was begun with a different {what}; choose a different --out"):
            open_parts(tmp_path / "p", plan, NAMES)
    assert open_parts(tmp_path / "p", again, NAMES).numbers() == [0], "a refusal changes nothing"


def test_another_plan_discards_what_may_be_discarded(tmp_path: Path) -> None:
    put(tmp_path / "p", 0, 1)
    kept = open_parts(tmp_path / "p", {"rows": 9}, NAMES, other_plan="discard")
    assert kept.numbers() == [0, 1]
    begun = open_parts(tmp_path / "p", {"rows": 10}, NAMES, other_plan="discard")
    assert begun.numbers() == [] and open_parts(tmp_path / "p", {"rows": 10}, NAMES).numbers() == []
    (tmp_path / "p" / "plan.json").write_text("{")
    assert open_parts(tmp_path / "p", {"rows": 10}, NAMES, other_plan="discard").numbers() == []


def test_folders_that_hold_something_else_are_refused(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.doc").write_text("x")
    with pytest.raises(ResumeError, match=r"full is not empty \(it has thesis.doc\); choose a different --out"):
        open_parts(tmp_path / "full", {}, NAMES)
    for other_plan in ("refuse", "discard"):
        with pytest.raises(ResumeError, match=r"thesis.doc is a file; name a folder"):
            open_parts(tmp_path / "full" / "thesis.doc", {}, NAMES, other_plan=other_plan)
    put(tmp_path / "p", 0)
    (tmp_path / "p" / "plan.json").write_text("{")
    with pytest.raises(ResumeError, match=r"plan.json is damaged .*; remove"):
        open_parts(tmp_path / "p", {"rows": 9}, NAMES)
    assert (tmp_path / "full" / "thesis.doc").read_text() == "x" and (tmp_path / "p" / "part-000000.txt").exists()
