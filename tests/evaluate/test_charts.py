"""Every kind of chart is drawn with its texts, without a date, and without what cannot be drawn."""

import html
import re
import subprocess
import sys

import cv2
import numpy as np
import pytest

from mien.evaluate.charts import DRAWN, Drawing, draw
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
@pytest.mark.parametrize("name", ["$x$", "$\\frac{$", "a $1 and $2", "<b>&", "caf\\udce9"])
def test_names_that_look_like_formulas_or_markup_are_drawn_letter_by_letter(kind: str, name: str) -> None:
    drawing = draw(chart(kind, name), "en")
    assert html.unescape(texts(drawing.svg)).count(name) == 1


@pytest.mark.parametrize("kind", DRAWN)
def test_a_chart_can_be_read_on_a_dark_page(kind: str) -> None:
    """Black letters on a white ground were a bright box in a dark page."""
    svg = draw(chart(kind), "en").svg
    assert "currentColor" in svg
    assert not re.search(r"#0{6}|#3{6}|#5{6}|#f{6}", svg)
