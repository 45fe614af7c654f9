"""Packs in other people's formats: InsightFace's RecordIO, and folders of subjects. Changes no crop."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mien.data.pack import Pack
from mien.data.recordio import PackWriter
from mien.errors import ManifestError


def export_rec(pack: Pack, out: Path) -> Iterator[int]:
    """Write OUT/train.rec, train.idx, property and subjects.txt, whose line k names class k.

    Yields:
        How many crops are written.
    """
    _need_empty(out)
    with PackWriter(out) as writer:
        order = np.argsort(pack.labels, kind="stable")
        for done, index in enumerate(order, start=1):
            writer.add(pack.encoded(int(index)), int(pack.labels[index]))
            yield done
        writer.close(pack.size, pack.size)
    (out / "subjects.txt").write_text("".join(f"{name}\n" for name in pack.subjects), encoding="utf-8")


def export_folder(pack: Pack, out: Path) -> Iterator[int]:
    """Write OUT/subject/NUMBER.jpg; characters that no file name may have become `_`.

    Yields:
        How many crops are written.

    Raises:
        ManifestError: two subjects would share a folder.
    """
    _need_empty(out)
    folders: dict[str, str] = {}
    for subject in pack.subjects:
        name = _folder_name(subject)
        if folders.setdefault(name.casefold(), subject) != subject:
            raise ManifestError(f"{subject} and {folders[name.casefold()]} would share the folder {name}; rename one")
        (out / name).mkdir(parents=True)
    for index, label in enumerate(pack.labels):
        (out / _folder_name(pack.subjects[label]) / f"{index:07d}.jpg").write_bytes(pack.encoded(index))
        yield index + 1


def _folder_name(subject: str) -> str:
    return re.sub(r"[/\\\0:*?\"<>|]", "_", subject).strip(". ") or "_"


def _need_empty(out: Path) -> None:
    if out.exists() and any(out.iterdir()):
        raise ManifestError(f"{out} is not empty; give another --out")
