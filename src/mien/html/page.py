"""Fills a template. Jinja2 is imported when the first page is written, so that no other work waits for it."""

import base64
import re
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import PurePath
from typing import TYPE_CHECKING

from mien.messages import Text, number, text_of, translate

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small image in a page.

    Attributes:
        jpeg: its bytes; None where it cannot be read, so that its name is shown instead.
        path: of the file that it shows; the page shows the name alone.
        link: address of the file itself; empty where the page does not link to it.
    """

    jpeg: bytes | None
    path: str
    link: str = ""

    @property
    def name(self) -> str:
        """The file's name without its folders."""
        return PurePath(self.path).name

    @property
    def address(self) -> str:
        """The image as a data URI; empty where it cannot be read."""
        return "" if self.jpeg is None else f"data:image/jpeg;base64,{base64.b64encode(self.jpeg).decode()}"


def render_page(room: str, template: str, language: str, *, title: Text, **values: object) -> str:
    """The HTML of a page.

    Args:
        room: the package that holds the template, such as "mien.portrait.report".
        template: the name of the template's file.
        language: of its messages.
        title: of the page, shown as its heading too.
        values: what the template shows, by name. Text and Message values become sentences with the filter `words`.

    Example:
        >>> page = render_page("mien.html", "base.html", "vi", title="<b>")
        >>> "<h1>&lt;b&gt;</h1>" in page
        True
    """
    texts = {
        "t": partial(_translate, language),
        "words": partial(_words, language),
        "number": lambda value, spec="": number(value, language, spec),
    }
    found = _environment(room).get_template(template)
    return found.render(language=language, title=text_of(title, language), **texts, **values)


def trusted(markup: str) -> "Markup":
    """Markup that mien itself has made, such as a chart's SVG: it is put into a page as it is."""
    from markupsafe import Markup

    return Markup(markup)  # noqa: S704 - the caller vouches for it


def _words(language: str, text: Text) -> "Markup":
    """A text in a language; what it has between backticks, such as a command, is shown as code."""
    from markupsafe import escape

    return trusted(CODE.sub(r"<code>\1</code>", str(escape(text_of(text, language)))))


def _translate(language: str, code: str, /, **arguments: str | int | float) -> str:
    return translate(code, language, **arguments)


@lru_cache(maxsize=8)
def _environment(room: str) -> "Environment":
    """The templates of a room and those that all share."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    loader = ChoiceLoader([PackageLoader(name, "") for name in dict.fromkeys((room, "mien.html"))])
    return Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
