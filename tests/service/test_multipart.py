"""Multipart bodies are read in memory, under limits, and refused with a sentence where they are not whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.service.errors import ServiceError
from mien.service.multipart import parse_multipart

KIND = "multipart/form-data; boundary=xyz"


def part(name: str, data: bytes, file: bool = False) -> bytes:
    filename = '; filename="../../secret.jpg"' if file else ""
    head = f'--xyz\r\nContent-Disposition: form-data; name="{name}"{filename}\r\n\r\n'.encode()
    return head + data + b"\r\n"


def test_fields_and_files_and_no_file_names() -> None:
    found = parse_multipart(part("image", b"\xff\x00\r\n-", True) + part("language", b"vi") + b"--xyz--\r\n", KIND, 4)
    assert [(one.name, one.is_file, bytes(one.data)) for one in found] == [
        ("image", True, b"\xff\x00\r\n-"),
        ("language", False, b"vi"),
    ]
    assert not any("secret" in str(getattr(one, name)) for one in found for name in ("name", "data"))


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=5))
def test_any_bytes_come_out_as_they_went_in(values: list[bytes]) -> None:
    values = [value for value in values if b"--xyz" not in value]
    body = b"".join(part(f"f{i}", value, True) for i, value in enumerate(values)) + b"--xyz--\r\n"
    if values:
        assert [bytes(one.data) for one in parse_multipart(body, KIND, 9)] == values


@pytest.mark.parametrize(
    ("body", "kind", "status", "says"),
    [
        (b"", KIND, 422, "cut off"),
        (part("a", b"1"), KIND, 422, "cut off"),
        (b"rubbish", KIND, 422, "cannot be read"),
        (part("a", b"1") + b"--xyz--", "multipart/form-data", 422, "no boundary"),
        (b"--xyz\r\nContent-Disposition: form-data\r\n\r\n1\r\n--xyz--\r\n", KIND, 422, "no name"),
        (b"--xyz\r\nA: " + b"b" * 5000 + b"\r\n\r\n1\r\n--xyz--\r\n", KIND, 422, "header size"),
        (part("a", b"1") * 10_000 + b"--xyz--\r\n", KIND, 413, "more than 4 parts"),
    ],
)
def test_broken_bodies_are_refused(body: bytes, kind: str, status: int, says: str) -> None:
    with pytest.raises(ServiceError, match=says) as caught:
        parse_multipart(body, kind, 4)
    assert caught.value.status == status
