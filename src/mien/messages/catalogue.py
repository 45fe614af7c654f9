"""The catalogues: finds the file of each language, reads it once, and checks its placeholders against English.

A catalogue is TOML. Nested tables give dotted codes: [audit.title] other-set = "..." is `audit.title.other-set`.
Placeholders are names in braces. A text whose code ends in `_one` is used where the argument `count` is 1; languages
without a singular leave it out. [language] says how the language is called and how it writes numbers. Composes no
sentence.
"""

import os
import string
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from mien.errors import LanguageError

FOLDER = "MIEN_MESSAGES"
"""Environment variable: a folder with further catalogues. Its file goes before a shipped one of the same name."""
FALLBACK = "en"
"""The language whose text is shown where a catalogue lacks a code, and whose placeholders hold for all."""
ONE = "_one"
HEAD = "language"


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The texts of one language.

    Attributes:
        language: the name of the file without its ending.
        name: what the language calls itself.
        thousands: the mark between groups of three digits.
        decimal: the mark before decimals.
        texts: by code.
    """

    language: str
    name: str
    thousands: str
    decimal: str
    texts: Mapping[str, str]


def languages() -> tuple[str, ...]:
    """The languages that there are, by code: those that are shipped, and those of the folder in MIEN_MESSAGES."""
    return tuple(sorted({path.name.removesuffix(".toml") for path in _files()}))


def check_language(language: str) -> str:
    """The language, if there is a catalogue for it.

    Raises:
        LanguageError: there is none.
    """
    if language not in languages():
        raise LanguageError(f"there is no language '{language}'; available: {', '.join(languages())}")
    return language


def find_catalogue(language: str) -> Catalogue:
    """The catalogue of a language, read once.

    Raises:
        LanguageError: there is none, it is not TOML, or a placeholder is not one of English.
    """
    return _load(check_language(language), os.environ.get(FOLDER, ""))


def placeholders(text: str) -> set[str]:
    """The names in braces of a text.

    Raises:
        ValueError: a brace is not closed, or holds more than a name and a format.
    """
    names = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    wrong = [name for name in names if not name.isidentifier()]
    if wrong:
        raise ValueError(f"'{wrong[0]}' is not a name")
    return names


def _files() -> list[Any]:
    """The catalogue files: shipped ones first, so that those of the user's folder replace them."""
    folder = os.environ.get(FOLDER)
    own = sorted(Path(folder).glob("*.toml")) if folder else []
    shipped = [path for path in resources.files("mien.messages").iterdir() if path.name.endswith(".toml")]
    return [*shipped, *own]


@lru_cache(maxsize=16)
def _load(language: str, folder: str) -> Catalogue:
    path = [path for path in _files() if path.name == f"{language}.toml"][-1]
    try:
        value = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as reason:
        raise LanguageError(f"{path} cannot be read as TOML in UTF-8: {reason}") from reason
    head = value.pop(HEAD, {})
    texts = dict(_flat(value, str(path)))
    if language != FALLBACK:
        _check_placeholders(texts, find_catalogue(FALLBACK).texts, str(path))
    return Catalogue(
        language=language,
        name=str(head.get("name", language)),
        thousands=str(head.get("thousands", ",")),
        decimal=str(head.get("decimal", ".")),
        texts=texts,
    )


def _flat(value: Mapping[str, Any], where: str, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Codes and texts of nested tables."""
    for key, item in value.items():
        if isinstance(item, dict):
            yield from _flat(item, where, f"{prefix}{key}.")
        elif isinstance(item, str):
            yield prefix + key, item
        else:
            raise LanguageError(f"{where}: {prefix}{key} must be a text, not {item!r}")


def _check_placeholders(texts: Mapping[str, str], english: Mapping[str, str], where: str) -> None:
    """A placeholder that no caller fills would fail only when the text is shown."""
    for code, text in texts.items():
        try:
            unknown = placeholders(text) - placeholders(english.get(code, ""))
        except ValueError as reason:
            raise LanguageError(f"{where}: {code}: {reason}") from reason
        if code not in english:
            raise LanguageError(f"{where}: there is no text with the code {code}")
        if unknown:
            raise LanguageError(f"{where}: {code} has a placeholder {{{min(unknown)}}} that is never filled")
