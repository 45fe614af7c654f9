"""mien verify, as a user calls it."""

import json
from pathlib import Path

import pytest

from mien.cli import run


def write_list(people: Path, folder: Path, rows: list[str]) -> Path:
    lines = ["id,card,selfie", *(row.replace("@", f"{people}/") for row in rows)]
    (folder / "pairs.csv").write_text("\n".join(lines) + "\n")
    return folder / "pairs.csv"


MATCH = "same,@enrol/Eileen Collins/1.png,@collins.jpg"
NO_MATCH = "different,@collins.jpg,@hopper.jpg"
UNCERTAIN = "masked,@collins.jpg,@masked.png"
FAILED = "wall,@collins.jpg,@wall.png"


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([MATCH], 0),
        ([MATCH, NO_MATCH, UNCERTAIN], 1),
        ([MATCH, UNCERTAIN], 5),
        ([MATCH, NO_MATCH, FAILED], 4),
        ([FAILED], 3),
    ],
)
def test_exit_codes(
    rows: list[str],
    code: int,
    people: Path,
    masked_path: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write_list(people, tmp_path, rows)
    assert run(["verify", str(path), "--out", str(tmp_path / "out"), "--json"]) == code
    *decisions, whole = map(json.loads, capsys.readouterr().out.splitlines())
    assert len(decisions) == len(rows) == whole["pairs"] and sum(whole["counts"].values()) == len(rows)
    assert (tmp_path / "out/report.html").is_file()


def test_the_terminal_names_what_failed_and_what_to_review(
    people: Path, masked_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_list(people, tmp_path, [MATCH, UNCERTAIN, FAILED, "gone,@collins.jpg,"])
    assert run(["verify", str(path), "--out", str(tmp_path / "out")]) == 4
    shown = capsys.readouterr()
    assert "masked" in shown.out and "selfie: the lower face is covered" in shown.out
    assert str(tmp_path / "out/report.html") in shown.out
    assert "wall.png: there is no face" in shown.err and "row 5: there is no image in the column selfie" in shown.err
    assert "4 pairs: 1 match, 1 uncertain, 2 failed" in shown.err and "Traceback" not in shown.err


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("", 3, "is empty"),
        ("x,y\n1,2\n", 3, "not clear which two hold the images"),
        ("front,back,live\n1.jpg,2.jpg,3.jpg\n", 3, "--columns A,B"),
    ],
)
def test_rubbish_lists_are_one_sentence(
    text: str, code: int, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pairs.csv").write_text(text)
    assert run(["verify", str(tmp_path / "pairs.csv"), "--out", str(tmp_path / "out")]) == code
    error = capsys.readouterr().err
    assert says in error and len(error.strip().splitlines()) == 1


def test_columns_are_two_names(people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_list(people, tmp_path, [MATCH])
    assert run(["verify", str(path), "--out", str(tmp_path / "out"), "--columns", "card"]) == 2
    assert "two names with a comma" in capsys.readouterr().err
    assert run(["verify", str(path), "--out", str(tmp_path / "out"), "--columns", "selfie,card"]) == 0


def test_a_gallerys_people_choose_the_threshold(
    people: Path, gallery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_list(people, tmp_path, [MATCH])
    asked = ["verify", str(path), "--out", str(tmp_path / "out"), "--gallery", str(gallery), "--json"]
    assert run(asked) == 0
    shown = capsys.readouterr()
    assert "this gallery has 2 people" in shown.err
    assert json.loads(shown.out.splitlines()[0])["threshold"]["value"] < 0.5


def test_another_rate_in_the_same_folder_is_refused_and_can_be_decided_again(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["verify", str(write_list(people, tmp_path, [MATCH])), "--out", str(tmp_path / "out")]
    assert run(asked) == 0 and run([*asked, "--fmr", "1e-4"]) == 3
    assert "false match rate was 0.001 and is now 0.0001" in capsys.readouterr().err
    assert run([*asked, "--fmr", "1e-4", "--overwrite"]) == 0
