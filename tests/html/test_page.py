"""Pages: what is filled in is escaped, parts speak the page's language, and nothing is asked of the network."""

import subprocess
import sys
from pathlib import Path

import pytest

from mien.html import Thumbnail, render_page, trusted
from mien.messages import Message

NAME = "<script>alert('x')</script>"


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package of a template that shows every part."""
    package = tmp_path / "made_up_room"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "page.html").write_text(
        """{% extends "base.html" %}
{% import "parts.html" as parts with context %}
{% block body %}
{{ parts.note(text) }}{{ parts.warnings([text]) }}{{ parts.list([text, message], "headline") }}
{{ parts.table([text, message], [[text, 1234, 0.5, none]], [1]) }}
{{ parts.figure(svg, text) }}
{{ parts.pair([thumbnail, missing], [text], [text]) }}{{ parts.place(thumbnail, [text]) }}
{{ t("word.of", count=1, total=2) }}
{{ parts.made_with({"mien": "1", text: "2"}) }}
{% endblock %}""",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    return "made_up_room"


@pytest.fixture
def page(room: str) -> str:
    return render_page(
        room,
        "page.html",
        "vi",
        title=NAME,
        text=NAME,
        message=Message("word.cannot-be-read", {"name": NAME}),
        svg=trusted('<svg class="chart"></svg>'),
        thumbnail=Thumbnail(b"jpeg", f"people/{NAME[8:-9]}/a<b>.jpg"),
        missing=Thumbnail(None, "people/<i>.jpg"),
    )


def test_markup_that_is_filled_in_is_shown_and_not_run(page: str) -> None:
    assert "<script" not in page and "<b>" not in page.replace("<b ", "") and "<i>" not in page
    assert page.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;") >= 11


def test_commands_in_sentences_are_shown_as_code_and_not_between_backticks(room: str) -> None:
    text = Message("word.cannot-be-read", {"name": "`mien <b>`"})
    shown = {
        "text": "say `mien doctor`",
        "message": text,
        "svg": "",
        "thumbnail": Thumbnail(None, "a"),
        "missing": None,
    }
    shown["missing"] = shown["thumbnail"]
    page = render_page(room, "page.html", "en", title="a", **shown)
    assert "<li>say <code>mien doctor</code></li>" in page
    assert "<code>mien &lt;b&gt;</code>" in page


def test_charts_of_ours_are_put_in_as_they_are(page: str) -> None:
    assert '<figure><svg class="chart"></svg><figcaption' in page


def test_parts_speak_the_language_of_the_page(page: str) -> None:
    assert '<html lang="vi">' in page
    assert "không đọc được &lt;i&gt;.jpg" in page
    assert '<td class="number">1.234</td><td>0,5</td><td></td>' in page
    assert "1 trên 2" in page and "Tạo bằng mien 1, " in page


def test_pictures_are_inside_the_page(page: str) -> None:
    assert page.count('src="data:image/jpeg;base64,anBlZw=="') == 2
    assert "http" not in page


def test_jinja_is_loaded_when_a_page_is_written_and_not_before() -> None:
    code = "import sys, mien.html, mien.messages; print('jinja2' in sys.modules, 'markupsafe' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
