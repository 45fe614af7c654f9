"""Values show themselves in notebooks, and nothing in them acts as HTML."""

from pathlib import Path

import mien
from mien.evaluate.report import read_report
from mien.gallery.decide import Decision
from mien.models.store import load
from mien.notebook import html_images, html_table
from mien.pipeline import open_pipeline
from mien.types import Score

ROOT = Path(__file__).resolve().parent.parent


def test_a_name_that_is_html_is_shown_as_text() -> None:
    shown = html_table("<script>", [("<img src=x>", 1)], ("a & b", "n"))
    assert "<script>" not in shown and "<img" not in shown and "a &amp; b" in shown


def test_images_are_within_the_html() -> None:
    assert html_images([b"abc", b"d"]).count("data:image/jpeg;base64,") == 2


def test_a_decision_shows_its_rate_with_the_interval() -> None:
    threshold = load("dlib-resnet").card.threshold(1e-3)
    shown = Decision("match", Score(0.2, threshold.unit, threshold.contract), threshold)._repr_html_()
    assert "match" in shown and "L2 0.200" in shown and "0.001 (" in shown and "LFW" in shown


def test_a_gallery_shows_numbers_and_no_names(tmp_path: Path, collins_path: Path) -> None:
    with_names = mien.Gallery.create(tmp_path / "a.gallery", mien.load_card())
    (tmp_path / "people" / "Eileen Collins").mkdir(parents=True)
    (tmp_path / "people" / "Eileen Collins" / "1.png").write_bytes(collins_path.read_bytes())
    mien.enrol_folder(with_names, tmp_path / "people")
    shown = with_names._repr_html_()
    assert ">people</td>" in shown and ">1</td>" in shown and "Collins" not in shown
    with_names.close()


def test_an_analysis_shows_its_faces_or_its_error(collins_path: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"nothing")
    pipeline = open_pipeline("mtcnn", "dlib-resnet")
    found, broken = pipeline.analyse([collins_path, tmp_path / "broken.jpg"])
    assert "512x512, faces: 1" in found._repr_html_() and "data:image/jpeg" in found._repr_html_()
    assert "broken.jpg" in broken._repr_html_() and "data:image" not in broken._repr_html_()


def test_a_report_shows_its_figures_and_gives_them_as_a_table() -> None:
    report = read_report(ROOT / "docs/reports/default-mated/report.json")
    assert "fnmr@1e-03" in report._repr_html_()
    table = report.to_arrow()
    assert table.column_names == ["figure", "value", "low", "high", "unit"] and table.num_rows == len(report.numbers)
    row = table.to_pylist()[list(report.numbers).index("fnmr@1e-03")]
    assert row["value"] == report.numbers["fnmr@1e-03"].value and row["low"] < row["value"] < row["high"]
