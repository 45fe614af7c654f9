"""Small JPEGs of what a report shows: a sample, or a place in an image. None where it cannot be read."""

from pathlib import Path

from mien.data.encoded import read_encoded
from mien.data.pack import Pack, is_pack
from mien.data.sample import Sample
from mien.evaluate.report import Place
from mien.image import decode
from mien.thumbnail import place_jpeg, small_jpeg
from mien.types import Box

THUMBNAIL = 140
"""Pixels along the longer side of a sample's thumbnail."""


def sample_thumbnail(path: str, record: int) -> bytes | None:
    """A small JPEG of a sample: a file, a record of a RecordIO file, or a crop of a pack."""
    try:
        if record >= 0 and is_pack(Path(path)):
            image = Pack(Path(path)).read(record)
        else:
            sample = Sample(Path(path), "", record=None if record < 0 else record)
            image = decode(read_encoded(sample), path, longest=2 * THUMBNAIL).image
    except Exception:  # noqa: BLE001 - a report is written whatever is wrong with one of its images
        return None
    return small_jpeg(image, THUMBNAIL)


def place_thumbnail(row: Place) -> bytes | None:
    """A small JPEG of a place with its surroundings and its boxes drawn in."""
    place = None if row.box is None else Box(*row.box)
    return place_jpeg(Path(row.path), place, [Box(*box) for box in row.boxes])
