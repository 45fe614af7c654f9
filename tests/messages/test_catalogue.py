"""Catalogues of messages: the shipped ones agree, a further one is one file, a wrong one is an error."""

import ast
import re
from pathlib import Path

import pytest

from mien.errors import LanguageError
from mien.messages import check_language, find_catalogue, languages, translate
from mien.messages.catalogue import ONE, placeholders

ROOT = Path(__file__).parents[2]
ENGLISH = find_catalogue("en")


@pytest.fixture
def further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of further catalogues."""
    monkeypatch.setenv("MIEN_MESSAGES", str(tmp_path))
    return tmp_path


def test_english_and_vietnamese_are_shipped() -> None:
    assert languages() == ("en", "vi")
    assert [find_catalogue(name).name for name in languages()] == ["English", "Tiếng Việt"]


@pytest.mark.parametrize("language", [name for name in languages() if name != "en"])
def test_every_catalogue_has_every_code_and_no_other(language: str) -> None:
    texts = find_catalogue(language).texts
    assert len(ENGLISH.texts) > 8
    wanted = {code for code in ENGLISH.texts if not code.endswith(ONE)}
    assert sorted(wanted - texts.keys()) == []
    assert sorted(texts.keys() - ENGLISH.texts.keys()) == []
    assert [code for code, text in texts.items() if not text.strip()] == []


@pytest.mark.parametrize("language", [name for name in languages() if name != "en"])
def test_every_text_has_the_placeholders_of_english(language: str) -> None:
    for code, text in find_catalogue(language).texts.items():
        assert placeholders(text) == placeholders(ENGLISH.texts[code]), code


def test_a_singular_has_the_placeholders_of_its_plural() -> None:
    for code, text in ENGLISH.texts.items():
        if code.endswith(ONE):
            plural = ENGLISH.texts[code.removesuffix(ONE)]
            assert "count" in placeholders(plural), code
            assert placeholders(text) | {"count"} == placeholders(plural), code


def codes_in_source() -> dict[str, str]:
    """Every code that is written out in the source or in a template, and where."""
    found = {}
    for path in (ROOT / "src" / "mien").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name in ("translate", "Message") and isinstance(node.args[0].value, str):
                    found[node.args[0].value] = f"{path}:{node.lineno}"
    for path in (ROOT / "src" / "mien").rglob("*.html"):
        for code in re.findall(r"""\bt\(["']([\w.-]+)["'][,)]""", path.read_text(encoding="utf-8")):
            found[code] = str(path)
    return found


def test_every_code_in_the_source_has_a_text() -> None:
    found = codes_in_source()
    assert "word.made-with" in found
    assert {code: place for code, place in found.items() if code not in ENGLISH.texts} == {}


def test_a_further_language_is_one_file(further: Path) -> None:
    text = '[language]\nname = "Français"\nthousands = " "\n[word]\nof = "{count} sur {total}"\n'
    (further / "fr.toml").write_text(text, encoding="utf-8")
    assert languages() == ("en", "fr", "vi")
    assert translate("word.of", "fr", count=2, total=1500) == "2 sur 1 500"
    assert translate("word.error", "fr") == "error", "what a catalogue lacks is shown in English"


def test_a_file_of_the_user_replaces_the_shipped_one(further: Path) -> None:
    (further / "vi.toml").write_text('[word]\nerror = "sai"\n', encoding="utf-8")
    assert languages() == ("en", "vi")
    assert translate("word.error", "vi") == "sai"


def test_an_unknown_language_is_an_error_that_names_the_others() -> None:
    with pytest.raises(LanguageError, match="there is no language 'xx'; available: en, vi"):
        check_language("xx")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[word\n", "cannot be read as TOML"),
        ("[word]\nof = 3\n", "word.of must be a text, not 3"),
        ('[word]\nnothing = "x"\n', "there is no text with the code word.nothing"),
        ('[word]\nof = "{count} {whole}"\n', "word.of has a placeholder {whole} that is never filled"),
        ('[word]\nof = "{count.__class__}"\n', "word.of: 'count.__class__' is not a name"),
        ('[word]\nof = "{count"\n', "word.of: "),
    ],
)
def test_a_wrong_catalogue_is_an_error_that_names_the_code(further: Path, text: str, message: str) -> None:
    (further / "xx.toml").write_text(text, encoding="utf-8")
    with pytest.raises(LanguageError, match=re.escape(message)):
        find_catalogue("xx")
