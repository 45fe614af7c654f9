"""FaceScrub's lists and folders."""

import hashlib
from pathlib import Path

import pytest

from mien.data.sample import Problem, Sample
from mien.data.sources import facescrub

HEADER = "name\timage_id\tface_id\turl\tbbox\tsha256\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    original = hashlib.sha256(b"original").hexdigest()
    (tmp_path / "facescrub_actors.txt").write_text(
        HEADER
        + f"Aaron Eckhart\t1\t1\thttp://a\t53,177,418,542\t{original}\n"
        + f"Aaron Eckhart\t2\t7\thttp://b\t1,2,3,4\t{original}\n"
        + "Aaron Eckhart\t3\t8\thttp://c\t1,2,3,4\tabc\n"
        + "Adam\tbroken\n"
    )
    (tmp_path / "facescrub_actresses.txt").write_text(HEADER + "Mila Kunis\t9\t9\thttp://d\t1,2,3,4\tabc\n")
    for name, data in (
        ("Aaron_Eckhart/Aaron_Eckhart_1.jpg", b"original"),
        ("Aaron_Eckhart/Aaron_Eckhart_7.png", b"saved again"),
        ("Mila_Kunis/Mila_Kunis_9.gif", b"gif"),
        ("Mila_Kunis/Mila_Kunis_99.jpeg", b"not listed"),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_boxes_are_used_on_the_very_files_of_the_list_alone(root: Path) -> None:
    assert facescrub.recognizes(root)
    rows = list(facescrub.read(root))
    samples = {row.path.name: row for row in rows if isinstance(row, Sample)}
    assert set(samples) == {
        "Aaron_Eckhart_1.jpg",
        "Aaron_Eckhart_7.png",
        "Mila_Kunis_9.gif",
        "Mila_Kunis_99.jpeg",
    }
    box = samples["Aaron_Eckhart_1.jpg"].box
    assert box is not None and (box.x1, box.y1, box.x2, box.y2) == (53, 177, 418, 542)
    assert samples["Aaron_Eckhart_7.png"].box is None and samples["Aaron_Eckhart_7.png"].known["sex"] == "male"
    assert samples["Aaron_Eckhart_1.jpg"].subject == "Aaron Eckhart"


def test_what_is_listed_and_missing_is_counted(root: Path) -> None:
    reasons = [row.reason for row in facescrub.read(root) if isinstance(row, Problem)]
    assert len(reasons) == 2
    assert any("no image Aaron_Eckhart_8 is here" in reason for reason in reasons)
    assert any("has 2 fields" in reason for reason in reasons)


def test_folders_without_the_lists_are_read_by_name_and_never_guessed(root: Path) -> None:
    for name in facescrub.LISTS:
        (root / name).unlink()
    (root / "Mila_Kunis" / "Mila_Kunis_9.gif").unlink()
    assert not facescrub.recognizes(root), "an underscore becomes a blank, which is not for anybody's names"
    assert {row.subject for row in facescrub.read(root) if isinstance(row, Sample)} == {"Aaron Eckhart", "Mila Kunis"}


def test_a_box_that_is_not_numbers_loses_no_other_row(root: Path) -> None:
    original = hashlib.sha256(b"original").hexdigest()
    for number, box in ((1, "53,177,x,542"), (2, "5,6"), (3, "9,9,1,1"), (4, "1,2,3,4")):
        (root / "Aaron_Eckhart" / f"Aaron_Eckhart_{number}.jpg").write_bytes(b"original")
        with (root / "facescrub_actors.txt").open("a") as stream:
            stream.write(f"Aaron Eckhart\t{number}\t{number}\thttp://a\t{box}\t{original}\n")
    rows = list(facescrub.read(root))
    assert [row.path.name for row in rows if isinstance(row, Sample) and row.box is not None] == [
        "Aaron_Eckhart_4.jpg"
    ]
    why = [row.reason for row in rows if isinstance(row, Problem) and "box" in row.reason]
    assert len(why) == 3 and "'53 177 x 542' should be numbers" in why[0]
