"""Text that a terminal shows and does not obey. Names of files and subjects come from others.

Control characters move the cursor, recolour, retitle or type into the terminal, and marks of writing direction show a
name other than it is. All are written out, as in `\\x1b`. Keeps line ends and tabs, which mien's own lines have.
"""

import re

CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and line feed, delete, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks of writing direction
    "\u2028\u2029\ufff9-\ufffb\U000e0000-\U000e007f"  # further line ends, annotations, invisible tags
    "\ud800-\udfff]"  # bytes of file names that are not UTF-8, as Python holds them
)
"""Characters that act on a terminal instead of being shown."""


def printable(text: str) -> str:
    """The text with its control characters written out."""
    return CONTROLS.sub(lambda found: _written(ord(found.group())), text)


def printable_json(text: str) -> str:
    """JSON whose control characters are escaped as JSON escapes them."""
    return CONTROLS.sub(lambda found: "".join(f"\\u{unit:04x}" for unit in _units(found.group())), text)


def _written(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _units(letter: str) -> tuple[int, ...]:
    """The UTF-16 units of a character."""
    data = letter.encode("utf-16-be", "surrogatepass")
    return tuple(int.from_bytes(data[place : place + 2], "big") for place in range(0, len(data), 2))
