"""Packs in RecordIO: MS1MV2, MS1MV3, Glint360K, DeepGlint's repack, CASIA, WebFace; FOLDER/train.rec and train.idx.

The images are aligned crops of 112 pixels, so they are taken as they are. The class number is the subject. A
`property` file (classes,height,width) is compared with what the pack holds.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mien.data import recordio
from mien.data.recordio import Record
from mien.data.sample import Problem, Sample
from mien.data.sources.source import Rows, Source
from mien.errors import ManifestError

EXACT = 2**24
"""From here on a float32 does not hold every whole number, and record 0 is rounded."""


def recognizes(path: Path) -> bool:
    """Whether it is a .rec file or a folder with one."""
    return bool(_packs(path))


def _packs(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(path.glob("*.rec"))
    return [path] if path.suffix == ".rec" and path.is_file() else []


def read(path: Path) -> Rows:
    """Every image record with its class; a damaged record and a damaged line of the .idx file lose no other."""
    for rec in _packs(path):
        idx = rec.with_suffix(".idx")
        index = recordio.read_index(idx) if idx.is_file() else None
        if index is None:
            yield Problem(str(rec), f"{idx.name} is missing; the pack was read from its start to its end")
        for number, line in index.bad if index is not None else ():
            yield Problem(f"{idx}, line {number}", f"'{line}' is not a key and an offset")
        found = _Found()
        try:
            for offset, record in recordio.records(rec, index):
                if (row := found.row(rec, offset, record)) is not None:
                    yield row
        except OSError as reason:
            raise ManifestError(f"{rec} cannot be read: {reason.strerror or reason}") from reason
        yield from found.unlike_promise(rec if index is None else idx)
        yield from _compare(rec.parent / "property", len(found.classes))


@dataclass(slots=True)
class _Found:
    """What was found of a pack so far, and what its record 0 promises: the images' end, and the records'."""

    classes: set[int] = field(default_factory=set)
    images: int = 0
    others: int = 0
    promise: tuple[float, ...] = ()

    def row(self, rec: Path, offset: int, record: Record | str) -> Sample | Problem | None:
        """The sample of a record, or what is wrong with it; nothing for one that describes the pack."""
        where = f"{rec} at byte {offset}"
        if isinstance(record, str):
            self.others += 1
            return Problem(where, record)
        if not record.image:
            self.others += 1
            if not record.id and record.describes_pack:
                self.promise = record.labels
            return None
        self.images += 1
        label = record.labels[0]
        if not math.isfinite(label) or label != int(label) or label < 0:
            return Problem(where, f"the label {label:g} is not a class number")
        self.classes.add(int(label))
        return Sample(rec, str(int(label)), record=offset, aligned=True)

    def unlike_promise(self, file: Path) -> Iterator[Problem]:
        """What the pack lacks of what its record 0 promises, as far as a float32 can promise it."""
        if len(self.promise) != 2 or not all(0 < value < EXACT for value in self.promise):
            return
        images, records = int(self.promise[0]) - 1, int(self.promise[1])
        lacking = records - self.images - self.others
        if lacking > 0:
            remedy = (
                f"; remove {file.name} to read the pack from its start to its end" if file.suffix == ".idx" else ""
            )
            yield Problem(
                str(file),
                f"record 0 promises {images} images in {records} records, and {self.images} images in "
                f"{self.images + self.others} records are named{remedy}",
            )
        elif self.images > images:
            yield Problem(str(file), f"record 0 promises {images} images, and there are {self.images}")


def _compare(properties: Path, classes: int) -> Iterator[Problem]:
    if properties.is_file():
        text = properties.read_text(encoding="ascii", errors="replace").split("\n")[0]
        promised = text.split(",")[0].strip()
        if promised != str(classes):
            yield Problem(str(properties), f"promises {promised[:20]} classes, and the pack holds {classes}")


SOURCE = Source(
    name="recordio",
    summary="a RecordIO pack of aligned crops",
    note="MS1MV2, MS1MV3, Glint360K, CASIA, WebFace: `train.rec`, `train.idx`; read without mxnet; crops keep their "
    "own bytes; a record 0 that describes the pack is recognized by its empty payload",
    recognizes=recognizes,
    read=read,
)
