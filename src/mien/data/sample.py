"""One sample of a data set, and one problem of it: what every reader of foreign data sets gives.

Owns what is known of a sample by name, and the canonical form of a subject's name: it is made here, when a sample is
made, and nowhere else. Opens no file.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

from mien.types import Box, Floats

BOX = ("x1", "y1", "x2", "y2")
POINTS = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
LANDMARKS = tuple(f"{point}_{axis}" for point in POINTS for axis in "xy")
STRATA = ("sex", "age_group")
"""Columns whose values make strata, where a manifest has them."""

Value = str | float | int | bool | None


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One sample: an image, or an image inside a RecordIO file, and what is known of it.

    Attributes:
        path: the file.
        subject: the person in the image, in canonical form; empty where that is not known (detection sets).
        record: byte offset of the record, where `path` is a RecordIO file; otherwise None.
        box: of the face, in pixels of the upright image, or None.
        landmarks: (5, 2) float32 pixels in the viewer's order, or None.
        aligned: whether the image is a crop that is already aligned.
        known: all other columns.
    """

    path: Path
    subject: str
    _: KW_ONLY
    record: int | None = None
    box: Box | None = None
    landmarks: Floats | None = None
    aligned: bool = False
    known: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "subject", canonical_subject(self.subject))

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return str(self.path) if self.record is None else f"{self.path} at byte {self.record}"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a data set that cannot be used, and why."""

    where: str
    reason: str


def canonical_subject(name: str) -> str:
    """A subject's name as it is stored: NFC, no outer white space, bytes that are not UTF-8 escaped.

    File systems and tables hold one name in several forms of Unicode; without this a person would be two subjects.
    """
    if name.isascii():
        return name.strip()
    return unicodedata.normalize("NFC", name.encode("utf-8", "backslashreplace").decode("utf-8")).strip()
