"""What the reports of all trainings show."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import shortest_recipe  # noqa: E402

from mien.messages import text_of  # noqa: E402
from mien.train.kinds import parse_recipe  # noqa: E402
from mien.train.run.report import RunLog, evaluations_table, loss_chart, settings_table  # noqa: E402


def log_of(count: int) -> RunLog:
    return RunLog([{"step": n, "loss": float(n), "rate": 0.1, "speed": 2.0 * n} for n in range(count)], [])


def test_losses_are_means_of_the_first_ten_and_the_last_fifty_steps() -> None:
    assert log_of(200).losses() == (4.5, 174.5)
    numbers = log_of(200).numbers()
    assert {key: one.value for key, one in numbers.items()} == {
        "steps": 200,
        "first loss": 4.5,
        "last loss": 174.5,
        "images per second": 199,
    }
    assert log_of(0).numbers()["last loss"].value is None


def test_a_short_run_does_not_report_the_same_loss_twice() -> None:
    """The first ten and the last fifty of twenty steps were mostly the same: "from 4.07 to 4.07"."""
    assert log_of(20).losses() == (2.0, 17.0)
    assert log_of(6).losses() == (0.0, 5.0)
    assert log_of(1).losses() == (0.0, 0.0)
    assert log_of(100).losses() == (4.5, 87.0)


def test_a_curve_needs_two_steps() -> None:
    assert [chart.name for chart in log_of(2).charts()] == ["loss", "rate"]
    assert log_of(1).charts() == []


def test_charts_and_tables_are_in_any_language() -> None:
    loss, rate = log_of(2).charts()
    for language, words in (
        ("en", ("Loss", "step", "loss", "each step", "running mean", "Learning rate", "learning rate")),
        ("vi", ("Hàm mất mát", "bước", "hàm mất mát", "từng bước", "trung bình động", "Tốc độ học", "tốc độ học")),
    ):
        shown = (loss.title, loss.x_label, loss.y_label, *(one.name for one in loss.series), rate.title, rate.y_label)
        assert tuple(text_of(text, language) for text in shown) == words
        assert text_of(rate.series[0].name, language) == words[-1] and text_of(rate.x_label, language) == words[1]


def test_evaluations_are_a_row_each() -> None:
    assert evaluations_table([]) == []
    (table,) = evaluations_table([(4, "lfw", "a"), (8, "lfw", "b")])
    assert table.rows == ((4, "lfw", "a"), (8, "lfw", "b"))
    assert [text_of(name, "en") for name in (table.title, *table.columns)] == [
        "Evaluations",
        "step",
        "set",
        "metrics",
    ]


def test_the_running_mean_weighs_all_steps_so_far() -> None:
    smooth = loss_chart([{"step": 0, "loss": 2.0}, {"step": 1, "loss": 4.0}]).series[1].y
    assert smooth == pytest.approx((2.0, (0.95 * 2 + 4) / 1.95))


def test_the_recipe_is_a_row_per_section() -> None:
    rows = dict(settings_table(parse_recipe(shortest_recipe(data={"sets": ["some/place/a", "b"]}), "r")).rows)
    assert rows["name"] == "a" and "sets a b" in str(rows["data"]) and "backbone mobilefacenet" in str(rows["model"])
    assert Path("some/place").name not in str(rows["data"])
