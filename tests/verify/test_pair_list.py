"""Lists of pairs in the forms in which people keep them, and rows that are not pairs."""

from pathlib import Path

import pytest

from mien.errors import ManifestError
from mien.verify.pair_list import NAMES, read_pair_list


def write(folder: Path, text: str, coding: str = "utf-8") -> Path:
    path = folder / "pairs.csv"
    path.write_bytes(text.encode(coding))
    return path


@pytest.mark.parametrize("names", NAMES)
def test_columns_are_known_by_their_names(names: tuple[str, str], tmp_path: Path) -> None:
    found = read_pair_list(write(tmp_path, f"note,{names[1]},{names[0].upper()}\nx,b.jpg,a.jpg\n"))
    (pair,) = found.pairs
    assert (pair.a, pair.b, pair.row, pair.id) == ("a.jpg", "b.jpg", 2, "1")
    assert pair.first == str(tmp_path / "a.jpg") and found.images == [pair.first, pair.second]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
def test_delimiters_and_codings(delimiter: str, coding: str, tmp_path: Path) -> None:
    text = "id,card,selfie,label\r\n7,thẻ/Đào.jpg,ảnh.jpg,same\r\n\r\n8,c.jpg,d.jpg,0\r\n".replace(",", delimiter)
    found = read_pair_list(write(tmp_path, text, coding))
    assert [(p.row, p.id, p.a, p.b, p.label) for p in found.pairs] == [
        (2, "7", "thẻ/Đào.jpg", "ảnh.jpg", True),
        (4, "8", "c.jpg", "d.jpg", False),
    ]


def test_excels_line_with_the_delimiter_is_no_header(tmp_path: Path) -> None:
    found = read_pair_list(write(tmp_path, "sep=;\ncard;selfie\na.jpg;b.jpg\n"))
    assert [(p.row, p.a, p.b) for p in found.pairs] == [(3, "a.jpg", "b.jpg")]


def test_a_list_without_a_header(tmp_path: Path) -> None:
    found = read_pair_list(write(tmp_path, "c1,a.jpg,b.jpg,same\nc2,a.jpg,c.png,different\n"))
    assert [(p.row, p.id, p.a, p.b, p.label) for p in found.pairs] == [
        (1, "c1", "a.jpg", "b.jpg", True),
        (2, "c2", "a.jpg", "c.png", False),
    ]


def test_columns_are_found_by_what_is_in_them(tmp_path: Path) -> None:
    found = read_pair_list(write(tmp_path, "khách,ảnh thẻ,ảnh mặt\nAn,1.jpg,2.jpg\nBình,3.jpg,4.jpg\n"))
    assert found.columns == ("ảnh thẻ", "ảnh mặt") and found.pairs[1].b == "4.jpg"


def test_columns_that_are_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, "front,back,live\n1.jpg,2.jpg,3.jpg\n")
    with pytest.raises(ManifestError, match=r"not clear which two hold the images: name them with --columns A,B"):
        read_pair_list(path)
    assert read_pair_list(path, ("front", "Live")).pairs[0].b == "3.jpg"
    with pytest.raises(ManifestError, match="has no column 'selfie'; it has front, back, live"):
        read_pair_list(path, ("front", "selfie"))
    with pytest.raises(ManifestError, match="names front twice"):
        read_pair_list(path, ("front", "front"))


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("x,a.jpg,,same", "row 3: there is no image in the column selfie"),
        ("x,,,", "row 3: there is no image in the column card and selfie"),
        ("x,a.jpg,b.jpg,perhaps", "row 3: the label 'perhaps' is neither same nor different"),
        ("x,a, b.jpg,c.jpg,same", "row 3: it has 5 values and there are 4 columns"),
        ("x,bytes:%00.jpg,b.jpg,", "row 3: the name of an image holds a character"),
        ("x,a.jpg", "row 3: there is no image in the column selfie"),
    ],
)
def test_one_bad_row_loses_nothing_else(row: str, says: str, tmp_path: Path) -> None:
    found = read_pair_list(write(tmp_path, f"id,card,selfie,label\n1,a.jpg,b.jpg,same\n{row}\n3,c.jpg,d.jpg,\n"))
    assert [bool(pair.problem) for pair in found.pairs] == [False, True, False]
    assert says in found.pairs[1].problem and found.pairs[2].row == 4
    assert len(found.images) == 4, "the bad row's images are not opened"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"card,selfie\n", "has a header and no rows"),
        (b"PK\x03\x04rest", "is a workbook, not CSV"),
        ("thẻ,ảnh mặt\n".encode() + "é.jpg".encode("cp1252"), "line 2 is not UTF-8; save the file as"),
        ("card,selfie\na.jpg,b.jpg\n".encode("utf-16-le"), "save it as 'CSV UTF-8'"),
        (b'card,selfie\na.jpg,"b.jpg\n' + b"x" * 2_000_000, "quotation mark that is not closed"),
        (b"just text\nand more\n", "not clear which two"),
        (b"5\t300\nAbel_Pacheco\t1\t4\n", "not clear which two"),
    ],
)
def test_what_is_no_list_is_named_with_the_remedy(data: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_bytes(data)
    with pytest.raises(ManifestError) as refused:
        read_pair_list(tmp_path / "pairs.csv")
    assert says in str(refused.value) and "pairs.csv" in str(refused.value)


@pytest.mark.parametrize("name", ["nothing.csv", "", "x" * 5000, "a\0b"])
def test_a_list_that_cannot_be_read(name: str, tmp_path: Path) -> None:
    with pytest.raises(ManifestError):
        read_pair_list(tmp_path / name)


def test_backslashes_of_windows_are_slashes_where_there_is_no_such_file(tmp_path: Path) -> None:
    (pair,) = read_pair_list(write(tmp_path, "card,selfie\ncards\\1.jpg,odd\\name.jpg\n")).pairs
    assert pair.first == str(tmp_path / "cards/1.jpg")
    (tmp_path / "odd\\name.jpg").write_bytes(b"")
    assert Path(read_pair_list(tmp_path / "pairs.csv").pairs[0].second).name == "odd\\name.jpg"


def test_an_image_is_listed_once_however_it_is_spelled(tmp_path: Path) -> None:
    found = read_pair_list(write(tmp_path, "a,b\nx/1.jpg,2.jpg\n./x/../x/1.jpg,3.jpg\n2.jpg,x/1.jpg\n"))
    assert [Path(path).name for path in found.images] == ["1.jpg", "2.jpg", "3.jpg"]


def test_damaged_lists_give_one_sentence_or_pairs(tmp_path: Path) -> None:
    from fuzz import mutants

    good = b"id,card,selfie,label\n" + b"".join(b'%d,a%d.jpg,"b %d.jpg",same\n' % (n, n, n) for n in range(30))
    for number, data in enumerate(mutants(good, 120, 3)):
        path = tmp_path / f"{number}.csv"
        path.write_bytes(data)
        try:
            assert read_pair_list(path).pairs
        except ManifestError as reason:
            assert path.name in str(reason)


def test_two_folders_are_paired_by_name_and_what_has_no_partner_is_a_row(tmp_path: Path) -> None:
    for name in ("cards/001.jpg", "cards/002.png", "selfies/001.png", "selfies/003.jpg", "selfies/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "selfies/001.jpeg").write_bytes(b"x")
    (tmp_path / "cards/004.jpg").write_bytes(b"x")
    (tmp_path / "selfies/004.jpg").write_bytes(b"x")
    found = read_pair_list(tmp_path)
    assert found.columns == ("cards", "selfies") and [pair.id for pair in found.pairs] == ["001", "002", "003", "004"]
    assert [bool(pair.problem) for pair in found.pairs] == [True, True, True, False]
    assert "selfies has 2 images" in found.pairs[0].problem and "selfies has 0" in found.pairs[1].problem
    assert found.images == [str(tmp_path / "cards/004.jpg"), str(tmp_path / "selfies/004.jpg")]
    assert read_pair_list(tmp_path, ("selfies", "cards")).pairs[3].a == "selfies/004.jpg"


def test_a_folder_that_has_not_two_folders_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="has 0 folders; a folder of pairs has two"):
        read_pair_list(tmp_path)
    for name in ("cards", "selfies"):
        (tmp_path / name).mkdir()
    with pytest.raises(ManifestError, match="has no images in cards and selfies"):
        read_pair_list(tmp_path)
    with pytest.raises(ManifestError, match="a folder of pairs has two"):
        read_pair_list(tmp_path, ("cards", "photos"))
