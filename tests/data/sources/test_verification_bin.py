"""`.bin` sets as a source."""

from pathlib import Path

from mien.cli import run
from mien.data.bins import write_bin
from mien.data.encoded import read_encoded
from mien.data.pairs import Pair, read_pairs
from mien.data.sample import Sample
from mien.data.sources import verification_bin
from mien.data.sources.registry import find_source


def test_what_is_inside_is_seen_and_taken_apart(tmp_path: Path) -> None:
    write_bin(tmp_path / "own.bin", [f"jpeg {n}".encode() for n in range(40)], [n % 2 == 0 for n in range(20)])
    assert find_source(tmp_path / "own.bin").name == "bin"
    inside = [row for row in verification_bin.read(tmp_path / "own.bin") if isinstance(row, Sample)]
    assert len(inside) == 40 and sum(bool(row.known["mated"]) for row in inside) == 20
    out = tmp_path / "own.parquet"
    samples = [row for row in verification_bin.extract(tmp_path / "own.bin", out) if isinstance(row, Sample)]
    assert [read_encoded(sample) for sample in samples] == [f"jpeg {n}".encode() for n in range(40)]
    pairs = read_pairs(tmp_path / "own.pairs.csv")
    assert pairs[3] == Pair("000006", "000007", False, 1) and len(pairs) == 20


def test_inspect_and_import_take_it(tmp_path: Path) -> None:
    write_bin(tmp_path / "own.bin", [b"x"] * 4, [True, False])
    assert run(["data", "inspect", str(tmp_path / "own.bin")]) == 0
    assert run(["data", "import", str(tmp_path / "own.bin"), "--out", str(tmp_path / "m.parquet")]) == 0
    assert (tmp_path / "m.rec").is_file() and (tmp_path / "m.pairs.csv").is_file()
