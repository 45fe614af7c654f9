"""mien data import, as a user calls it."""

from pathlib import Path

import pytest

from mien.cli import run
from mien.data.manifest_io import read_manifest
from mien.data.sample import Problem, Sample
from mien.data.sources.registry import SOURCES
from mien.data.sources.source import Rows, Source


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
