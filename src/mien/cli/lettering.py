"""Which font writes a text: names of people are in any script. Draws nothing.

DejaVu comes with matplotlib and writes Latin with all accents (Vietnamese too), Greek, Cyrillic, Arabic and Hebrew.
Other letters are looked for in the packages of the extra [fonts] (Noto: Thai, Devanagari, Khmer, Chinese, Japanese,
Korean; SIL Open Font License), then in the folders where systems keep fonts. A text in several scripts is split where
the font changes.
"""

import os
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

from PIL import ImageFont

from mien.models.defaults import package_file

PACKAGES = (
    "fontpkg_noto_sans_thai",
    "fontpkg_noto_sans_devanagari",
    "fontpkg_noto_sans_khmer",
    "justmytype_intl_cjk",
)
"""The modules of the extra [fonts]."""
SYSTEM = {
    "darwin": ("/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"),
    "win32": ("C:/Windows/Fonts",),
    "linux": ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts"),
}
"""Where systems keep fonts, by sys.platform."""
ENDINGS = (".ttf", ".otf", ".ttc")
REMEDY = "pip install 'mien[fonts]'"

Font = ImageFont.FreeTypeFont


def runs(text: str) -> Iterator[tuple[str, Path]]:
    """The parts of a text with the file of the font that writes each; a letter that no font has is left to DejaVu."""
    # Combining marks and joiners stay with the letter before them: no mark begins a part.
    chosen: list[Path] = []
    for letter in text:
        follows = chosen and (letter.isspace() or not letter.isprintable() or _is_mark(letter))
        chosen.append(chosen[-1] if follows else _file_for(letter) or dejavu())
    for file, group in groupby(zip(chosen, text, strict=True), key=lambda pair: pair[0]):
        yield "".join(letter for _, letter in group), file


def lacking(text: str) -> str:
    """The letters of a text that no font here has, each once."""
    written = (letter for letter in text if not letter.isspace() and letter.isprintable() and not _is_mark(letter))
    return "".join(dict.fromkeys(letter for letter in written if _file_for(letter) is None))


@lru_cache(maxsize=64)
def load(file: Path, size: int) -> Font:
    """A font in a size, in pixels; one of variable weight in its regular weight, not its thinnest."""
    font = ImageFont.truetype(file, size)
    try:
        if b"Regular" in font.get_variation_names():
            font.set_variation_by_name(b"Regular")
    except OSError:
        pass  # Pillow's answer for a font of one weight
    return font


@cache
def dejavu() -> Path:
    """The font that comes with matplotlib."""
    return package_file("matplotlib", "matplotlib/mpl-data/fonts/ttf/DejaVuSans.ttf")


def _is_mark(letter: str) -> bool:
    return unicodedata.category(letter).startswith("M")


@cache
def _file_for(letter: str) -> Path | None:
    return next((file for file in _files() if ord(letter) in _letters(file)), None)


@cache
def _files() -> tuple[Path, ...]:
    """All fonts in the order in which they are asked: DejaVu, the extra's, the system's with Noto's first."""
    packaged: list[Path] = []
    for name in PACKAGES:
        spec = find_spec(name)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            packaged += _fonts_in(Path(place))
    system: list[Path] = []
    for place in SYSTEM.get(sys.platform, SYSTEM["linux"]):
        system += _fonts_in(Path(place).expanduser())
    system.sort(key=lambda file: ("noto" not in file.name.lower(), "regular" not in file.name.lower(), file))
    return (dejavu(), *packaged, *system)


def _fonts_in(folder: Path) -> list[Path]:
    return [
        Path(place) / name
        for place, _, names in os.walk(folder)
        for name in sorted(names)
        if name.lower().endswith(ENDINGS)
    ]


@cache
def _letters(file: Path) -> frozenset[int]:
    """The code points that a font has letters for; none where it cannot be read."""
    from fontTools.ttLib import TTFont

    try:
        with file.open("rb") as data, TTFont(data, fontNumber=0, lazy=True) as font:
            return frozenset(font.getBestCmap() or ())
    except Exception:  # noqa: BLE001 - with a broken font of the system, names are still drawn
        return frozenset()
