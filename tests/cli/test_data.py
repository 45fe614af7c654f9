"""mien data as a user types it."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.cli import run
from mien.data.manifest import tabulate
from mien.data.manifest_io import read_manifest, write_manifest
from mien.data.pack import Pack
from mien.data.sample import Problem, Sample
from mien.data.sources.registry import SOURCES
from mien.data.sources.source import Rows, Source
from mien.types import Image


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, collins: Image, hopper: Image) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for name, image in {
        "train/Collins/1.png": collins,
        "train/Collins/2.png": collins[:400, 60:460],
        "train/Hopper/1.png": hopper,
        "train/Wall/1.png": np.full((120, 160, 3), 120, np.uint8),
        "test/Grace/a.png": hopper[:, 20:],
        "test/Nobody/b.png": np.full((90, 80, 3), 30, np.uint8),
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Pillow.fromarray(np.ascontiguousarray(image)).save(folder / name)
    return folder


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_inspect_says_what_a_set_is(people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "inspect", str(people / "train"), "--json"]) == 0
    (seen,) = lines(capsys)
    assert (seen["source"], seen["images"], seen["subjects"], seen["single"]) == ("folders", 4, 3, 2)
    assert seen["images_each"] == [1, 1.0, 2] and seen["problems"] == 0
    assert run(["data", "inspect", str(people / "train")]) == 0
    assert "folders of subjects (--as folders)" in capsys.readouterr().out


def test_the_whole_way_from_a_folder_to_recordio(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest, pack = tmp_path / "m.parquet", tmp_path / "pack"
    assert run(["data", "import", str(people / "train"), "--out", str(manifest), "--json"]) == 0
    assert lines(capsys)[0]["rows"] == 4
    assert run(["data", "prepare", str(manifest), "--out", str(pack), "--workers", "1", "--json"]) == 4
    captured = capsys.readouterr()
    assert json.loads(captured.out)["counts"] == {"written": 3, "no face": 1}
    assert "rejected.csv lists 1 row without a crop" in captured.err
    assert run(["data", "check", str(pack), "--json"]) == 0
    assert lines(capsys)[0] == {"pack": str(pack), "crops": 3, "subjects": 2, "problems": 0}
    assert run(["data", "export", str(pack), "--rec", str(tmp_path / "rec")]) == 0
    assert run(["data", "inspect", str(tmp_path / "rec"), "--json"]) == 0
    seen = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (seen["source"], seen["images"], seen["subjects"]) == ("recordio", 3, 2)
    assert run(["data", "export", str(pack), "--folder", str(tmp_path / "f")]) == 0
    assert len(list((tmp_path / "f" / "Collins").iterdir())) == 2
    assert run(["data", "prepare", str(tmp_path / "f"), "--out", str(tmp_path / "again"), "--workers", "1"]) == 0
    assert len(Pack(tmp_path / "again")) == 3


def test_split_deals_subjects_by_its_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples = [Sample(tmp_path / f"{n}.jpg", f"s{n // 4}") for n in range(400)]
    write_manifest(tabulate(samples, tmp_path, "m"), tmp_path / "m.csv")
    argv = ["data", "split", str(tmp_path / "m.csv"), "--part", "a=0.5", "--part", "b=0.5", "--json"]
    found = {}
    for seed, out in ((3, "three"), (3, "again"), (4, "four")):
        assert run([*argv, "--out", str(tmp_path / out), "--seed", str(seed)]) == 0
        printed = {line["part"]: line for line in lines(capsys)}
        parts = {name: read_manifest(tmp_path / out / f"{name}.parquet") for name in ("a", "b")}
        assert printed == {n: {"part": n, "rows": len(m), "subjects": len(m) // 4} for n, m in parts.items()}
        assert not set(parts["a"].subjects) & set(parts["b"].subjects) and sum(map(len, parts.values())) == 400
        found[out] = set(parts["a"].subjects)
        assert 30 <= len(found[out]) <= 70
    assert found["three"] == found["again"] != found["four"]


def test_split_and_its_refusals(people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["data", "split", str(people / "train"), "--out", str(tmp_path / "s")]
    assert run([*argv, "--part", "a=0.5", "--part", "b=0.5", "--seed", "3"]) == 3
    assert "the part a would be empty: 3 subjects are too few" in capsys.readouterr().err
    assert run([*argv, "--part", "a=half"]) == 2
    assert "--part takes NAME=SHARE, such as train=0.8, not a=half" in capsys.readouterr().err
    assert run([*argv, "--part", "a"]) == 2
    assert "--part takes NAME=SHARE, not a" in capsys.readouterr().err
    assert run([*argv, "--part", "a=0.5"]) == 3
    assert "do not add up to 1" in capsys.readouterr().err


def test_what_becomes_of_several_faces(
    people: Path, tmp_path: Path, hopper: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    two = tmp_path / "set" / "Hopper" / "two.png"
    two.parent.mkdir(parents=True)
    Pillow.fromarray(np.hstack([hopper[:500], hopper[:500, ::-1]])).save(two)

    def counts(name: str, *options: str) -> tuple[dict, str]:
        run(
            [
                "data",
                "prepare",
                str(tmp_path / "set"),
                "--out",
                str(tmp_path / name),
                "--workers",
                "1",
                "--json",
                *options,
            ]
        )
        captured = capsys.readouterr()
        return json.loads(captured.out)["counts"], captured.err

    assert counts("default")[0] == counts("reject", "--multiple-faces", "reject")[0] == {"several faces": 1}
    assert counts("largest", "--multiple-faces", "largest") == ({"written": 1}, "")
    taken, notice = counts("take", "--several", "take")
    assert taken == {"written": 1} and "--several is now --multiple-faces, and take is now largest" in notice
    assert counts("old", "--several", "reject")[0] == {"several faces": 1}


@pytest.mark.parametrize(
    ("argv", "code", "why"),
    [
        (["inspect", "{}/gone"], 3, "gone does not exist"),
        (["inspect", "{}/train", "--as", "lwf"], 3, "there is no source 'lwf'"),
        (["import", "{}/train", "--out", "m.txt"], 2, "ends in .csv or .parquet"),
        (["import", "{}/train/Wall/1.png", "--out", "m.csv"], 3, "is not a data set that mien recognizes"),
        (["prepare", "{}/test/Nobody", "--out", "p"], 3, "1 images are directly in it"),
        (
            ["prepare", "{}/train", "--out", "p", "--multiple-faces", "some"],
            2,
            "--multiple-faces is reject or largest",
        ),
        (["prepare", "{}/train", "--out", "p", "--several", "some"], 2, "--multiple-faces is reject or largest"),
        (["prepare", "{}/train", "--out", "p", "--size", "100"], 3, "multiples of 112 and 128"),
        (["check", "{}/train"], 3, "is not a pack; make one with"),
        (["export", "{}/train", "--rec", "x"], 3, "is not a pack"),
        (
            ["import", "{}/train", "--out", "m.csv", "--as", "table", "--column", "path"],
            2,
            "--column takes NAME=COLUMN",
        ),
    ],
)
def test_rubbish_gets_one_sentence_and_leaves_nothing(
    people: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    argv: list,
    code: int,
    why: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["data", *(word.format(people) for word in argv)]) == code
    message = capsys.readouterr().err
    assert why in message and "Traceback" not in message
    assert not list(tmp_path.iterdir())


def test_a_table_with_problems_is_read_as_far_as_it_goes(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = people / "list.csv"
    table.write_text("file,who\ntrain/Hopper/1.png,Grace\ngone.png,Grace\n")
    argv = ["data", "import", str(table), "--column", "path=file", "--column", "subject=who"]
    assert run([*argv, "--as", "table", "--out", str(tmp_path / "m.csv")]) == 4
    captured = capsys.readouterr()
    assert "row 3" in captured.out and "gone.png is missing" in captured.out and "1 problem" in captured.out
    assert read_manifest(tmp_path / "m.csv").subjects == ["Grace"]


def test_a_made_up_source_is_reached_from_one_place(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A format that is one object in the table is inspected, imported, named by --as, and listed in errors."""

    def read(path: Path) -> Rows:
        for line in path.read_text().splitlines():
            subject, _, file = line.partition(" shows ")
            yield Sample(path.parent / file, subject) if file else Problem(str(path), f"'{line}' shows nothing")

    own = Source(
        name="shows", summary="lines of who shows what", recognizes=lambda path: path.suffix == ".shows", read=read
    )
    monkeypatch.setitem(SOURCES, "shows", own)
    (people / "list.shows").write_text("Grace shows train/Hopper/1.png\nnothing\n")
    assert run(["data", "inspect", str(people / "list.shows")]) == 0
    assert "lines of who shows what (--as shows)" in capsys.readouterr().out
    for argv in ([], ["--as", "shows"]):
        out = tmp_path / f"m{len(argv)}.parquet"
        assert run(["data", "import", str(people / "list.shows"), "--out", str(out), *argv]) == 4
        assert "'nothing' shows nothing" in capsys.readouterr().out
        (sample,) = read_manifest(out).samples()
        assert sample.subject == "Grace" and sample.path.resolve() == people / "train/Hopper/1.png"
    assert run(["data", "import", str(people / "list.shows"), "--out", str(out), "--column", "path=x"]) == 3
    assert "list.shows is read as shows" in capsys.readouterr().err
    assert run(["data", "inspect", str(people / "train" / "Wall" / "1.png")]) == 3
    assert "table, shows)" in capsys.readouterr().err
    (people / "list.shows").write_text("nothing\nagain nothing\n")
    assert run(["data", "import", str(people / "list.shows"), "--out", str(tmp_path / "none.csv")]) == 3
    assert "has no usable sample, read as shows; nothing was written (2 problems" in capsys.readouterr().err
    assert not (tmp_path / "none.csv").exists()
