"""Names that become parts of paths: of models, recipes and evaluation sets. The one place that says what a name is.

A name is never a path: it has no folder in it, does not begin with a dot and is no longer than a file system allows.
Knows no store and touches no file.
"""

import re
import unicodedata

from mien.errors import MienError
from mien.faults import shortened

NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"
"""What schemas ask of a name."""

_RULE = "lower-case letters, digits, '.', '_' and '-', at most 64, the first a letter or a digit"


def is_name(text: str) -> bool:
    """Whether a text is a name."""
    return re.fullmatch(NAME.strip("^$"), text) is not None


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
        raise error(f"'{shortened(text)}' is not a name of a {what} ({_RULE}); {remedy}")
    return text


def name_from(text: str) -> str:
    """The name nearest to a text, such as a file's stem: without accents, with '-' for all else; empty for none."""
    plain = unicodedata.normalize("NFKD", text.replace("đ", "d").replace("Đ", "D"))
    kept = "".join(letter for letter in plain if not unicodedata.combining(letter)).lower()
    return re.sub(r"[^a-z0-9._-]+", "-", kept).strip("._-")[:64]
