"""The published lists of IJB: what they say is read as it stands, and a damaged one is named with its row."""

from pathlib import Path

import numpy as np
import pytest

from made_ijb import write_ijb
from mien.data.ijb import (
    face_rows,
    find_lists,
    known_subjects,
    read_template_pairs,
    read_template_subjects,
)
from mien.data.sample import Problem
from mien.errors import ManifestError
from mien.templates import ARCFACE_112


@pytest.mark.parametrize("prefix", ["ijbb", "ijbc"])
def test_every_list_of_the_layout_is_found_and_read(tmp_path: Path, prefix: str) -> None:
    made = write_ijb(tmp_path / "SET", ARCFACE_112, prefix=prefix)
    lists = find_lists(tmp_path)
    assert lists is not None and lists == find_lists(made.folder)
    assert lists.name == prefix and lists.images == made.folder / "loose_crop"
    assert lists.pairs is not None and lists.probes is not None
    pairs = read_template_pairs(lists.pairs)
    assert list(zip(*pairs.templates.T.tolist(), pairs.mated.tolist(), strict=True)) == made.pairs
    assert {name: read_template_subjects(file) for name, file in lists.galleries} == made.galleries
    assert read_template_subjects(lists.probes) == made.probes
    rows = list(face_rows(lists))
    assert [(row[2][0], int(row[2][1]), int(row[2][2])) for row in rows if not isinstance(row, Problem)] == [
        face[:3] for face in made.faces
    ]


def test_people_are_known_by_mated_pairs_where_galleries_are_missing(tmp_path: Path) -> None:
    made = write_ijb(tmp_path, ARCFACE_112)
    subject = {template: subject for _, template, _, subject, _ in made.faces}
    for file in (tmp_path / "meta").glob("*.csv"):
        file.unlink()
    lists = find_lists(tmp_path)
    assert lists is not None
    found = known_subjects(lists)
    assert set(found) == set(subject)
    joined = {(found[a] == found[b]) == (subject[a] == subject[b]) for a in subject for b in subject}
    assert joined == {True}, "the same templates are one person"


def test_lines_that_do_not_go_together_are_problems_and_lose_no_other(tmp_path: Path) -> None:
    made = write_ijb(tmp_path, ARCFACE_112)
    file = tmp_path / "meta" / "ijbc_face_tid_mid.txt"
    written = file.read_text().splitlines()
    file.write_text("\n".join(["9999.jpg 1 10", "2.jpg 1", *written[2:-1]]))
    lists = find_lists(tmp_path)
    assert lists is not None
    rows = list(face_rows(lists))
    problems = [row for row in rows if isinstance(row, Problem)]
    assert len(rows) == len(made.faces) and len(problems) == 3
    assert "9999.jpg" in problems[0].reason and "ends before this line" in problems[2].reason


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 2 1\n3 4 7\n", "line 2: the label is 7"),
        ("1 2 1\n3 4\n", "the row '3 4'"),
        ("1 2 yes\n", "whole numbers"),
    ],
)
def test_a_damaged_list_of_pairs_is_refused_by_its_row(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "pairs.txt").write_text(text)
    with pytest.raises(ManifestError, match=said):
        read_template_pairs(tmp_path / "pairs.txt")
    with pytest.raises(ManifestError, match="cannot be read"):
        read_template_pairs(tmp_path / "none.txt")


def test_a_template_of_two_subjects_is_refused(tmp_path: Path) -> None:
    (tmp_path / "g.csv").write_text("TEMPLATE_ID,SUBJECT_ID\n1,5\n2,6\n1,6\n")
    with pytest.raises(ManifestError, match="template 1 belongs to the subjects 5 and 6"):
        read_template_subjects(tmp_path / "g.csv")
    (tmp_path / "g.csv").write_text("T,S\n1,5\n")
    with pytest.raises(ManifestError, match="TEMPLATE_ID, SUBJECT_ID"):
        read_template_subjects(tmp_path / "g.csv")


def test_a_list_of_millions_of_pairs_is_read_as_numbers(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    rows = np.column_stack([generator.integers(1, 9999, (200_000, 2)), generator.integers(0, 2, 200_000)])
    np.savetxt(tmp_path / "p.txt", rows, "%d")
    pairs = read_template_pairs(tmp_path / "p.txt")
    assert (pairs.templates == rows[:, :2]).all() and (pairs.mated == rows[:, 2]).all()
