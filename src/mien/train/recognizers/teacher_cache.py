"""A teacher's embeddings of a pack, made once and kept in a folder next to the pack.

The embeddings are those of the pack's crops as they are: what augmentation does to a crop, the teacher does not see.

The folder's name has a digest of pack and teacher, so another pack or teacher has another folder. Rows are float16
and in the pack's order, in parts of 65,536 that are read through the memory map, so that 42 million rows take no
memory. Work that was interrupted goes on; processes that share the folder share the work. Half precision moves a
number of an embedding by less than 0.0005 of itself, and a cosine by less than 1e-6. Knows no loss and no batch.
"""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.data.pack import Pack, is_pack
from mien.data.resumable import WorkParts, open_parts
from mien.errors import RecipeError
from mien.models.engines import usable_cores
from mien.prefetch import prefetch
from mien.progress import OnProgress, Progress, no_progress
from mien.train.compute.distributed import ALONE, World, joined
from mien.train.compute.order import Indices
from mien.train.recognizers.teacher import EmbedCrops, Teacher, open_teacher
from mien.types import Floats, Image, floats

ROWS = 65536
"""Rows of a part."""

AT_ONCE = 64
"""Crops that a teacher embeds at a time."""

PART = "part-{:05d}.npy"

Halves = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class TaughtPack:
    """A teacher's embeddings of one pack.

    Attributes:
        folder: of the parts.
        rows: number of crops of the pack.
        parts: (rows of the part, D) float16 each, in the pack's order.
    """

    folder: Path
    rows: int
    parts: Sequence[Halves]

    @property
    def numbers(self) -> int:
        """Numbers of an embedding."""
        return int(self.parts[0].shape[1])

    def read(self, rows: Indices) -> Floats:
        """Some rows: (N, D) float32 of unit length, within half precision."""
        found = np.empty((len(rows), self.numbers), np.float32)
        for place, row in enumerate(rows.tolist()):
            found[place] = self.parts[row // ROWS][row % ROWS]
        return found


def taught_folder(pack: Path, teacher: Teacher) -> Path:
    """Where a teacher's embeddings of a pack are."""
    about = hashlib.sha256((pack / "pack.json").read_bytes() + teacher.digest.encode()).hexdigest()
    return pack.with_name(f"{pack.name}.teacher-{about[:12]}")


def teach(path: Path, teacher: Teacher, world: World = ALONE, *, on_progress: OnProgress = no_progress) -> TaughtPack:
    """Embed a pack with a teacher, or what is missing of it, and open the result.

    Args:
        path: the pack.
        teacher: see open_teacher.
        world: the processes that share the work.
        on_progress: called after every part of a few crops.

    Raises:
        RecipeError: it is not a pack.
        ManifestError: a crop cannot be read.
        ResumeError: the folder holds something else.
        OSError: the folder cannot be written to.
    """
    require_pack(path)
    pack = Pack(path)
    if world.rank == 0:
        _open_parts(path, pack, teacher)
    world.wait()
    parts = _open_parts(path, pack, teacher)
    numbers = range(-(-len(pack) // ROWS))
    _write(pack, parts, numbers[world.rank :: world.size], teacher, on_progress)
    world.wait()
    # Machines without a shared folder have only their own parts; each makes the rest.
    _write(pack, parts, numbers, teacher, on_progress)
    world.wait()
    return TaughtPack(parts.folder, len(pack), [np.load(parts.path(number), mmap_mode="r") for number in numbers])


def teach_pack(path: Path, model: str, *, on_progress: OnProgress = no_progress) -> TaughtPack:
    """Embed a pack with a teacher, on the GPU if there is one; trainings whose recipe names the teacher read it.

    Args:
        path: the pack.
        model: see mien.train.recognizers.teacher.open_teacher.
        on_progress: called after every part of a few crops.

    Raises:
        RecipeError: it is not a pack, or the teacher's pose cannot be made of its crops.
        ModelError: no such model.
        CheckpointError: the teacher's checkpoint cannot be read.

    Example:
        >>> taught = mien.teach_pack(Path("pack"), "dlib-resnet")
        >>> taught.rows, taught.numbers
        (32, 128)
    """
    require_pack(path)
    pack = Pack(path)
    with joined() as world:
        teacher = open_teacher(model, pack.size, pack.template, world.device)
        return teach(path, teacher, world, on_progress=on_progress)


def require_pack(path: Path) -> None:
    """Refuse data that a teacher's embeddings cannot be kept for.

    Raises:
        RecipeError: it is not a pack.
    """
    if not is_pack(path):
        raise RecipeError(
            f"{path} is not a pack, and a teacher's embeddings are kept only next to packs: make one with "
            "`mien data prepare`"
        )


def _open_parts(path: Path, pack: Pack, teacher: Teacher) -> WorkParts:
    plan = {"teacher": teacher.name, "digest": teacher.digest, "rows": len(pack), "rows per part": ROWS}
    folder = taught_folder(path, teacher)
    if (folder / "plan.json").is_file():
        # A teacher may be named in several ways; its digest is in the folder's name.
        return WorkParts(folder, PART)
    return open_parts(folder, plan, PART)


def _write(pack: Pack, parts: WorkParts, numbers: Sequence[int], teacher: Teacher, on_progress: OnProgress) -> None:
    missing = [number for number in numbers if not parts.is_complete(number)]
    if not missing:
        return
    embed = teacher.open()
    spans = [range(number * ROWS, min(len(pack), (number + 1) * ROWS)) for number in missing]
    done, total = 0, sum(map(len, spans))
    for number, span in zip(missing, spans, strict=True):
        rows = []
        for part in _embedded(pack, span, embed):
            rows.append(part.astype(np.float16))
            done += len(part)
            on_progress(Progress(stage="embedding with the teacher", done=done, total=total))
        with parts.write(number) as scratch:
            np.save(scratch, np.concatenate(rows))


def _embedded(pack: Pack, span: range, embed: EmbedCrops) -> Iterator[Floats]:
    """The embeddings of neighbouring crops, a few at a time; crops are read ahead of their use."""

    def read(first: int) -> Image:
        return np.stack([pack.read(row) for row in range(first, min(first + AT_ONCE, span.stop))])

    with ThreadPoolExecutor(max(1, usable_cores() // 2), "teacher") as pool:
        for crops in prefetch(pool, read, span[::AT_ONCE], 4):
            yield floats(embed(crops))
