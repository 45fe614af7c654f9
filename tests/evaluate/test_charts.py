"""Every kind of chart is drawn with its texts, without a date, and without what cannot be drawn."""

import re
import subprocess
import sys

import cv2
import numpy as np
import pytest

from mien.evaluate.charts import DRAWN, draw
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
    drawing = draw(chart(kind))
    assert drawing == draw(chart(kind)) and drawing.svg.startswith("<svg")
    assert all(word in texts(drawing.svg) for word in ("across", "upwards", "one"))
    assert ("a mark" in texts(drawing.svg)) is (kind in ("histogram", "fmr"))
    image = cv2.imdecode(np.frombuffer(drawing.png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None and image.shape[1] == 770 and image.std() > 5


def test_a_rate_of_zero_has_no_place_on_axes_of_deviates_or_logarithms() -> None:
    for kind in ("det", "fmr"):
        zero = (Series(name="one", x=(0.0, 0.01, 0.1), y=(0.5, 0.2, 0.0)),)
        assert draw(chart(kind, series=zero)).svg != draw(chart(kind)).svg
        nothing = (Series(name="one", x=(0.0,), y=(0.0,)),)
        assert "one" in texts(draw(chart(kind, series=nothing)).svg)


def test_names_that_look_like_markup_stay_texts() -> None:
    assert "&lt;script&gt;" in draw(chart("line", name="<script>")).svg


def test_a_chart_without_a_language_is_not_drawn() -> None:
    with pytest.raises(TypeError, match="is not in a language yet"):
        draw(chart("line", x_label=message("det.fmr")))


def test_the_drawing_package_is_imported_for_drawing_alone() -> None:
    code = "import sys, mien.evaluate.charts; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
