"""LFW, CFP-FF, CFP-FP, AgeDB-30, CALFW, CPLFW and VGG2-FP as InsightFace's `.bin` files; see mien.data.bins.

The images lie inside the file and are aligned crops; who they show is not known, only which pairs are mated. To get
at them, they are copied into a RecordIO file beside the `.bin` file's manifest.
"""

from collections.abc import Iterator
from pathlib import Path

from mien.data import recordio
from mien.data.bins import read_bin
from mien.data.pairs import numbered_pairs, write_pairs
from mien.data.sample import Problem, Sample


def recognizes(path: Path) -> bool:
    """Whether it is a .bin file that begins like a pickle."""
    if path.suffix != ".bin" or not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(1) in (b"\x80", b"(")


def read(path: Path) -> Iterator[Sample | Problem]:
    """What is inside: for each image its number as the record, and its pair. `extract` gives images a place."""
    found = read_bin(path)
    for number in range(len(found.images)):
        known = {"mated": bool(found.mated[number // 2])}
        yield Sample(path, "", record=number, aligned=True, known=known)


def extract(path: Path, out: Path) -> Iterator[Sample | Problem]:
    """Copy the images into OUT's name with .rec, write OUT's name with .pairs.csv, and give the samples."""
    found = read_bin(path)
    rec = out.with_suffix(".rec")
    rec.parent.mkdir(parents=True, exist_ok=True)
    with rec.open("wb") as stream:
        for number, image in enumerate(found.images):
            offset = stream.tell()
            stream.write(recordio.frame(recordio.format_record(recordio.Record(0, (float(number),), number, image))))
            yield Sample(rec, "", record=offset, aligned=True, known={"name": f"{number:06d}"})
    write_pairs(numbered_pairs(found.mated.tolist()), out.with_suffix(".pairs.csv"))
