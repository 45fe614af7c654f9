"""Every kind of chart is drawn with its texts, without a date, and without what cannot be drawn."""

import html
import re
import subprocess
import sys
from collections.abc import Callable
from itertools import combinations, pairwise

import cv2
import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mien.evaluate.charts import DRAWN, LETTERS, WIDTH, Drawing, draw
from mien.evaluate.report import Chart, Series
from mien.evaluate.wording import message


def chart(kind: str, name: str = "one", **changes: object) -> Chart:
    x = (0.1, 0.2, 0.3, 0.4) if kind == "histogram" else (0.001, 0.01, 0.1)
    band = {"low": (0.4, 0.25, 0.1), "high": (0.6, 0.35, 0.2)} if kind in ("det", "fmr", "line") else {}
    series = (Series(name=name, x=x, y=(0.5, 0.3, 0.15), **band),)
    parts = {"title": "T", "x_label": "across", "y_label": "upwards", "series": series, "marks": ((0.25, "a mark"),)}
    return Chart(**({"name": "c", "kind": kind} | parts | changes))  # type: ignore[arg-type]


def texts(svg: str) -> str:
    return " ".join(re.findall(r">([^<>]+)</(?:text|tspan)>", svg))


@pytest.mark.parametrize("kind", DRAWN)
def test_every_kind_is_drawn_with_its_texts_and_the_same_each_time(kind: str) -> None:
    drawing = draw(chart(kind), "en")
    assert drawing == draw(chart(kind), "en") and drawing.svg.startswith("<svg")
    assert all(word in texts(drawing.svg) for word in ("across", "upwards", "one"))
    assert ("a mark" in texts(drawing.svg)) is (kind in ("histogram", "fmr", "matrix"))
    image = cv2.imdecode(np.frombuffer(drawing.png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None and image.shape[1] == 880 and image.std() > 5


def test_a_rate_of_zero_has_no_place_on_axes_of_deviates_or_logarithms() -> None:
    for kind in ("det", "fmr"):
        zero = (Series(name="one", x=(0.0, 0.01, 0.1), y=(0.5, 0.2, 0.0)),)
        assert draw(chart(kind, series=zero), "en").svg != draw(chart(kind), "en").svg
        nothing = (Series(name="one", x=(0.0,), y=(0.0,)),)
        assert "one" in texts(draw(chart(kind, series=nothing), "en").svg)


def test_names_that_look_like_markup_stay_texts() -> None:
    assert "&lt;script&gt;" in draw(chart("line", name="<script>"), "en").svg


def test_a_chart_without_a_language_is_not_drawn() -> None:
    with pytest.raises(TypeError, match="is not in a language yet"):
        draw(chart("line", x_label=message("det.fmr")), "en")


def ticks(drawing: Drawing) -> list[str]:
    """The texts along the axes, without marks and names."""
    return [text for text in re.findall(r"<text[^>]*>([^<>]+)</text>", drawing.svg) if re.match(r"[\d−]", text)]


@pytest.mark.parametrize("language", ["en", "vi"])
def test_rates_along_an_axis_have_one_form_and_room(language: str) -> None:
    """1e-05, 0.0001 and 0.1% stood next to each other."""
    rates = tuple(10.0**power for power in range(-9, 0))
    svg = draw(chart("det", series=(Series(name="one", x=rates, y=rates[::-1]),), marks=()), language).svg
    names = re.findall(r"<text[^>]*>([\d.,]+%)</text>", svg)
    point = "." if language == "en" else ","
    assert {f"0{point}00001%", f"0{point}1%", "10%"} <= set(names)
    assert not [text for text in ticks(Drawing(svg, b"")) if not text.endswith("%")]


def test_rates_against_the_threshold_are_percentages_too() -> None:
    rates = (1e-6, 1e-4, 1e-2, 1.0)
    svg = draw(chart("fmr", series=(Series(name="one", x=(0.1, 0.2, 0.3, 0.4), y=rates),), marks=()), "en").svg
    names = set(re.findall(r"<text[^>]*>([\d.,]+%)</text>", svg))
    assert {"0.01%", "1%", "100%"} <= names and "10" not in re.findall(r"<tspan[^>]*>([^<]+)<", svg)


@pytest.fixture
def axes() -> Callable[[Chart], Axes]:
    def drawn(chart: Chart) -> Axes:
        with matplotlib.rc_context({"font.size": LETTERS}):
            figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
            FigureCanvasAgg(figure)
            axes = figure.add_subplot()
            DRAWN[chart.kind](axes, chart, "en")
            figure.draw_without_rendering()
        return axes

    return drawn


@pytest.mark.parametrize("low", [-9, -6, -3])
def test_names_along_an_axis_of_rates_do_not_touch(axes: Callable[[Chart], Axes], low: int) -> None:
    rates = tuple(10.0**power for power in range(low, 0))
    drawn = axes(chart("det", series=(Series(name="one", x=rates, y=rates[::-1]),)))
    across = [label.get_window_extent() for label in drawn.get_xticklabels()]
    upwards = [label.get_window_extent() for label in drawn.get_yticklabels()]
    assert len(across) > 2 and all(left.x1 + 3 < right.x0 for left, right in pairwise(across))
    assert len(upwards) > 2 and all(below.y1 < above.y0 for below, above in pairwise(upwards))


@pytest.mark.parametrize("kind", ["histogram", "fmr"])
def test_the_name_of_a_threshold_crosses_no_line_however_close_it_is(
    axes: Callable[[Chart], Axes], kind: str
) -> None:
    places = (0.21, 0.2, 0.205, 0.2)
    drawn = axes(chart(kind, marks=tuple((place, f"threshold at {place}") for place in places)))
    names = [text.get_window_extent() for text in drawn.texts]
    lines = [line.get_window_extent() for line in drawn.lines if line.get_linestyle() == "--"]
    assert len(names) == len(lines) == len(places)
    assert not [1 for name in names for line in lines if name.x0 < line.x0 < name.x1 and line.y1 > name.y0]
    assert not [1 for one, other in combinations(names, 2) if one.overlaps(other)]


@pytest.mark.parametrize("kind", DRAWN)
def test_numbers_along_the_axes_are_written_as_the_language_does(kind: str) -> None:
    x, y = ((0.25, 0.5, 0.75), (0.125, 0.25)) if kind == "histogram" else ((0.002, 0.025, 0.5), (0.5, 0.05, 0.005))
    if kind in ("fmr", "line"):
        x = (-0.25, 0.5, 1.5)
    series = (Series(name="v1.5", x=x, y=y),)
    english, vietnamese = (draw(chart(kind, series=series, marks=()), language) for language in ("en", "vi"))
    assert any("." in text for text in ticks(english)) and not any("," in text for text in ticks(english))
    assert ticks(vietnamese) == [text.replace(".", ",") for text in ticks(english)]
    assert "v1.5" in texts(vietnamese.svg), "a name keeps its dot"


def test_the_offset_of_an_axis_is_written_as_the_language_does() -> None:
    near = (Series(name="one", x=(0.0, 1.0), y=(1.2e9, 1.2e9 + 0.5)),)
    english, vietnamese = (draw(chart("line", series=near, marks=()), language).svg for language in ("en", "vi"))
    assert "+1.2e9" in english and "+1,2e9" in vietnamese


def test_the_drawing_package_is_imported_for_drawing_alone() -> None:
    code = "import sys, mien.evaluate.charts; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("kind", DRAWN)
def test_names_that_look_like_formulas_or_markup_are_drawn_letter_by_letter(kind: str) -> None:
    names = ("$x$", "$\\frac{$", "a $1 and $2", "<b>&", "caf\\udce9")
    series = tuple(chart(kind, name).series[0] for name in names)
    drawing = draw(chart(kind, series=series, marks=((0.25, "a mark"),) * len(names)), "en")
    drawn = html.unescape(texts(drawing.svg))
    assert {name: drawn.count(name) for name in names} == dict.fromkeys(names, 1)


@pytest.mark.parametrize("kind", DRAWN)
def test_a_chart_can_be_read_on_a_dark_page(kind: str) -> None:
    """Black letters on a white ground were a bright box in a dark page."""
    svg = draw(chart(kind), "en").svg
    assert "currentColor" in svg
    assert not re.search(r"#0{6}|#3{6}|#5{6}|#f{6}", svg)
