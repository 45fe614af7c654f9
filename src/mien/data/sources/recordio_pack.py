"""Packs in RecordIO: MS1MV2, MS1MV3, Glint360K, DeepGlint's repack, CASIA, WebFace; FOLDER/train.rec and train.idx.

The images are aligned crops of 112 pixels, so they are taken as they are. The class number is the subject. A
`property` file (classes,height,width) is compared with what the pack holds.
"""

from collections.abc import Iterator
from pathlib import Path

from mien.data import recordio
from mien.data.sample import Problem, Sample
from mien.data.sources.source import Rows, Source


def recognizes(path: Path) -> bool:
    """Whether it is a .rec file or a folder with one."""
    return bool(_packs(path))


def _packs(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(path.glob("*.rec"))
    return [path] if path.suffix == ".rec" and path.is_file() else []


def read(path: Path) -> Rows:
    """Every image record with its class."""
    for rec in _packs(path):
        idx = rec.with_suffix(".idx")
        if not idx.is_file():
            yield Problem(str(rec), f"{idx.name} is missing; the pack was read from its start to its end")
        classes: set[int] = set()
        for offset, record in recordio.images(rec, idx if idx.is_file() else None):
            label = int(record.labels[0])
            if label < 0:
                yield Problem(f"{rec} at byte {offset}", f"the label {label} is negative")
                continue
            classes.add(label)
            yield Sample(rec, str(label), record=offset, aligned=True)
        yield from _compare(rec.parent / "property", len(classes))


def _compare(properties: Path, classes: int) -> Iterator[Problem]:
    if properties.is_file():
        text = properties.read_text(encoding="ascii", errors="replace").split("\n")[0]
        promised = text.split(",")[0].strip()
        if promised != str(classes):
            yield Problem(str(properties), f"promises {promised} classes, and the pack holds {classes}")


SOURCE = Source(
    name="recordio",
    summary="a RecordIO pack of aligned crops",
    note="MS1MV2, MS1MV3, Glint360K, CASIA, WebFace: `train.rec`, `train.idx`; read without mxnet; crops keep their "
    "own bytes; a record 0 that describes the pack is recognized by its empty payload",
    recognizes=recognizes,
    read=read,
)
