"""LFW, CFP-FF, CFP-FP, AgeDB-30, CALFW, CPLFW and VGG2-FP as InsightFace's `.bin` files; see mien.data.bins.

The images are inside the file and are aligned crops; it is known which pairs are mated, but not who is shown. An
import copies the images into a RecordIO file next to the manifest.
"""

from pathlib import Path

from mien.data import recordio
from mien.data.bins import VerificationBin, read_bin
from mien.data.pairs import Pair, numbered_pairs, write_pairs
from mien.data.sample import Sample
from mien.data.sources.source import Rows, Source
from mien.whole_files import whole_file


def recognizes(path: Path) -> bool:
    """Whether it is a .bin file."""
    return path.suffix == ".bin" and path.is_file()


def read(path: Path) -> Rows:
    """What is inside: for each image its number as the record, and its pair. `extract` gives images a place."""
    found = read_bin(path)
    for number in range(len(found.images)):
        known = {"mated": bool(found.mated[number // 2])}
        yield Sample(path, "", record=number, aligned=True, known=known)


def extract(path: Path, out: Path) -> Rows:
    """Copy the images into a RecordIO file named like `out`, write their pairs next to it, and give the samples."""
    found = read_bin(path)
    rec = out.with_suffix(".rec")
    with whole_file(rec) as scratch, scratch.open("wb") as stream:
        for number, image in enumerate(found.images):
            offset = stream.tell()
            stream.write(recordio.frame(recordio.format_record(recordio.Record(0, (float(number),), number, image))))
            yield Sample(rec, "", record=offset, aligned=True, known={"name": f"{number:06d}"})
    write_pairs(_pairs(found), out.with_suffix(".pairs.csv"))


def pairs(path: Path) -> list[Pair]:
    """The pairs that are inside the file."""
    return _pairs(read_bin(path))


def _pairs(found: VerificationBin) -> list[Pair]:
    return numbered_pairs(found.mated.tolist())


SOURCE = Source(
    name="bin",
    summary="verification pairs in a .bin file",
    note="LFW, CFP, AgeDB, CALFW, CPLFW, VGG2-FP as pickles, loaded without running code; it is known which pairs "
    "are mated, not who is shown; a RecordIO file and a list of pairs are written next to the manifest",
    recognizes=recognizes,
    read=read,
    extract=extract,
    extracted=(".rec", ".pairs.csv"),
    pairs=pairs,
)
