"""The audit from folder to report: findings, tables, manifests, acceptance, and everything that can go wrong."""

import csv
import json
from pathlib import Path
from stat import S_IMODE

import pyarrow.parquet
import pytest

from mien import portrait
from mien.cli import run
from mien.errors import AuditError
from mien.portrait.dataset import measure_cache
from mien.progress import Progress


@pytest.fixture(scope="module")
def audited(portraits: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, Path]:
    """The report of an audit by the command, its exit code, and what was accepted."""
    out, good = (tmp_path_factory.mktemp(name) / name for name in ("report", "good"))
    code = run(
        ["audit", str(portraits), "--out", str(out), "--accept", str(good), "--workers", "1", "--language", "vi"]
    )
    return out, code, good


@pytest.fixture(scope="module")
def report(audited: tuple[Path, int, Path]) -> dict:
    return json.loads((audited[0] / "report.json").read_text(encoding="utf-8"))


def test_the_exit_code_says_that_a_file_could_not_be_read(audited: tuple[Path, int, Path]) -> None:
    assert audited[1] == 4


def test_reports_and_accepted_portraits_are_closed_to_other_accounts(audited: tuple[Path, int, Path]) -> None:
    out, _, good = audited
    written = [path for folder in (out, good) for path in folder.rglob("*")]
    assert {S_IMODE(path.stat().st_mode) for path in written if path.is_file()} == {0o600}
    assert {S_IMODE(path.stat().st_mode) for path in written if path.is_dir()} == {0o700}


def test_every_fault_is_a_finding(report: dict) -> None:
    found = {(f["kind"], f["place"], *f["others"]) for f in report["findings"]}
    assert ("same-file", "adults/Grace/0.jpg", "adults/Grace/copy.jpg") in found
    copies = {name for kind, _, *others in found if kind == "near-duplicate" for name in others}
    assert {"adults/Grace/2.jpg", "adults/Grace/4.jpg", "adults/Grace/3.jpg", "adults/Grace/again.jpg"} <= copies
    assert not {"adults/Grace/0.jpg", "adults/Grace/1.jpg", "adults/Eileen/wall.jpg"} & copies
    assert ("unreadable-image", "adults/Eileen/broken.jpg") in found
    assert ("empty-folder", "children/empty") in found
    assert not any(kind in ("one-person-twice", "two-people", "unlike-others") for kind, *_ in found)


def test_counts_add_up(report: dict) -> None:
    counts = report["counts"]
    assert (counts["images"], counts["people"], counts["unreadable"], counts["no_face"]) == (15, 2, 1, 1)
    for rule in report["by_rule"]:
        assert rule["pass"] + rule["fail"] + rule["not_assessed"] == 15
        assert sum(rule["reasons"].values()) == rule["not_assessed"]
    assert report["version"] == 1
    assert report["passed"] is False


def test_the_table_has_every_measure_of_every_image(audited: tuple[Path, int, Path]) -> None:
    table = pyarrow.parquet.read_table(audited[0] / "images.parquet")
    rows = {row["path"]: row for row in table.to_pylist()}
    with (audited[0] / "images.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert [row["path"] for row in csv.DictReader(stream)] == list(rows)
    assert "sharp" in rows["adults/Eileen/blurred.jpg"]["failed"].split()
    assert rows["adults/Eileen/wall.jpg"]["failed"].split() == ["a-face"]
    assert rows["adults/Eileen/broken.jpg"]["error"]
    assert rows["adults/Grace/2.jpg"]["sharpness"] > rows["adults/Eileen/blurred.jpg"]["sharpness"]
    assert not any("embedding" in name or "landmarks" in name for name in table.column_names)


def test_people_are_counted_by_different_images(audited: tuple[Path, int, Path]) -> None:
    with (audited[0] / "subjects.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = {row["subject"]: row for row in csv.DictReader(stream)}
    assert rows["adults/Grace"]["images"] == "7"
    assert rows["adults/Grace"]["distinct"] == "2"
    assert rows["adults/Grace"]["enough"] == "False"


def test_the_page_stands_alone_and_speaks_vietnamese(audited: tuple[Path, int, Path]) -> None:
    page = (audited[0] / "report.html").read_text(encoding="utf-8")
    assert '<html lang="vi">' in page
    assert "Bộ dữ liệu chưa đạt yêu cầu." in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "<script" not in page
    assert page.count("data:image/jpeg;base64,") >= 4


def test_only_what_passes_is_accepted_and_the_source_is_untouched(
    audited: tuple[Path, int, Path], portraits: Path
) -> None:
    good = audited[2]
    table = pyarrow.parquet.read_table(audited[0] / "images.parquet").to_pylist()
    accepted = {row["path"] for row in table if row["accepted"]}
    assert accepted
    assert {str(path.relative_to(good)) for path in good.rglob("*.jpg")} == accepted
    for name in accepted:
        assert (good / name).read_bytes() == (portraits / name).read_bytes()
    assert not {"adults/Grace/copy.jpg", "adults/Eileen/broken.jpg", "adults/Eileen/wall.jpg"} & accepted
    assert len(list(portraits.rglob("*.jpg"))) == 15


def test_what_was_measured_is_deleted(audited: tuple[Path, int, Path]) -> None:
    assert not (audited[0] / measure_cache.FOLDER).exists()


def test_other_rules_are_applied_to_kept_measures(small: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    common = [
        "audit",
        str(small),
        "--out",
        str(tmp_path / "out"),
        "--workers",
        "1",
        "--no-labels",
        "--keep",
        "--json",
    ]
    assert run(common) == 1
    one = json.loads(capsys.readouterr().out)
    monkeypatch.setattr(measure_cache, "measure_files", lambda *_: pytest.fail("it was measured already"))
    assert run([*common, "--rules", "icao"]) == 1
    two = json.loads(capsys.readouterr().out)
    assert one["rules"]["name"] == "vn-portrait"
    assert two["rules"]["name"] == "icao"


def test_a_manifest_gives_sex_and_ages_and_goes_before_the_folder(small: Path, tmp_path: Path, capsys) -> None:
    people = tmp_path / "people.csv"
    people.write_text(
        "path,subject,sex,birth_date,capture_date\n"
        "adults/Grace/0.jpg,,F,2015-06-01,2022-05-31\n"
        "adults/Grace/1.jpg,,nữ,2015-06-01,2023-06-01\n"
        ",Grace,female,,\n"
        "adults/Grace/9.jpg,,,2015-06-01,2023-06-01\n",
        encoding="utf-8",
    )
    out = tmp_path / "out"
    assert (
        run(["audit", str(small), "--out", str(out), "--no-labels", "--workers", "1", "--manifest", str(people)]) == 1
    )
    found = json.loads((out / "report.json").read_text(encoding="utf-8"))
    kinds = {(f["kind"], f["place"]) for f in found["findings"]}
    assert ("age-contradiction", "adults/Grace/0.jpg") in kinds
    assert ("age-contradiction", "adults/Grace/1.jpg") not in kinds
    assert ("not-in-folder", "adults/grace/9.jpg") in kinds
    ages = {
        p["name"]: p["count"]
        for b in found["balance"]
        if (b["what"], b["unit"]) == ("age", "images")
        for p in b["parts"]
    }
    assert ages == {"adult": 3, "child": 1}
    sexes = {
        p["name"]: p["count"]
        for b in found["balance"]
        if (b["what"], b["unit"]) == ("sex", "people")
        for p in b["parts"]
    }
    assert sexes == {"male": 0, "female": 1}
    assert {"sex": "male", "age": "adult", "people": 1} in found["collect"]
    assert "more" in capsys.readouterr().out


def test_a_place_that_cannot_be_written_to_is_an_error(small: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "file").write_text("x")
    assert (
        run(["audit", str(small), "--out", str(tmp_path / "file" / "report"), "--no-labels", "--workers", "1"]) == 3
    )
    assert "needs a folder where there is a file: choose a different name" in capsys.readouterr().err


def test_the_accepted_may_not_be_in_the_data_set(small: Path, tmp_path: Path, capsys) -> None:
    common = ["audit", str(small), "--out", str(tmp_path / "o"), "--no-labels", "--workers", "1"]
    assert run([*common, "--accept", str(small / "good")]) == 3
    assert "must not change" in capsys.readouterr().err


def test_accepted_images_may_be_links(small: Path, tmp_path: Path) -> None:
    rules = tmp_path / "loose.toml"
    rules.write_text(
        'name="loose"\nversion=1\nen="a"\nvi="b"\n[[rule]]\nid="w"\nmeasure="width"\nunit="px"\nmin=1\nseverity="error"\n'
        'en="a"\nvi="b"\nbelow={en="a",vi="b"}\n'
    )
    good = tmp_path / "good"
    common = [
        "audit",
        str(small),
        "--out",
        str(tmp_path / "o"),
        "--no-labels",
        "--workers",
        "1",
        "--rules",
        str(rules),
    ]
    for _ in range(2):
        run([*common, "--accept", str(good), "--link"])
    names = sorted(path.name for path in good.rglob("[!.]*") if path.is_file())
    assert names == ["0.jpg", "1.jpg"], "the others are copies"
    assert all(path.samefile(small / path.relative_to(good)) for path in good.rglob("*.jpg"))


def test_a_folder_of_another_structure_is_an_error(tmp_path: Path, capsys) -> None:
    assert run(["audit", str(tmp_path)]) == 3
    assert "is empty: lay the data set out as" in capsys.readouterr().err


def test_one_call_gives_what_the_command_writes(small: Path, tmp_path: Path) -> None:
    points: list[Progress] = []
    found = portrait.audit(
        small, out=tmp_path / "out", accept=tmp_path / "good", recognizer=None, on_progress=points.append
    )
    assert found.summary == json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert found.accepted == int(found.audit.accepted.sum()) == len(list((tmp_path / "good").rglob("*.jpg"))) > 0
    assert [p.stage for p in points][:2] == ["measuring", "measuring"]
    assert {p.stage for p in points} == {"measuring", "comparing images and people", "accepting"}
    assert [(p.done, p.total) for p in points if p.stage == "measuring"][-1] == (4, 4)
    assert [e.path for e in found.audit.entries] == [f"adults/Grace/{n}.jpg" for n in range(4)]


def test_a_folder_to_accept_into_is_checked_before_anything_is_measured(small: Path, tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="must not change: choose a different --accept"):
        portrait.audit(small, out=tmp_path / "out", accept=small / "good", recognizer=None)
    assert not (tmp_path / "out").exists()
