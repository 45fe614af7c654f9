"""mien data teach: a teacher's embeddings of a pack, before the training that learns from them."""

from typing import Annotated

import typer

from mien.cli import options
from mien.cli.data.arguments import PackPath
from mien.cli.progress import progress_bar
from mien.cli.terminal import OK, emit, out
from mien.cli.train import require_training


def teach(
    path: PackPath,
    model: Annotated[
        str,
        typer.Option(
            "--teacher",
            help="A model by name, a card, a file of weights, or the folder of a run or of a checkpoint.",
            show_default=False,
        ),
    ],
    json: options.Json = False,
) -> int:
    """Embed a pack with a teacher, once; trainings whose recipe names the teacher read the result.

    It can be interrupted and run again. A training does the same before its first step, without a bar.

    Example:

      mien data teach celeba-112 --teacher face-reid-0095
    """
    require_training()
    from mien.train.recognizers.teacher_cache import teach_pack

    with progress_bar() as on_progress:
        taught = teach_pack(path, model, on_progress=on_progress)
    if json:
        emit({"folder": str(taught.folder), "rows": taught.rows, "numbers": taught.numbers})
    else:
        out.print(f"{taught.folder}: {taught.rows:,} embeddings of {taught.numbers} numbers")
    return OK
