"""report.html: names are shown as they are, a sample is read once, and what is gone leaves the page whole."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image as Pillow

from mien.evaluate import page as pages
from mien.evaluate.protocols.impostor import impostor
from mien.evaluate.report import PairRow, Pairs, Report
from mien.evaluate.scorefile import Embedded
from mien.types import Image

Make = Callable[..., Embedded]


@pytest.fixture
def report(make_embedded: Make, tmp_path: Path, collins: Image) -> Report:
    """A report without charts, with two pairs that share one sample; the other samples are gone."""
    Pillow.fromarray(collins).save(tmp_path / "collins.jpg")
    shown = str(tmp_path / "collins.jpg")
    row = PairRow(score=0.25, a=shown, b="/gone/<b>.jpg", subject_a="An & Co", subject_b="<b>", note="the same file")
    made = impostor(make_embedded()).in_language("en")
    pairs = Pairs(title="Look at these", unit="L2", rows=(row, row.model_copy(update={"b": "/gone/2.jpg"})))
    return made.model_copy(update={"charts": (), "pairs": (pairs,)})


def test_pairs_are_shown_with_their_names_and_files(report: Report) -> None:
    text = pages.page(report, {}, "en")
    assert "L2 0,2500" in pages.page(report, {}, "vi")
    assert "L2 0.2500" in text and "An &amp; Co | &lt;b&gt; (the same file)" in text
    assert "collins.jpg | 2.jpg" in text and "<b>" not in text
    assert text.count("data:image/jpeg") == 2, "the sample that is there, in both pairs"


def test_a_sample_in_several_pairs_is_read_once(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(pages, "sample_thumbnail", lambda path, record: read.append(path))
    pages.page(report, {}, "en")
    assert [Path(path).name for path in read] == ["collins.jpg", "<b>.jpg", "2.jpg"]
