"""The report of a recognizer's training."""

import html
import json
import shutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import tuning_recipe  # noqa: E402

from mien.evaluate.report import Chart, Report, read_report  # noqa: E402
from mien.train.loop import train  # noqa: E402
from mien.train.recognizers.guard import read_sentences  # noqa: E402
from mien.train.run.journal import read_journal  # noqa: E402


def texts_of(report: Report) -> set[str]:
    """Every text for people, without cells of tables, names of sets, and the recipe's own words."""
    charts = [text for chart in report.charts for text in (chart.title, chart.x_label, chart.y_label)]
    tables = [text for table in report.tables for text in (table.title, *table.columns, table.note)]
    return {str(text) for text in (report.title, report.about.sentence, *report.headline, *charts, *tables)} - {""}


def test_before_and_after_are_compared(tuned_run: Path) -> None:
    report = json.loads((tuned_run / "report" / "report.json").read_text())
    assert any("The guard" in line for line in report["headline"])
    assert report["tables"][0]["title"] == "Before and after"
    assert "better" in report["numbers"]
    assert {line["step"] for line in read_journal(tuned_run / "log.jsonl") if "evaluated" in line} == {0, 4}


def test_the_headline_and_the_first_lines_say_what_was_trained(tuned_run: Path) -> None:
    report = read_report(tuned_run / "report" / "report.json")
    assert report.title == "Training: tuned"
    assert report.about.sentence == "faces-112: 48 crops of 8 subjects. Model tuned."
    assert str(report.headline[0]).startswith("mobilefacenet with arcface, 4 steps of 8: the loss went from ")
    assert [sentence.text("en") for sentence in read_sentences(tuned_run)] == list(report.headline[1:])
    titles = [table.title for table in report.tables]
    assert titles == ["Before and after", "Before the first step and after the last", "Evaluations", "Recipe"]
    before_after = report.tables[1]
    assert ("own", "EER") in {row[:2] for row in before_after.rows}
    assert all("%" in str(cell) or "cosine" in str(cell) for row in before_after.rows for cell in row[2:])
    steps, names, metrics = zip(*report.tables[2].rows, strict=True)
    assert (steps, names) == ((0, 4), ("own", "own")) and all("; EER 0." in str(text) for text in metrics)


def test_a_metric_that_was_measured_twice_has_a_curve(tuned_run: Path) -> None:
    report = read_report(tuned_run / "report" / "report.json")
    charts: dict[str, Chart] = {chart.name: chart for chart in report.charts}
    assert {"loss", "rate", "fnmr-1e-01", "eer"} <= charts.keys()
    eer = charts["eer"]
    assert (eer.title, eer.x_label, eer.y_label, eer.series[0].name, eer.series[0].x) == (
        "EER", "step", "EER", "own", (0.0, 4.0),
    )  # fmt: skip
    logged = [line["own/eer"] for line in read_journal(tuned_run / "log.jsonl") if "evaluated" in line]
    assert list(eer.series[0].y) == logged


def test_the_same_training_is_reported_in_vietnamese(
    tuned_run: Path, face_pack: Path, foreign_weights: Path, tmp_path: Path
) -> None:
    shutil.copytree(tuned_run, tmp_path / "run")
    settings = {"freeze": [0], "norms": "freeze", "anchor": 0.5, "layer_decay": 0.5}
    train(tuning_recipe(face_pack, foreign_weights, **settings), tmp_path / "run", language="vi")
    english, vietnamese = (read_report(run / "report" / "report.json") for run in (tuned_run, tmp_path / "run"))
    assert english.numbers == vietnamese.numbers
    assert texts_of(english) & texts_of(vietnamese) <= {"FMR", "EER"}, "texts that are the same in both"
    assert vietnamese.title == "Huấn luyện: tuned"
    assert str(vietnamese.headline[1]).startswith("Kiểm tra quên: ")
    page = html.unescape((tmp_path / "run" / "report" / "report.html").read_text())
    assert '<html lang="vi">' in page and all(text in page for text in texts_of(vietnamese))
    # The model's card speaks English, whatever the report does.
    assert read_sentences(tmp_path / "run") == read_sentences(tuned_run)
