"""Fields are checked by one model, whatever the form of the body, and refused with the nearest right name."""

import base64
import json

import pytest

from mien.service.bodies import ImageBytes, RequestModel, fields_of, parse_json, validated
from mien.service.errors import ServiceError
from mien.service.multipart import Part


class Asked(RequestModel):
    image: ImageBytes
    threshold: str = "fmr:1e-3"
    mirrors: bool = False
    count: int | None = None
    images: tuple[ImageBytes, ...] = ()


def refused(call) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        call()
    assert caught.value.status == 422 and "\n" not in str(caught.value)
    return caught.value


def test_json_and_multipart_give_the_same_value() -> None:
    text = base64.b64encode(b"\xff\xd8bytes").decode()
    from_json = validated(Asked, parse_json(json.dumps({"image": text, "mirrors": True, "count": 3}).encode()))
    parts = [
        Part("image", True, bytearray(b"\xff\xd8bytes")),
        Part("mirrors", False, bytearray(b"true")),
        Part("count", False, bytearray(b"3")),
    ]
    assert from_json == validated(Asked, fields_of(parts, Asked))
    assert from_json.image == b"\xff\xd8bytes" and from_json.mirrors and from_json.count == 3


def test_a_field_that_is_a_list_may_come_several_times_and_another_one_not() -> None:
    parts = [Part("images", True, bytearray(b"1")), Part("images", True, bytearray(b"2"))]
    assert fields_of(parts, Asked) == {"images": [b"1", b"2"]}
    parts = [Part("image", True, bytearray(b"1")), Part("image", True, bytearray(b"2"))]
    assert "occurs twice" in str(refused(lambda: fields_of(parts, Asked)))


def test_an_unknown_field_gets_the_nearest_right_name() -> None:
    error = refused(lambda: validated(Asked, {"image": "aaaa", "treshold": "fmr:1e-3"}))
    assert str(error) == "treshold: there is no such field; did you mean threshold?"
    assert error.details == [{"field": "treshold", "problem": "there is no such field; did you mean threshold?"}]


def test_a_missing_field_and_a_wrong_one_are_both_listed() -> None:
    error = refused(lambda: validated(Asked, {"count": "many"}))
    assert {one["field"] for one in error.details} == {"image", "count"} and "(and 1 more" in str(error)


def test_what_was_sent_is_not_repeated() -> None:
    error = refused(lambda: validated(Asked, {"image": "secret-secret!", "count": "hunter2"}))
    assert "hunter2" not in str(error) + json.dumps(error.details) and "base64" in str(error)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"a": 1, "a": 2}', "occurs twice"),
        (b'{"a": NaN}', "NaN"),
        (b"[" * 10_000 + b"]" * 10_000, "nested"),
        (b"[" * 100 + b"]" * 100, "nested"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
    ],
)
def test_json_that_could_be_read_in_two_ways_or_does_harm_is_refused(data: bytes, says: str) -> None:
    assert says in str(refused(lambda: parse_json(data)))


@pytest.mark.parametrize("fields", [[], "text", None, 3, {"image": None}, {"image": "\ud800"}, {"image": ["a"]}])
def test_rubbish_in_the_place_of_fields(fields: object) -> None:
    json.dumps(refused(lambda: validated(Asked, fields)).details).encode()
