"""Measures some files of a data set: one row of the table for each, in this process. Keeps nothing.

The models are opened once per process. A file that cannot be read is a row with an error.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from mien.data.stored_paths import stored_path
from mien.models.defaults import DEFAULT_DETECTOR, DEFAULT_RECOGNIZER
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.pipeline import file_item
from mien.portrait.examine import Examined, Examiner, open_examiner
from mien.portrait.measures.catalogue import with_deviation


@dataclass(frozen=True, slots=True)
class AuditModels:
    """What the portraits are measured with, by name, since every process opens its own.

    Attributes:
        detector: a name in the model store, or the path of a card.
        recognizer: the same, for wrong labels; empty to leave them out.
        portrait_models: portrait models that were added.
        options: engine and precision; each process uses one thread.
    """

    detector: str = DEFAULT_DETECTOR
    recognizer: str = DEFAULT_RECOGNIZER
    portrait_models: tuple[str, ...] = ()
    options: EngineOptions = DEFAULT_OPTIONS


@lru_cache(maxsize=1)
def _examiner(models: AuditModels) -> Examiner:
    # One thread for each process: more would compete for the same cores.
    options = replace(models.options, threads=1, streams=1)
    return open_examiner(models.detector, models.recognizer or None, models.portrait_models, options=options)


def measure_files(models: AuditModels, root: str, paths: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each file; see mien.portrait.dataset.measurements.schema.

    Args:
        models: what they are measured with.
        root: the data set's folder.
        paths: below it, as they are stored.
    """
    whole = [Path(root) / stored_path(path) for path in paths]
    # Size and time first: a file that changes while it is read is measured again next time.
    stamps = [file_stamp(path) for path in whole]
    found = _examiner(models).items([file_item(path) for path in whole])
    return [_row(path, stamp, one) for path, stamp, one in zip(paths, stamps, found, strict=True)]


def file_stamp(path: Path) -> tuple[int, int]:
    """Size and time of change of a file; -1 for both where they cannot be read."""
    try:
        found = path.stat()
    except OSError:
        return -1, -1
    return found.st_size, found.st_mtime_ns


def _row(path: str, stamp: tuple[int, int], one: Examined) -> dict[str, Any]:
    row: dict[str, Any] = {
        "path": path, "bytes": stamp[0], "changed": stamp[1], "sha256": one.sha256, "error": one.error,
        "phash": one.phash, "face_phash": one.face_phash, "overall": one.overall,
    }  # fmt: skip
    if one.measures is not None:
        row |= {name: measured.value for name, measured in one.measures.items()}
        row |= {f"{name}_sd": one.measures[name].sd for name in with_deviation()}
        row["reasons"] = json.dumps({n: m.reason.as_json() for n, m in one.measures.items() if m.reason is not None})
    if one.portrait is not None and one.landmarks is not None:
        face, scale = one.portrait.face, one.portrait.reduction
        row |= dict(zip(("x1", "y1", "x2", "y2"), (v * scale for v in face.box.corners), strict=True))
        row |= {"score": face.score, "landmarks": one.landmarks.reshape(-1).tolist()}
    if one.embedding is not None:
        row["embedding"] = one.embedding.tolist()
    if one.other is not None:
        row["other"] = one.other.tolist()
    return row
