"""Lists of pairs."""

import re
from pathlib import Path

import pytest

from mien.data.pairs import Pair, read_pairs, write_pairs
from mien.data.sample import Problem
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
        ("\x82\udcff\n", "line 1: its text is not UTF-8"),
        ("x,y,z\n", "lacks the column a and b and mated"),
        ("\n\n", "is empty"),
        ("10 300 5\n", "lacks the column"),
    ],
)
def test_what_is_no_list_names_its_row(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "p.txt").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ManifestError, match=why):
        read_pairs(tmp_path / "p.txt")


LISTED = [Pair("An/1.jpg", "An/2.jpg", True), Pair("An/1.jpg", "Bình B/1.jpg", False)]


@pytest.mark.parametrize(
    "text",
    [
        "An/1.jpg An/2.jpg 1\nAn/1.jpg Bình B/1.jpg 0\n",
        "An/1.jpg\tAn/2.jpg\t1\nAn/1.jpg\tBình B/1.jpg\t-1\n",
        "1,An/1.jpg,An/2.jpg\r\n0,An/1.jpg,Bình B/1.jpg\r\n",
        "file_x,file_y,Decision\nAn/1.jpg,An/2.jpg,Yes\nAn/1.jpg,Bình B/1.jpg,No\n",
        "Image 1;Image 2;Same;note\nAn/1.jpg;An/2.jpg;TRUE;x\nAn/1.jpg;Bình B/1.jpg;FALSE;\n\n",
        "img1\timg2\tlabel\nAn/1.jpg\tAn/2.jpg\tsame\nAn/1.jpg\tBình B/1.jpg\tdifferent\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lists_as_others_write_them(tmp_path: Path, text: str, encoding: str) -> None:
    (tmp_path / "p.txt").write_bytes(text.encode(encoding))
    assert read_pairs(tmp_path / "p.txt") == LISTED


def test_kaggles_lfw_as_csv(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("name,imagenum1,imagenum2,\nA,1,4,\nB,1,C,2\nD,x,2,\n")
    problems: list[Problem] = []
    assert read_pairs(tmp_path / "p.csv", problems.append) == [
        Pair("A_0001", "A_0004", True),
        Pair("B_0001", "C_0002", False),
    ]
    assert [problem.where for problem in problems] == [f"{tmp_path}/p.csv, line 4"]


def test_one_bad_row_loses_no_other_pair(tmp_path: Path) -> None:
    for text, kept, bad in (
        ("2\t1\nA\t1\t4\nnonsense\nD\t1\t2\nE\t3\tF\t4\n", 3, 1),
        ("1\nA\t1\t4\n", 1, 1),
        ("a,b,mated\nx,y,1\nx\nx,y,perhaps\n\nx,z,0\n", 2, 2),
        ("a.jpg b.jpg 1\na.jpg b.jpg\nc.jpg d.jpg 0\n", 2, 1),
    ):
        (tmp_path / "p.txt").write_text(text)
        problems: list[Problem] = []
        assert len(read_pairs(tmp_path / "p.txt", problems.append)) == kept and len(problems) == bad, text
        with pytest.raises(ManifestError, match=re.escape(f"{problems[0].where}: {problems[0].reason}")):
            read_pairs(tmp_path / "p.txt")
