"""Pages share one design: each colour has one place, and can be read in the light and in the dark."""

import re
from pathlib import Path

import pytest

from mien.evaluate.charts import COLOURS

SOURCE = Path(__file__).resolve().parents[2] / "src/mien"
LOOK = (SOURCE / "html/look.css").read_text(encoding="utf-8")
SHEETS = sorted([*SOURCE.rglob("*.css"), *SOURCE.rglob("*.html")])


def colours(text: str) -> dict[str, str]:
    """The variables that a style sheet sets to a colour, each with six digits."""
    found = re.findall(r"--([a-z-]+):#([0-9a-f]+)", text)
    return {name: value if len(value) == 6 else "".join(digit * 2 for digit in value) for name, value in found}


LIGHT = colours(LOOK[: LOOK.index("@media")])
DARK = LIGHT | colours(LOOK[LOOK.index("@media") :])


def luminance(colour: str) -> float:
    """The relative luminance of a colour (WCAG 2.2)."""
    shares = [int(colour[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, 1 to 21 (WCAG 2.2)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_can_be_read_on_every_ground(mode: dict[str, str]) -> None:
    grounds = {"good": "good-tint", "bad": "bad-tint", "doubt": "doubt-tint"}
    pairs = [(text, ground) for text in ("text", "soft", "main", "danger", *grounds) for ground in ("page", "panel")]
    pairs += [*grounds.items(), *(("text", tint) for tint in grounds.values()), ("on-main", "main"), ("page", "text")]
    assert [pair for pair in pairs if contrast(mode[pair[0]], mode[pair[1]]) < 4.5] == []


@pytest.mark.parametrize("mode", [LIGHT, DARK], ids=["light", "dark"])
def test_edges_bars_and_lines_are_seen_on_the_page(mode: dict[str, str]) -> None:
    """3 to 1 is asked of what is not text, and of a button's edge (WCAG 2.2, 1.4.11)."""
    shown = [mode[name] for name in ("edge", "first", "second", "good-mark")]
    assert [one for one in shown if contrast(one, mode["page"]) < 3] == []
    lines = [one.lstrip("#") for one in COLOURS[:3]]
    assert [one for one in lines if contrast(one, mode["page"]) < 3] == []


def test_a_colour_is_in_one_style_sheet_alone() -> None:
    """Else a page has boxes that stay bright in the dark."""
    others = [path for path in SHEETS if path.name != "look.css"]
    assert len(others) > 15
    found = {
        str(path.relative_to(SOURCE)): re.findall(r"[:\"]#[0-9a-f]{3,6}[\s;}\"]", path.read_text(encoding="utf-8"))
        for path in others
    }
    assert {name: values for name, values in found.items() if values} == {}


def test_every_colour_that_a_page_asks_for_exists() -> None:
    asked = {name for path in SHEETS for name in re.findall(r"var\(--([a-z-]+)\)", path.read_text(encoding="utf-8"))}
    assert asked - set(LIGHT) == set()
    assert set(LIGHT) - asked == set(), "nothing uses these"


def test_paper_is_never_dark() -> None:
    """The dark colours are those of screens: a printed page was black where the reader's system is dark."""
    assert re.findall(r"@media[^{]*dark[^{]*", LOOK) == ["@media screen and (prefers-color-scheme:dark)"]
