"""report.html: one self-contained page. It holds its charts and thumbnails, and asks nothing of the network."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

from mien.evaluate.charts import Drawing
from mien.evaluate.report import PairRow, Pairs, Place, Report, spoken
from mien.evaluate.thumbnails import place_thumbnail, sample_thumbnail
from mien.evaluate.wording import about_text
from mien.html import Thumbnail, render_page, trusted
from mien.messages import number

PairView = tuple[tuple[Thumbnail, Thumbnail], tuple[str, ...], tuple[str, ...]]
PlaceView = tuple[Thumbnail, tuple[str, ...], tuple[str, ...]]


def page(report: Report, drawings: Mapping[str, Drawing], language: str) -> str:
    """The page of a report that is in a language already.

    Args:
        report: see Report.in_language.
        drawings: its charts by name.
        language: of the page's own words.
    """
    # A sample may be in several pairs; it is read once.
    thumbnail = lru_cache(maxsize=None)(_thumbnail)
    return render_page(
        "mien.evaluate",
        "report.html",
        language,
        title=report.title,
        about=about_text(report.about),
        report=report,
        charts=[(chart, trusted(drawings[chart.name].svg)) for chart in report.charts],
        pairs=[(pairs, [_pair(pairs, row, thumbnail, language) for row in pairs.rows]) for pairs in report.pairs],
        places=[(places, [_place(row) for row in places.rows]) for places in report.galleries],
    )


def _thumbnail(path: str, record: int) -> Thumbnail:
    return Thumbnail(sample_thumbnail(path, record), path)


def _pair(pairs: Pairs, row: PairRow, thumbnail: Callable[[str, int], Thumbnail], language: str) -> PairView:
    note = spoken(row.note)
    names = f"{row.subject_a} | {row.subject_b}" + (f" ({note})" if note else "")
    files = f"{Path(row.a).name} | {Path(row.b).name}"
    thumbnails = thumbnail(row.a, row.record_a), thumbnail(row.b, row.record_b)
    return thumbnails, (f"{pairs.unit} {number(row.score, language, '.4f')}", names), (files,)


def _place(row: Place) -> PlaceView:
    return Thumbnail(place_thumbnail(row), row.path), (spoken(row.words),), (Path(row.path).name,)
