"""Packs in other formats: InsightFace's RecordIO, and folders of subjects. Changes no crop."""

import re
from pathlib import Path

import numpy as np

from mien.data.pack import Pack
from mien.data.recordio import PackWriter
from mien.errors import ManifestError
from mien.progress import OnProgress, no_progress, report_progress
from mien.whole_files import whole_folder

STAGE = "writing"


def export_recordio(pack: Pack, out: Path, *, on_progress: OnProgress = no_progress) -> None:
    """Write OUT/train.rec, train.idx, property and subjects.txt, whose line k names class k.

    Raises:
        ManifestError: `out` is not empty.

    Example:
        >>> from mien.data.pack import Pack
        >>> mien.export_recordio(Pack(Path("pack")), Path("recordio"))
        >>> sorted(path.name for path in Path("recordio").iterdir())
        ['property', 'subjects.txt', 'train.idx', 'train.rec']
    """
    _require_empty(out)
    order = np.argsort(pack.labels, kind="stable").tolist()
    with whole_folder(out) as scratch:
        with PackWriter(scratch) as writer:
            for index in report_progress(order, STAGE, len(order), on_progress):
                writer.add(pack.encoded(index), int(pack.labels[index]))
            writer.close(pack.size, pack.size)
        (scratch / "subjects.txt").write_text("".join(f"{name}\n" for name in pack.subjects), encoding="utf-8")


def export_folders(pack: Pack, out: Path, *, on_progress: OnProgress = no_progress) -> None:
    """Write OUT/subject/NUMBER.jpg; characters that a file name cannot have become `_`.

    Raises:
        ManifestError: `out` is not empty, or two subjects would share a folder.

    Example:
        >>> from mien.data.pack import Pack
        >>> mien.export_folders(Pack(Path("pack")), Path("crops"))
        >>> len(list(Path("crops").glob("*/*.jpg")))
        32
    """
    _require_empty(out)
    names = _folder_names(pack.subjects)
    with whole_folder(out) as scratch:
        for name in names:
            (scratch / name).mkdir()
        labels = pack.labels.tolist()
        for index, label in report_progress(list(enumerate(labels)), STAGE, len(labels), on_progress):
            (scratch / names[label] / f"{index:07d}.jpg").write_bytes(pack.encoded(index))


def _folder_names(subjects: list[str]) -> list[str]:
    """A folder's name for each subject; file systems that ignore case hold them apart."""
    owners: dict[str, str] = {}
    names = []
    for subject in subjects:
        name = re.sub(r"[/\\\0:*?\"<>|]", "_", subject).strip(". ") or "_"
        owner = owners.setdefault(name.casefold(), subject)
        if owner != subject:
            raise ManifestError(f"{subject} and {owner} would share the folder {name}; rename one of them")
        names.append(name)
    return names


def _require_empty(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ManifestError(f"{out} is not empty; choose a different --out")
