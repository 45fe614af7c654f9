"""Self-contained HTML pages from Jinja2 templates: one base template, its style sheets, and the parts of all reports.

A room keeps its own template next to the module that fills it. The template begins with `{% extends "base.html" %}`
and `{% import "parts.html" as parts with context %}`, fills the block `body`, and says `t("code", name=value)` for
a message in the page's language. `look.css` holds colours and type, in the light, in the dark and on paper, and the
service's pages use it too; `style.css` holds the parts of reports. Everything that is filled in is escaped, except
what went through `trusted`. A page asks nothing of the network and runs no script. Knows no report and decides
nothing.
"""

from mien.html.page import Thumbnail, render_page, trusted

__all__ = ["Thumbnail", "render_page", "trusted"]
