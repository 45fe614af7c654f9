"""The report of a detector's training."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import detector_recipe  # noqa: E402

from mien.data.sample import Problem  # noqa: E402
from mien.evaluate.report import Report, read_report  # noqa: E402
from mien.train.detectors.report import MAX_WARNINGS, write_detector_report  # noqa: E402
from mien.train.detectors.validation import TALL_RECALL  # noqa: E402


class Scenes(SimpleNamespace):
    """As much of a data set as its report shows."""

    def __len__(self) -> int:
        return 1200


def written(folder: Path, language: str = "en", problems: int = 1, evaluations: tuple[int, ...] = (0, 2)) -> Report:
    """The report of a run whose log is made up."""
    lines: list[dict[str, object]] = [
        {"step": step, "loss": 3.0 - step, "rate": 0.1, "speed": 20.0} for step in (1, 2)
    ]
    lines += [
        {"step": n, "evaluated": "own", "own/ap": 0.25 + n / 8, f"own/{TALL_RECALL}": 0.5, "own/landmark error": None}
        for n in evaluations
    ]
    folder.mkdir()
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    wrong = tuple(Problem(f"row {number}", "its box is empty") for number in range(problems))
    dataset = Scenes(problems=wrong, faces=3400)
    write_detector_report(detector_recipe(Path("some/scenes")), folder, dataset, language)  # type: ignore[arg-type]
    return read_report(folder / "report" / "report.json")


def test_it_says_what_was_trained_and_how_the_loss_went(tmp_path: Path) -> None:
    report = written(tmp_path / "run")
    assert (report.protocol, report.title) == ("training", "Training: tiny")
    assert report.headline == (
        "scrfd-500m on 1,200 images with 3,400 faces, 2 steps of 8: the loss went from 2.00 to 1.00. It fell.",
    )
    assert report.about.sentence == (
        "scenes: 1,200 images with 3,400 faces; 1 row could not be used. Detector scrfd-500m, model tiny."
    )
    assert report.numbers["own/ap"].value == 0.5, "of the last evaluation"
    assert "own/landmark error" not in report.numbers


def test_each_evaluation_is_a_row_and_two_make_a_curve(tmp_path: Path) -> None:
    report = written(tmp_path / "run")
    assert report.tables[0].rows == (
        (0, "own", "average precision 0.250; recall above 32 px 0.500"),
        (2, "own", "average precision 0.500; recall above 32 px 0.500"),
    )
    assert [chart.name for chart in report.charts] == ["loss", "rate", "ap"]
    assert (report.charts[2].series[0].x, report.charts[2].series[0].y) == ((0.0, 2.0), (0.25, 0.5))
    once = written(tmp_path / "once", evaluations=(2,))
    assert [chart.name for chart in once.charts] == ["loss", "rate"] and len(once.tables[0].rows) == 1
    never = written(tmp_path / "never", evaluations=())
    assert [table.title for table in never.tables] == ["Recipe"]


def test_the_first_problems_are_listed_and_all_are_counted(tmp_path: Path) -> None:
    report = written(tmp_path / "run", problems=30)
    assert len(report.warnings) == MAX_WARNINGS and report.warnings[0] == "row 0: its box is empty"
    assert "30 rows could not be used" in str(report.about.sentence)
    assert report.about.not_embedded == {"rows that could not be used": 30}
    assert written(tmp_path / "clean", problems=0).about.not_embedded == {}


def test_it_is_written_in_vietnamese(tmp_path: Path) -> None:
    english, vietnamese = (written(tmp_path / language, language) for language in ("en", "vi"))
    assert english.numbers == vietnamese.numbers
    assert vietnamese.headline == (
        "scrfd-500m trên 1.200 ảnh với 3.400 khuôn mặt, 2 bước, mỗi bước 8 ảnh: hàm mất mát từ 2,00 đến 1,00. "
        "Hàm mất mát đã giảm.",
    )
    assert vietnamese.tables[0].rows[0] == (
        0, "own", "độ chính xác trung bình (AP) 0,250; độ phủ trên 32 điểm ảnh 0,500",
    )  # fmt: skip
    for one, other in zip(english.tables, vietnamese.tables, strict=True):
        assert not {one.title, *one.columns} & {other.title, *other.columns}
    for chart, other in zip(english.charts, vietnamese.charts, strict=True):
        assert not {chart.title, chart.x_label, chart.y_label} & {other.title, other.x_label, other.y_label}
