"""Names that become parts of paths: of models, recipes and evaluation sets. The one place that says what a name is.

A name is never a path: it has no folder in it, does not begin with a dot and is no longer than a file system allows.
Knows no store and touches no file.
"""

import re
import unicodedata

from mien.errors import MienError
from mien.faults import shortened

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
TITLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9 ._+-]{0,127}")
"""A name that a person chose freely and that also names a file, as of an evaluation set."""

RULE = "lower-case letters, digits, '.', '_' and '-', at most 64, the first a letter or a digit"


def is_name(text: str) -> bool:
    """Whether a text is a name."""
    return NAME.fullmatch(text) is not None


def valid_name(text: str) -> str:
    """Give a name back, for schemas.

    Raises:
        ValueError: it is not a name.
    """
    if not is_name(text):
        raise ValueError(f"'{shortened(text)}' is not a name: {RULE}")
    return text


def valid_title(text: str) -> str:
    """Give the freely chosen name of a set back, for schemas.

    Raises:
        ValueError: it could not name a file, or would name one elsewhere.
    """
    if TITLE.fullmatch(text) is None:
        raise ValueError(
            f"'{shortened(text)}' is not a name of a set: letters, digits, spaces, '.', '_', '+' and '-', and no path"
        )
    return text


def require_name(text: str, what: str, error: type[MienError], remedy: str) -> str:
    """Give a name back, or refuse what is not one.

    Args:
        text: what was given.
        what: it is to name, for the message ("model").
        error: to raise.
        remedy: the end of the message's sentence.

    Raises:
        MienError: of the type `error`; the text is not a name.
    """
    if not is_name(text):
        raise error(f"'{shortened(text)}' is not a name of a {what} ({RULE}); {remedy}")
    return text


def name_from(text: str) -> str:
    """The name nearest to a text, such as a file's stem: without accents, with '-' for all else; empty for none."""
    plain = unicodedata.normalize("NFKD", text.replace("đ", "d").replace("Đ", "D"))
    kept = "".join(letter for letter in plain if not unicodedata.combining(letter)).lower()
    return re.sub(r"[^a-z0-9._-]+", "-", kept).strip("._-")[:64]
