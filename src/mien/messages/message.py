"""A message: a code and its arguments, which becomes a sentence when somebody reads it. Reads no file itself."""

import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from mien.errors import LanguageError
from mien.messages.catalogue import FALLBACK, ONE, Catalogue, find_catalogue

SMALLEST = 1e-9
"""Numbers down to this one are written out: a column of rates holds 0.001 and 0.00001, not 1e-05."""


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence in no language yet.

    Attributes:
        code: which sentence of the catalogues.
        arguments: what fills its placeholders, by name; an argument that is a message is translated too.

    Example:
        >>> Message("word.of", {"count": 3, "total": 1200}).text("vi")
        '3 trên 1.200'
    """

    code: str
    arguments: Mapping[str, "Argument"] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.code, frozenset(self.arguments.items())))

    def text(self, language: str) -> str:
        """The sentence in a language."""
        return translate(self.code, language, **self.arguments)

    def as_json(self) -> dict[str, Any]:
        """The message for a file; see from_json."""
        arguments = {
            name: value.as_json() if isinstance(value, Message) else value for name, value in self.arguments.items()
        }
        return {"code": self.code, "arguments": arguments}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> "Message":
        """The message that as_json wrote."""
        arguments = {
            name: Message.from_json(one) if isinstance(one, dict) else one for name, one in value["arguments"].items()
        }
        return Message(value["code"], arguments)


Argument = str | int | float | Message
Text = str | Message
"""What a value may hold where people read it: a message, or text that all languages share, such as a name."""


def translate(code: str, language: str, /, **arguments: Argument) -> str:
    """The sentence with a code in a language, its placeholders filled.

    Whole numbers get the language's mark of thousands, other numbers its decimal mark, also with a format in the
    catalogue such as {rate:.2f}. Where the argument `count` is 1 and there is a text `CODE_one`, that is used. A code
    that the language lacks is shown in English.

    Raises:
        LanguageError: no such language or code, or an argument is missing.

    Example:
        >>> translate("word.of", "en", count=3, total=1200)
        '3 of 1,200'
    """
    catalogue, text = _find(code, language, arguments.get("count") == 1)
    try:
        return _Filler(catalogue, language).vformat(text, (), arguments)
    except KeyError as missing:
        raise LanguageError(f"the message {code} needs the argument {missing}") from None


def text_of(text: Text, language: str) -> str:
    """A message in a language; other text as it is."""
    return text.text(language) if isinstance(text, Message) else text


def has_message(code: str) -> bool:
    """Whether there is a text with this code."""
    return code in find_catalogue(FALLBACK).texts


def number(value: float, language: str, spec: str = "") -> str:
    """A number as a language writes it.

    Args:
        value: whole or not.
        language: whose marks it gets.
        spec: a format such as ".1f"; without it, thousands are marked and other numbers are short.
    """
    return _number(value, spec, find_catalogue(language))


def _find(code: str, language: str, is_one: bool) -> tuple[Catalogue, str]:
    """The text of a code, in the language or in English, and the catalogue that it is from."""
    for name in (language, FALLBACK):
        catalogue = find_catalogue(name)
        for key in (code + ONE, code) if is_one else (code,):
            if key in catalogue.texts:
                return catalogue, catalogue.texts[key]
    raise LanguageError(f"there is no message with the code {code}")


def _number(value: float, spec: str, catalogue: Catalogue) -> str:
    text = format(value, spec or ("," if isinstance(value, int) else "g"))
    if not spec and "e-" in text and abs(value) >= SMALLEST:
        text = f"{Decimal(text):f}"
    return text.translate({ord(","): catalogue.thousands, ord("."): catalogue.decimal})


class _Filler(string.Formatter):
    """Fills placeholders with messages and numbers in one language."""

    def __init__(self, catalogue: Catalogue, language: str) -> None:
        self._catalogue, self._language = catalogue, language

    def format_field(self, value: Any, format_spec: str) -> str:  # noqa: ANN401 - as string.Formatter has it
        if isinstance(value, Message):
            return value.text(self._language)
        if isinstance(value, int | float):
            return _number(value, format_spec, self._catalogue)
        return format(value, format_spec)
