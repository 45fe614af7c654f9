"""mien subjects and mien remove, as a user calls them."""

import json
from pathlib import Path

import pytest

from mien.cli import run


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_remove_and_subjects(people: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = str(tmp_path / "g")
    run(["enrol", path, str(people / "enrol")])
    capsys.readouterr()
    assert run(["subjects", path, "--json"]) == 0
    assert [(row["subject"], row["templates"]) for row in lines(capsys)] == [
        ("Eileen Collins", 1),
        ("Grace Hopper", 1),
    ]
    assert run(["remove", path, "Grace Hopper"]) == 0
    assert run(["remove", path, "Grace Hopper"]) == 3
    assert "has no subject 'Grace Hopper'" in capsys.readouterr().err
    assert run(["identify", path, str(people / "hopper.jpg"), "--json"]) == 1
    assert lines(capsys)[0]["faces"][0]["decision"] == "unknown"


@pytest.mark.parametrize("verb", ["subjects", "identify", "compare", "enrol", "remove", "reenrol", "gallery health"])
def test_a_damaged_gallery_is_one_sentence_and_exit_code_3(
    people: Path, gallery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    data = bytearray(gallery.read_bytes())
    damaged = tmp_path / "damaged.gallery"
    place = data.index(b"Eileen Collins")
    data[place] ^= 1
    damaged.write_bytes(data)
    probe = str(people / "collins.jpg")
    command = {
        "identify": ["identify", str(damaged), probe],
        "compare": ["compare", probe, probe, "--gallery", str(damaged)],
        "enrol": ["enrol", str(damaged), str(people / "enrol")],
        "remove": ["remove", str(damaged), "Eileen Collins"],
    }.get(verb, [*verb.split(), str(damaged)])
    assert run(command) == 3
    said = capsys.readouterr()
    assert said.err.count("damaged.gallery is damaged") == 1 and "Traceback" not in said.err
    assert "Dileen" not in said.out
