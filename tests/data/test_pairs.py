"""Lists of pairs."""

from pathlib import Path

import pytest

from mien.data.pairs import Pair, read_pairs, write_pairs
from mien.errors import ManifestError


def test_lfw_folds(tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text("2\t1\nA\t1\t4\nB\t1\tC\t2\nD\t1\t2\nE\t3\tF\t4\n")
    assert read_pairs(path) == [
        Pair("A_0001", "A_0004", True, 0),
        Pair("B_0001", "C_0002", False, 0),
        Pair("D_0001", "D_0002", True, 1),
        Pair("E_0003", "F_0004", False, 1),
    ]
    path.write_text("1\nA\t1\t4\nB\t1\tC\t2\n")
    assert [pair.fold for pair in read_pairs(path)] == [0, 0]


def test_csv_survives(tmp_path: Path) -> None:
    pairs = [Pair("An/1.jpg", "An/2.jpg", True, 3), Pair("x", "y", False, 0)]
    write_pairs(pairs, tmp_path / "p.csv")
    assert read_pairs(tmp_path / "p.csv") == pairs


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        ("1\nA\t1\t4\n", "promises 2 pairs and has 1"),
        ("1\nA\t1\t4\nnonsense\n", "line 3: 'nonsense' is not a pair"),
        ("a,b\nx,y\n", "lacks the column mated"),
        ("a,b,mated\nx,y,perhaps\n", "row 2: a pair has a, b, mated"),
        ("a,b,mated\n", "holds no pairs"),
        ("\x82\udcff\n", "lacks the column a and b and mated"),
    ],
)
def test_what_is_no_list_names_its_row(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "p.txt").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ManifestError, match=why):
        read_pairs(tmp_path / "p.txt")
