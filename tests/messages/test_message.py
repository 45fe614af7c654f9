"""Messages become sentences: numbers, singular, messages inside of messages, and what is missing."""

import json

import pytest

from mien.errors import LanguageError
from mien.messages import Message, has_message, number, text_of, translate


@pytest.mark.parametrize(
    ("value", "spec", "en", "vi"),
    [
        (1234567, "", "1,234,567", "1.234.567"),
        (0.25, "", "0.25", "0,25"),
        (1234.5, ",.1f", "1,234.5", "1.234,5"),
        (-3, "", "-3", "-3"),
        (1e-05, "", "0.00001", "0,00001"),
        (-2.5e-07, "", "-0.00000025", "-0,00000025"),
        (1e-12, "", "1e-12", "1e-12"),
    ],
)
def test_numbers_are_written_as_the_language_writes_them(value: float, spec: str, en: str, vi: str) -> None:
    assert (number(value, "en", spec), number(value, "vi", spec)) == (en, vi)


def test_a_message_is_translated_with_its_arguments() -> None:
    message = Message("word.of", {"count": 2, "total": 1500})
    assert message.text("en") == "2 of 1,500"
    assert message.text("vi") == "2 trên 1.500"


def test_an_argument_may_be_a_message() -> None:
    message = Message("word.cannot-be-read", {"name": Message("word.note")})
    assert message.text("en") == "note cannot be read"
    assert message.text("vi") == "không đọc được ghi chú"


def test_messages_are_values() -> None:
    one, same = (Message("word.of", {"count": 1, "total": 2}) for _ in range(2))
    assert one == same and len({one, same, Message("word.error")}) == 2


def test_a_message_goes_through_json_and_back() -> None:
    message = Message("word.cannot-be-read", {"name": Message("word.of", {"count": 1, "total": 2})})
    assert Message.from_json(json.loads(json.dumps(message.as_json()))) == message


def test_text_that_is_no_message_stays_as_it_is() -> None:
    assert text_of("Hà {name}", "vi") == "Hà {name}"
    assert text_of(Message("word.error"), "vi") == "lỗi"


def test_a_missing_argument_and_an_unknown_code_are_errors() -> None:
    with pytest.raises(LanguageError, match=r"word\.of needs the argument 'total'"):
        translate("word.of", "en", count=1)
    with pytest.raises(LanguageError, match=r"there is no message with the code word\.nothing"):
        translate("word.nothing", "en")
    assert has_message("word.of") and not has_message("word.nothing")


def test_one_of_something_has_its_own_text() -> None:
    assert translate("collect.child", "en", count=1, age=7) == "1 more child of 7 and under"
    assert translate("collect.child", "en", count=2, age=7) == "2 more children of 7 and under"
    assert translate("collect.child", "vi", count=1, age=7) == "thêm 1 trẻ em từ 7 tuổi trở xuống"
