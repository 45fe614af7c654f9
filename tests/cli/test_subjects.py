"""mien subjects and mien remove, as a user calls them."""

import json
from pathlib import Path
from stat import S_IMODE

import pytest

from mien.cli import run
from mien.gallery.records import Erasure
from mien.image import read_image


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


def test_samples_are_listed_written_and_erased_one_at_a_time(
    people: Path, masked_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = str(tmp_path / "g"), tmp_path / "portraits"
    images = [str(people / "enrol" / "Eileen Collins" / "1.png"), str(masked_path)]
    assert run(["enrol", path, "--subject", "Eileen Collins", *images, "--scope", "warn"]) == 0
    capsys.readouterr()
    assert run(["samples", path, "Eileen Collins", "--json", "--out", str(out)]) == 0
    rows = lines(capsys)
    assert [(row["sample"], row["source"]) for row in rows] == [(1, images[0]), (2, images[1])]
    assert [[one["code"] for one in row["doubts"]] for row in rows] == [[], ["mask"]]
    assert rows[1]["doubts"][0]["reason"] == "the lower face is covered"
    written = [file for file in out.iterdir() if file.suffix == ".jpg"]
    assert sorted(file.name for file in written) == ["1.jpg", "2.jpg"]
    assert all(S_IMODE(file.stat().st_mode) == 0o600 and min(read_image(file).shape[:2]) > 50 for file in written)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "2.jpg").write_bytes(b"mine")
    assert run(["samples", path, "Eileen Collins", "--out", str(tmp_path / "other")]) == 3
    assert (tmp_path / "other" / "2.jpg").read_bytes() == b"mine"
    assert [file.name for file in (tmp_path / "other").iterdir()] == ["2.jpg"]
    capsys.readouterr()
    assert run(["identify", path, str(people / "collins.jpg"), "--json", "--fmr", "1e-2"]) == 0
    assert lines(capsys)[0]["faces"][0]["rests_on"] is None, "the plain portrait is nearer than the masked one"
    assert run(["remove", path, "Eileen Collins", "--sample", "9"]) == 3
    assert "has no sample 9 of 'Eileen Collins'" in capsys.readouterr().err
    assert run(["remove", path, "Eileen Collins", "--sample", "1"]) == 0
    assert "erased sample 1 of Eileen Collins with its portrait\n" in capsys.readouterr().out
    assert run(["identify", path, str(people / "collins.jpg"), "--json", "--fmr", "1e-2"]) == 5
    shown = lines(capsys)[0]["faces"][0]
    assert shown["decision"] == "uncertain" and shown["rests_on"]["sample"] == 2
    assert run(["identify", path, str(people / "collins.jpg"), "--fmr", "1e-2"]) == 5
    assert "sample 2, which this rests on, was doubtful when it was enrolled" in capsys.readouterr().out
    assert run(["remove", path, "Eileen Collins", "--sample", "2", "--json"]) == 0
    assert lines(capsys)[0] == {
        "subject": "Eileen Collins",
        "sample": 2,
        "erased": 1,
        "subject_erased": True,
        "keys": "none",
        "log": "emptied",
        "outside": "none",
    }
    assert run(["samples", path, "Eileen Collins"]) == 3


def test_subjects_are_renamed_and_merged(people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "g")
    run(["enrol", path, str(people / "enrol")])
    run(["enrol", path, "--subject", "E. Collins", str(people / "collins.jpg")])
    capsys.readouterr()
    assert run(["rename", path, "Eileen Collins", "Grace Hopper"]) == 3
    assert f"`mien merge {path} 'Eileen Collins' 'Grace Hopper'`" in capsys.readouterr().err
    assert run(["rename", path, "Eileen Collins", "Đinh Thị Ánh"]) == 0
    assert capsys.readouterr().out == "Eileen Collins is now Đinh Thị Ánh\n"
    assert run(["merge", path, "E. Collins", "Đinh Thị Ánh", "--json"]) == 0
    assert lines(capsys)[-1] == {"subject": "E. Collins", "into": "Đinh Thị Ánh", "moved": 1}
    assert run(["subjects", path, "--json"]) == 0
    assert [(row["subject"], row["templates"]) for row in lines(capsys)] == [("Grace Hopper", 1), ("Đinh Thị Ánh", 2)]
    assert run(["identify", path, str(people / "collins.jpg"), "--json"]) == 0
    assert lines(capsys)[0]["faces"][0]["decision"] == "Đinh Thị Ánh"
    held = (tmp_path / "g").read_bytes()
    assert b"Eileen Collins" not in held and b"E. Collins" not in held


def test_several_images_need_the_name_of_their_subject(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = [str(people / "collins.jpg"), str(people / "hopper.jpg")]
    assert run(["enrol", str(tmp_path / "g"), *images]) == 2
    assert "--subject" in capsys.readouterr().err and not (tmp_path / "g").exists()


def test_somebody_is_suspended_and_recognized_again(
    people: Path, gallery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "g"
    path.write_bytes(gallery.read_bytes())
    probe = ["identify", str(path), str(people / "hopper.jpg"), "--json"]
    for command, decision in ((["suspend"], "unknown"), (["suspend", "--end"], "Grace Hopper")):
        assert run([*command, str(path), "Grace Hopper", "--json"]) == 0
        state = "active" if "--end" in command else "suspended"
        assert lines(capsys)[0]["state"] == state
        run(probe)
        assert lines(capsys)[0]["faces"][0]["decision"] == decision
    assert run(["suspend", str(path), "Nobody"]) == 3
    assert "has no subject 'Nobody'" in capsys.readouterr().err


def test_metadata_is_shown_and_changed(gallery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "g"
    path.write_bytes(gallery.read_bytes())
    command = ["metadata", str(path), "Grace Hopper"]
    assert run([*command, "--set", "floor=3", "--set", "team=compilers", "--set", 'tags=["a", "b"]', "--json"]) == 0
    assert lines(capsys)[0]["metadata"] == {"floor": 3, "team": "compilers", "tags": ["a", "b"]}
    assert run([*command, "--remove", "tags", "--remove", "never", "--json"]) == 0
    assert lines(capsys)[0]["metadata"] == {"floor": 3, "team": "compilers"}
    assert run(command) == 0
    assert "compilers" in capsys.readouterr().out
    assert run([*command, "--set", "floor"]) == 2
    assert run([*command, "--set", f"long={'x' * 5000}"]) == 3
    assert "4096" in capsys.readouterr().err.replace(",", "")


@pytest.mark.parametrize(
    ("outside", "code", "sentence"),
    [
        ("logical", 0, "bytes stay in its files until `mien gallery compact staff.gallery`"),
        ("pending", 4, "cannot be reached: run `mien subjects staff.gallery` when it can"),
    ],
)
def test_an_erasure_says_what_a_database_has_done(
    outside: str, code: int, sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    erasure = Erasure(2, "none", "emptied" if outside == "logical" else "pending", outside)
    monkeypatch.setattr("mien.cli.subjects.remove_subject", lambda gallery, subject: erasure)
    assert run(["remove", "staff.gallery", "An"]) == code
    assert sentence in " ".join(capsys.readouterr().err.split())
