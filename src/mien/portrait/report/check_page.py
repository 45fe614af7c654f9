"""What `mien check --out` writes: each photograph with its faults marked, and one page with all of them.

Owns the marks and the page's values. Judges nothing; the template is check_page.html next to this module.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np

from mien.errors import MienError
from mien.html import Thumbnail, render_page
from mien.image import read_photo
from mien.messages import Message, number, translate
from mien.output_names import OutputGuard, OutputName
from mien.portrait.checking import Checked, CheckedFile
from mien.portrait.measures.catalogue import OF_FRAMING
from mien.portrait.rules.text import limit_text, rule_set_title, rule_title, value_text
from mien.portrait.rules.verdicts import RuleVerdict
from mien.save_image import encode_to
from mien.thumbnail import small_jpeg
from mien.types import Box, Image

LONGEST = 1600
"""Pixels along the longer side of a marked photograph."""
SHOWN = 480
"""Pixels along the longer side of a photograph in the page."""
FACE, FAULT = (0, 158, 115), (213, 94, 0)
"""Colours of the face's box, and of the regions of rules that fail."""
PAGE = "check.html"


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A photograph in the page."""

    file: CheckedFile
    thumbnail: Thumbnail


def output_paths(folder: Path, names: Sequence[OutputName]) -> list[Path]:
    """The page, and the marked photograph of each file."""
    return [folder / PAGE, *(name.path(folder, ".jpg") for name in names)]


def write_check(
    files: Sequence[CheckedFile], names: Sequence[OutputName], folder: Path, guard: OutputGuard, language: str
) -> Path:
    """Write the marked photographs and the page; only their owner may read them.

    Args:
        files: with their verdicts.
        names: of the outputs of each file.
        folder: that is written to.
        guard: keeps files that mien did not make.
        language: of the page.

    Returns:
        The page.

    Raises:
        OutputError: a file that mien did not make is in the way.
    """
    sheets = [_sheet(file, name.path(folder, ".jpg"), folder, guard) for file, name in zip(files, names, strict=True)]
    page = render_page(
        "mien.portrait.report",
        "check_page.html",
        language,
        title=Message("check.title"),
        sheets=[_values(sheet, language) for sheet in sheets],
    )
    with guard.write(folder / PAGE, private=True) as scratch:
        scratch.write_text(page, encoding="utf-8", errors="surrogateescape")
    return folder / PAGE


def _sheet(file: CheckedFile, target: Path, folder: Path, guard: OutputGuard) -> _Sheet:
    if file.checked is None:
        return _Sheet(file, Thumbnail(None, str(file.path)))
    try:
        photo = read_photo(file.path, longest=LONGEST)
    except MienError:
        return _Sheet(file, Thumbnail(None, str(file.path)))
    marked = mark(photo.image, file.checked, photo.reduction)
    with guard.write(target, str(file.path), private=True) as scratch:
        encode_to(scratch, marked)
    link = quote(os.fsencode(target.relative_to(folder)))
    return _Sheet(file, Thumbnail(small_jpeg(marked, SHOWN), str(file.path), link))


def mark(image: Image, checked: Checked, reduction: float = 1.0) -> Image:
    """Draw the face's box, and the numbered regions of the rules that fail.

    Args:
        image: (H, W, 3) uint8 RGB, as in the file; it is not changed.
        checked: its verdict, in pixels of the file.
        reduction: pixels of the file that one pixel of `image` spans.
    """
    canvas = image.copy()
    thick = max(2, max(image.shape[:2]) // 300)
    if checked.box is not None:
        _draw(canvas, checked.box, FACE, thick, reduction)
    regions: dict[tuple[float, ...], list[str]] = {}
    for place, verdict in enumerate(numbered(checked), start=1):
        box = None if verdict.rule.measure in OF_FRAMING else checked.place(verdict)
        if box is not None:
            regions.setdefault(box.corners, []).append(str(place))
    for corners, places in regions.items():
        _draw(canvas, Box(*corners), FAULT, thick, reduction)
        _write(canvas, ", ".join(places), corners, thick, reduction)
    return canvas


def numbered(checked: Checked) -> list[RuleVerdict]:
    """The rules that fail, in the order in which they are numbered."""
    return [verdict for verdict in checked.verdicts if verdict.state == "fail"]


def _draw(canvas: Image, box: Box, colour: tuple[int, int, int], thick: int, reduction: float) -> None:
    x1, y1, x2, y2 = (round(side / reduction) for side in box.corners)
    cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, thick)


def _write(canvas: Image, text: str, corners: tuple[float, ...], thick: int, reduction: float) -> None:
    """Numbers above the upper left corner of a region, on a ground of its colour."""
    size = thick * 0.25
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, thick)
    x = int(np.clip(corners[0] / reduction, 0, max(0, canvas.shape[1] - width - 8)))
    y = int(np.clip(corners[1] / reduction - height - 8, 0, max(0, canvas.shape[0] - height - 8)))
    cv2.rectangle(canvas, (x, y), (x + width + 8, y + height + 8), FAULT, -1)
    cv2.putText(
        canvas, text, (x + 4, y + height + 4), cv2.FONT_HERSHEY_SIMPLEX, size, (255, 255, 255), thick, cv2.LINE_AA
    )


def _values(sheet: _Sheet, language: str) -> dict[str, object]:
    checked = sheet.file.checked
    if checked is None:
        return {"thumbnail": sheet.thumbnail, "path": str(sheet.file.path), "error": sheet.file.error}
    failed = numbered(checked)
    others = [one for one in checked.shown_verdicts() if one.state == "not assessed"]
    passed = [one for one in checked.verdicts if one.state == "pass"]
    return {
        "thumbnail": sheet.thumbnail,
        "path": str(sheet.file.path),
        "error": "",
        "colour": {"passed": "good", "failed": "bad"}.get(checked.outcome, "warning"),
        "outcome": translate("check." + checked.outcome.replace(" ", "-"), language),
        "rules": rule_set_title(checked.rules, language),
        "quality": "" if checked.quality is None else number(checked.quality, language, ".0f"),
        "instructions": checked.instructions(language),
        "faults": [_row(one, language, str(place)) for place, one in enumerate(failed, start=1)]
        + [_row(one, language) for one in others],
        "passed": [_row(one, language) for one in passed],
    }


def _row(verdict: RuleVerdict, language: str, place: str = "") -> dict[str, object]:
    rule, measured = verdict.rule, verdict.measured
    value = measured.value
    return {
        "place": place,
        "title": rule_title(rule, language),
        "state": verdict.state.replace(" ", "-"),
        "reason": verdict.reason or "",
        "value": "" if value is None else value_text(value, rule.unit, language, measured.sd),
        "limit": limit_text(rule, language),
        "severity": rule.severity,
    }
