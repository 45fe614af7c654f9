"""One process of the made-up training under torchrun; the second one is killed once, before its sixth step.

Run by tests: elastic.py FOLDER [whole machine]. With the last, torchrun on its machine is killed too. Each start
appends its rank and number of processes to FOLDER/starts.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import toy

from mien.train.kinds import KINDS, parse_recipe
from mien.train.loop import train

TOP = Path(sys.argv[1])
STEP = toy.ToyTask.step


def step(task: toy.ToyTask, batch: toy.ToyBatch, rate: float, **asked: Any) -> Any:
    killed = TOP / "killed"
    if batch.step == 5 and task.world.rank == 1 and not killed.exists():
        killed.touch()
        if "whole machine" in sys.argv:
            os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
    return STEP(task, batch, rate, **asked)


if __name__ == "__main__":
    KINDS["toy"] = toy.TOY
    toy.ToyTask.step = step  # type: ignore[method-assign]
    with (TOP / "starts").open("a") as stream:
        stream.write(f"{os.environ['RANK']} of {os.environ['WORLD_SIZE']}\n")
    train(parse_recipe(toy.toy_content(), "toy"), TOP / "run")
