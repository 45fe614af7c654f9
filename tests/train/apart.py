"""One of several processes that train the made-up kind, each with a folder of its own, as on separate machines.

Run by tests, with RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT set: apart.py FOLDER. Writes a line of
JSON per part into FOLDER/RANK.jsonl.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import toy

from mien.errors import TrainingError
from mien.train.compute.distributed import World, joined
from mien.train.kinds import KINDS, parse_recipe
from mien.train.loop import train
from mien.train.run import checkpoint, folder
from mien.train.run.folder import RunFolder

RANK, TOP = int(os.environ["RANK"]), Path(sys.argv[1])


def machine(number: int) -> Path:
    return TOP / f"machine-{number}" / "run"


def files_of(number: int) -> list[str]:
    return sorted(str(path.relative_to(machine(number))) for path in machine(number).rglob("*") if path.is_file())


def meet_again() -> None:
    """Each part has a port of its own, since a process may come before the other has left the part before."""
    os.environ["MASTER_PORT"] = str(int(os.environ["MASTER_PORT"]) + 1)


def note(found: dict[str, Any]) -> None:
    with (TOP / f"{RANK}.jsonl").open("a") as stream:
        stream.write(json.dumps(found) + "\n")


def run(part: str, place: Path, **changes: Any) -> None:
    """Train, and note what came out; the parts of a checkpoint that were restored are in `ranks`."""
    meet_again()
    notes: list[str] = []
    restored: list[int] = []
    real = toy.ToyTask.restore
    toy.ToyTask.restore = lambda task, saved: (restored.extend(h["rank"] for h in saved.heads), real(task, saved))  # type: ignore[method-assign,assignment,func-returns-value]
    try:
        recipe = parse_recipe(toy.toy_content(**changes), "toy")
        train(recipe, place, on_report=lambda report: notes.append(report.message) if report.message else None)
        said = ""
    except TrainingError as reason:
        said = f"{type(reason).__name__}: {reason}"
    finally:
        toy.ToyTask.restore = real  # type: ignore[method-assign]
    note({"part": part, "said": said, "notes": notes, "restored": restored, "files": files_of(RANK)})


def lose_a_part(world: World) -> None:
    """The second process has lost the shared folder, and writes to a local one of the same name."""
    place = RunFolder(machine(RANK + 10), world.channel)
    if RANK:
        (place.checkpoints / ".step-00000002.part").mkdir(parents=True)
    try:
        checkpoint.write_checkpoint(place, 2, {}, {"rank": RANK}, 2)
        said = ""
    except TrainingError as reason:
        said = str(reason)
    note({"part": "lost", "said": said, "files": files_of(RANK + 10)})


if __name__ == "__main__":
    KINDS["toy"] = toy.TOY
    folder.PATIENCE = checkpoint.PATIENCE = (0.0,)
    gathers = {"run": {"save_every": 2, "device": "cpu", "gather": True}}
    longer = {"schedule": {"batch": 8, "epochs": 4, "decay": "constant"}}
    run("refused", machine(RANK))
    run("gathered", machine(RANK), **gathers)
    run("continued", machine(RANK), **gathers, **longer)
    # The machines change places: the second process has the newest checkpoint now.
    longest = {"schedule": {"batch": 8, "epochs": 5, "decay": "constant"}}
    run("moved", machine(1 - RANK), **gathers, **longest)
    meet_again()
    with joined("cpu") as world:
        lose_a_part(world)
