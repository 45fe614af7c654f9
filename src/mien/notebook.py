"""How values show themselves in notebooks: small tables in the notebook's own colours. Knows no value by name."""

import base64
from collections.abc import Iterable, Sequence
from html import escape

CELL = "text-align:left;padding:0.2em 0.8em"


def html_table(title: str, rows: Iterable[Sequence[object]], head: Sequence[str] = ()) -> str:
    """A titled table as HTML; all texts are escaped.

    Example:
        >>> "&lt;b&gt;" in html_table("a", [("<b>", 1)])
        True
    """
    names = "".join(f'<th style="{CELL}">{escape(one)}</th>' for one in head)
    body = "".join(
        "<tr>" + "".join(f'<td style="{CELL}">{escape(str(cell))}</td>' for cell in row) + "</tr>" for row in rows
    )
    caption = f'<caption style="text-align:left;font-weight:bold">{escape(title)}</caption>'
    return f"<table>{caption}{f'<thead><tr>{names}</tr></thead>' if head else ''}<tbody>{body}</tbody></table>"


def html_images(jpegs: Iterable[bytes]) -> str:
    """Small JPEGs next to each other as HTML."""
    data = (base64.b64encode(one).decode() for one in jpegs)
    return "".join(f'<img alt="" style="margin:0.2em" src="data:image/jpeg;base64,{one}">' for one in data)
