"""Which files belong to which subjects: a folder of subjects, or a manifest. Opens no image."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet

from mien.errors import ManifestError
from mien.image import find_images


@dataclass(frozen=True, slots=True)
class Sample:
    """One file of one subject."""

    path: Path
    subject: str


def read_samples(source: Path) -> list[Sample]:
    """List the samples of a folder (FOLDER/subject/*.jpg) or a manifest (CSV or Parquet: path, subject).

    Paths in a manifest are relative to its folder. Samples come subject by subject.

    Raises:
        ManifestError: nothing there, no subject folders, or no such columns.
    """
    if source.is_dir():
        samples = list(_from_folder(source))
        if not samples:
            loose = len(find_images(source))
            why = f"{loose} images lie in it directly" if loose else "it holds no images"
            raise ManifestError(
                f"{source} has no folders of subjects ({why}): lay it out as FOLDER/subject/image.jpg"
            )
        return samples
    if not source.exists():
        raise ManifestError(f"{source} does not exist; name a folder of subjects or a manifest")
    return sorted(_from_table(source), key=lambda sample: sample.subject)


def _from_folder(folder: Path) -> Iterator[Sample]:
    for subject in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        for path in find_images(subject):
            yield Sample(path, subject.name)


def _from_table(path: Path) -> Iterator[Sample]:
    try:
        if path.suffix.lower() == ".parquet":
            table = pyarrow.parquet.read_table(path, columns=["path", "subject"])
        else:
            options = pyarrow.csv.ConvertOptions(
                column_types={"path": pyarrow.string(), "subject": pyarrow.string()},
                include_columns=["path", "subject"],
            )
            table = pyarrow.csv.read_csv(path, convert_options=options)
    except (pyarrow.ArrowException, OSError, KeyError) as reason:
        raise ManifestError(
            f"{path} is no manifest, a CSV or Parquet table with the columns path and subject: {reason}"
        ) from reason
    rows = zip(table.column("path").to_pylist(), table.column("subject").to_pylist(), strict=True)
    for number, (file, subject) in enumerate(rows, start=2):
        if not file or not subject:
            raise ManifestError(f"{path}, row {number}: path and subject must both be given")
        yield Sample(path.parent / file, subject)
