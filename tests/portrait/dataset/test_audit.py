"""The audit from folder to report: resuming, findings, manifests, acceptance, and everything that can go wrong."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet
import pytest

from mien.cli import run
from mien.errors import AuditError
from mien.portrait.dataset import measure_cache
from mien.portrait.dataset.measure_cache import Models, measure_files, read_measurements
from mien.portrait.dataset.metadata import age_at, read_metadata
from mien.portrait.dataset.structure import list_data_set
from mien.portrait.report.page import histogram
from mien.portrait.rules import load_rules
from mien.types import Image, floats

STRUCTURE = load_rules("vn-portrait").structure


def variant(image: Image, number: int) -> Image:
    """The photograph turned, lit and cut otherwise, which the audit knows again; odd ones mirrored, which are
    others."""
    draw = np.random.default_rng(number)
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(
        (width / 2, height / 2), float(draw.uniform(-9, 9)), float(draw.uniform(0.95, 1.2))
    )
    made = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
    made = made[:, ::-1] if number % 2 else made
    shade = 1 + 0.25 * draw.uniform(-1, 1) * np.linspace(-1, 1, width)[None, :, None]
    made = np.clip(made * shade + draw.normal(0, 2, made.shape), 0, 255).astype(np.uint8)
    cut = int(draw.integers(0, 30))
    return np.ascontiguousarray(made[cut : height - cut // 2, cut : width - cut])


@pytest.fixture(scope="module")
def portraits(tmp_path_factory: pytest.TempPathFactory, collins: Image, hopper: Image, write: Callable) -> Path:
    """Two adults with five images each, one with faults; a child that nobody photographed."""
    root = tmp_path_factory.mktemp("sets") / "portraits"
    for number in range(5):
        write(root / "adults" / "Grace" / f"{number}.jpg", variant(hopper, number))
        write(root / "adults" / "Eileen" / f"{number}.jpg", variant(collins[0:300, 60:400], number))
    shutil.copy(root / "adults" / "Grace" / "0.jpg", root / "adults" / "Grace" / "copy.jpg")
    write(root / "adults" / "Grace" / "again.jpg", variant(hopper, 1), 40)
    write(root / "adults" / "Eileen" / "blurred.jpg", cv2.GaussianBlur(variant(collins[0:300, 60:400], 8), (0, 0), 6))
    write(
        root / "adults" / "Eileen" / "wall.jpg",
        np.random.default_rng(0).integers(90, 110, (300, 300, 3)).astype(np.uint8),
    )
    (root / "adults" / "Eileen" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut")
    (root / "children" / "empty").mkdir(parents=True)
    return root


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
    with (audited[0] / "images.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["path"] for row in csv.DictReader(stream)] == list(rows)
    assert "sharp" in rows["adults/Eileen/blurred.jpg"]["failed"].split()
    assert rows["adults/Eileen/wall.jpg"]["failed"].split() == ["a-face"]
    assert rows["adults/Eileen/broken.jpg"]["error"]
    assert rows["adults/Grace/2.jpg"]["sharpness"] > rows["adults/Eileen/blurred.jpg"]["sharpness"]
    assert not any("embedding" in name or "landmarks" in name for name in table.column_names)


def test_people_are_counted_by_different_images(audited: tuple[Path, int, Path]) -> None:
    with (audited[0] / "subjects.csv").open(encoding="utf-8", newline="") as stream:
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


def test_what_was_measured_is_forgotten(audited: tuple[Path, int, Path]) -> None:
    assert not (audited[0] / measure_cache.FOLDER).exists()


@pytest.fixture
def small(portraits: Path, tmp_path: Path) -> Path:
    root = tmp_path / "small"
    for name in ("0", "1", "2", "3"):
        place = root / "adults" / "Grace" / f"{name}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(portraits / "adults" / "Grace" / f"{name}.jpg", place)
    return root


def test_an_interrupted_audit_goes_on(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure_cache, "CHUNK", 1)
    models = Models(recognizer="")
    listing = list_data_set(small, STRUCTURE)
    work = measure_files(small, listing.entries, tmp_path / "out", models)
    assert [next(work).done for _ in range(3)] == [0, 1, 2]
    work.close()
    measured: list[str] = []
    true = measure_cache.measure_chunk
    monkeypatch.setattr(
        measure_cache, "measure_chunk", lambda m, r, paths: measured.extend(paths) or true(m, r, paths)
    )
    assert [p.done for p in measure_files(small, listing.entries, tmp_path / "out", models)] == [2, 3, 4]
    assert len(measured) == 2
    assert len(read_measurements(listing.entries, tmp_path / "out").table) == 4


def test_a_changed_file_is_measured_anew_and_another_model_measures_all(small: Path, tmp_path: Path) -> None:
    out, models = tmp_path / "out", Models(recognizer="")
    listing = list_data_set(small, STRUCTURE)
    list(measure_files(small, listing.entries, out, models))
    victim = small / "adults" / "Grace" / "2.jpg"
    victim.write_bytes(b"no image any more")
    assert next(measure_files(small, listing.entries, out, models)).done == 3
    list(measure_files(small, listing.entries, out, models))
    assert read_measurements(listing.entries, out).texts("error")[2]
    assert next(measure_files(small, listing.entries, out, Models(detector="haar", recognizer=""))).done == 0


def test_kept_measures_are_judged_by_other_rules(small: Path, tmp_path: Path, capsys, monkeypatch) -> None:
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
    monkeypatch.setattr(measure_cache, "measure_chunk", lambda *_: pytest.fail("it was measured already"))
    assert run([*common, "--rules", "icao"]) == 1
    two = json.loads(capsys.readouterr().out)
    assert one["rules"]["name"] == "vn-portrait"
    assert two["rules"]["name"] == "icao"


def test_workers_make_no_difference(small: Path, tmp_path: Path) -> None:
    listing = list_data_set(small, STRUCTURE)
    tables = []
    for workers in (1, 2):
        list(measure_files(small, listing.entries, tmp_path / str(workers), Models(recognizer=""), workers=workers))
        tables.append(read_measurements(listing.entries, tmp_path / str(workers)).table)
    assert tables[0].equals(tables[1])


def test_a_manifest_gives_sex_and_ages_and_outranks_the_folder(small: Path, tmp_path: Path, capsys) -> None:
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


@pytest.mark.parametrize(
    ("born", "taken", "years"),
    [("2015-06-01", "2022-05-31", 6), ("2015-06-01", "2022-06-01", 7), ("2016-02-29", "2023-02-28", 6)],
)
def test_ages_are_whole_years(born: str, taken: str, years: int) -> None:
    assert age_at({"birth_date": born, "capture_date": taken}) == years


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "needs a column path or subject"),
        ("subject,sex\nx,other\n", "row 2: sex is male or female, not 'other'"),
        ("subject,birth_date\nx,31.5.2019\n", "row 2: birth_date is a date like 2019-05-31"),
    ],
)
def test_a_wrong_manifest_is_told_by_its_row(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(AuditError, match=said):
        read_metadata(tmp_path / "m.csv")
    with pytest.raises(AuditError, match="cannot be read"):
        read_metadata(tmp_path / "missing.csv")


def test_a_place_that_cannot_be_written_to_is_told(small: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "file").write_text("x")
    assert (
        run(["audit", str(small), "--out", str(tmp_path / "file" / "report"), "--no-labels", "--workers", "1"]) == 3
    )
    assert "give another place with --out" in capsys.readouterr().err


def test_the_report_and_the_accepted_may_not_lie_in_the_data_set(small: Path, tmp_path: Path, capsys) -> None:
    assert run(["audit", str(small), "--out", str(small / "report"), "--no-labels"]) == 2
    assert "is not to be changed" in capsys.readouterr().err
    common = ["audit", str(small), "--out", str(tmp_path / "o"), "--no-labels", "--workers", "1"]
    assert run([*common, "--accept", str(small / "good")]) == 3
    assert "is not to be changed" in capsys.readouterr().err


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
    names = sorted(path.name for path in good.rglob("*") if path.is_file())
    assert names == ["0.jpg", "1.jpg"], "the others are copies"
    assert all(path.samefile(small / path.relative_to(good)) for path in good.rglob("*.jpg"))


def test_a_folder_of_another_structure_is_told(tmp_path: Path, capsys) -> None:
    assert run(["audit", str(tmp_path)]) == 3
    assert "is empty: lay the data set out as" in capsys.readouterr().err


def test_histograms_show_what_lies_beyond_a_limit() -> None:
    drawn = histogram(floats([1, 2, 3, 4, 5, float("nan")]), 2.5, None)
    assert "#d55e00" in drawn
    assert "#0072b2" in drawn
    assert ">2.5</text>" in drawn
    assert "#d55e00" not in histogram(floats([3, 3]), 2.5, 4)
